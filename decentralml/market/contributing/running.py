"""Running a task's script on the contributor's data, in the sandbox."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from decentralml.bundles.pack import find_result
from decentralml.errors import NothingToRun, TaskScriptFailed
from decentralml.market.contributing.contributor import assignment
from decentralml.market.exchange.fetch import FetchedTask, fetch_task
from decentralml.market.replaying import order_seed_of
from decentralml.market.session import Session
from decentralml.market.work import WorkFolder, replace_folder, scratch
from decentralml.sandbox.environment import PythonEnvironment, command_for, setup_environment
from decentralml.sandbox.limits import Limits
from decentralml.types import Submission, TaskId


@dataclass(frozen=True, slots=True)
class Ran:
    """A finished run.

    Attributes
    ----------
    result : folder that the script left: what ``send-results`` will sign and send.
    log : what it printed.
    """

    task: TaskId
    index: int
    result: Path
    log: Path
    seconds: float


def run_task(
    session: Session,
    task: TaskId,
    data: Path | None = None,
    *,
    trust_setup: bool = False,
    sandboxed: bool = True,
    seconds: float = 3600.0,
    memory: int = 4 << 30,
) -> Ran:
    """Run the script of an accepted task; its output replaces that of an earlier run.

    Parameters
    ----------
    data : the contributor's own data, mounted read-only at ``/data``.
    trust_setup : let the bundle's set-up script make an environment first, OUTSIDE the sandbox.
    sandboxed : False runs the script with all the caller's rights.
    seconds, memory : limits of the run; memory in bytes.

    Raises
    ------
    NotAssigned, AlreadySubmitted, DeadlinePassed, TaskScriptFailed, ResultFolderInvalid,
    SandboxError
    """
    found = assignment(session, task, "work")
    bundle = fetch_task(session, session.chain.task(task))
    folder = session.work(task)
    attempt = folder.attempt(found.index)
    python = _environment(session, bundle, folder) if trust_setup else None
    place = "in the sandbox" if sandboxed else "WITHOUT a sandbox"
    lent = data is not None or bundle.manifest.replay is not None
    without = "" if lent else ", on no data of yours (--data DIR lends it some)"
    session.report.step(f"running {bundle.manifest.run} {place}{without}")
    with scratch(attempt.root) as space:
        output = space / "output"
        elapsed = run_script(
            session,
            bundle.manifest.run,
            mounts(bundle, data),
            output,
            attempt.log,
            limits=Limits(seconds=seconds, memory_bytes=memory),
            python=python,
            sandboxed=sandboxed,
            environment=_replayable(session, bundle, found),
        )
        find_result(output)
        replace_folder(output, attempt.output)
    return Ran(task, found.index, find_result(attempt.output), attempt.log, elapsed)


def _replayable(session: Session, bundle: FetchedTask, found: Submission) -> Mapping[str, str]:
    """The variables that fix the order of the data, where the training can be replayed."""
    if bundle.manifest.replay is None:
        return {}
    from decentralml.learning.replay.variables import variables

    return variables(order_seed_of(session, found))


def mounts(bundle: FetchedTask, data: Path | None) -> dict[str, Path]:
    """What a task's script may see: the bundle, the data, and the model to begin from."""
    lent = {"task": bundle.folder}
    if data is not None:
        lent["data"] = data
    if bundle.base_model is not None:
        lent["model"] = bundle.base_model
    return lent


def run_script(
    session: Session,
    script: str,
    lent: dict[str, Path],
    output: Path,
    log: Path,
    *,
    limits: Limits,
    python: PythonEnvironment | None = None,
    sandboxed: bool = True,
    environment: Mapping[str, str] | None = None,
) -> float:
    """Run a bundle's script and return how many seconds it took.

    Raises
    ------
    TaskScriptFailed : it failed, or met a limit; the log has its last words.
    """
    from decentralml.sandbox.runner import run
    from decentralml.sandbox.unsandboxed import run_unsandboxed

    log.parent.mkdir(parents=True, exist_ok=True)
    outcome = (run if sandboxed else run_unsandboxed)(
        command_for(script),
        mounts=lent,
        output=output,
        limits=limits,
        environment={"DML_CONTRIBUTOR": session.address} | dict(environment or {}),
        log=log,
        on_line=session.report.line,
        python=python,
    )
    if not outcome.ok:
        raise TaskScriptFailed(script, outcome.describe(), outcome.exit_code, log)
    return outcome.seconds


def _environment(session: Session, bundle: FetchedTask, folder: WorkFolder) -> PythonEnvironment:
    if bundle.manifest.setup is None:
        raise NothingToRun(str(bundle.folder), "a set-up script")
    session.report.step(f"running {bundle.manifest.setup} OUTSIDE the sandbox, as you said")
    return setup_environment(
        bundle.folder,
        bundle.manifest.setup,
        folder.environment,
        log=folder.root / "setup.log",
        on_line=session.report.line,
    )
