"""``validate-task-results --dry-run``: judging one's own result as a committee would."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path

from decentralml.bundles.manifest import ResultManifest
from decentralml.errors import BundleError, LearningError
from decentralml.market.contributing.contributor import assignment
from decentralml.market.contributing.sending import RESULT, pack, result_folder
from decentralml.market.exchange.coded import from_travel
from decentralml.market.exchange.fetch import fetch_task
from decentralml.market.judging.opinion import bench_of
from decentralml.market.replaying import order_seed_of
from decentralml.market.session import Session
from decentralml.market.work import scratch
from decentralml.types import Submission, Task, TaskId, Verdict
from decentralml.validation.findings import Finding
from decentralml.validation.policies import judge
from decentralml.validation.replay import Drawn
from decentralml.validation.segments import drawn_segments

SEALED = (
    "the committee measures it on a set that is sealed to you; name data of your own with "
    "--validation-path to try that"
)
OWN = "that is on your data: the committee measures it on a set that is sealed to you"


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What a committee would find, as far as that can be known beforehand.

    Attributes
    ----------
    result : the folder that was tried.
    certain : all that a committee looks at was looked at, on the same data or on data of one's own.
    note : what a committee will look at besides, if so.
    """

    result: Path
    finding: Finding
    certain: bool = True
    note: str | None = None


def rehearse(
    session: Session,
    task: TaskId,
    result_path: Path | None = None,
    validation_path: Path | None = None,
) -> Rehearsal:
    """Pack and sign a local result, open it again, and judge it; nothing is stored or sent.

    Of a training that can be replayed, segments are replayed that a random seed draws; the chain
    will draw others.

    Parameters
    ----------
    validation_path : data to measure on; the task's own set is sealed to contributors.

    Raises
    ------
    NotAssigned, AlreadySubmitted, DeadlinePassed, NothingToSend, StorageError, SandboxError
    """
    found = session.chain.task(task)
    held = assignment(session, task, "rehearse a result")
    bundle = fetch_task(session, found)
    place = result_path or session.work(task).attempt(held.index).output
    folder = result_folder(place, bundle.manifest, task)
    with scratch(session.config.work) as space:
        try:
            manifest, _ = pack(session, found, bundle, folder, space)
            judged = from_travel(bundle.manifest, bundle.folder, space / RESULT, space / "model")
        except (BundleError, LearningError) as error:
            return Rehearsal(folder, Finding(Verdict.FAIL, 0, (str(error),)))
        session.report.step("trying what a committee would do")
        finding = judge(
            bundle.folder,
            bundle.manifest,
            judged,
            validation_path,
            bench_of(session, task, space),
            _drawn(session, found, held, manifest),
        )
    if bundle.manifest.validation_set is None:
        return Rehearsal(folder, finding)
    certain = validation_path is not None or finding.verdict is Verdict.FAIL
    return Rehearsal(folder, finding, certain, SEALED if validation_path is None else OWN)


def _drawn(
    session: Session, task: Task, held: Submission, manifest: ResultManifest
) -> Drawn | None:
    if task.terms.replay is None or manifest.trace is None:
        return None
    drawn = drawn_segments(
        secrets.token_bytes(32), manifest.trace.checkpoints, task.terms.replay.segments
    )
    return Drawn(order_seed_of(session, held), manifest.trace, drawn)
