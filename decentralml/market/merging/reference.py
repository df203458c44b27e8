"""The update that FLTrust compares the others with: one of whoever merges, on data of its own.

It is what the task's own script makes of that data, from the model that the results began from, or
a model that was made elsewhere. Nobody else can make the same one: whoever merges is taken at its
word, as the creator is who names the rule.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from decentralml.bundles.manifest import MODEL_FILE, STRUCTURE_FILE
from decentralml.bundles.merge import MergePlan
from decentralml.bundles.pack import find_result
from decentralml.bundles.settings import TaskSettings
from decentralml.errors import MergePlanInvalid, NotAModel, ReferenceNeeded
from decentralml.learning.robust.rules import FROM_BASE, Rule
from decentralml.market.contributing.running import mounts, run_script
from decentralml.market.exchange.fetch import FetchedTask
from decentralml.market.session import Session
from decentralml.market.work import replace_folder, scratch
from decentralml.sandbox.limits import Limits
from decentralml.storage.unixfs import cid_of
from decentralml.types import Task


def compares(plan: MergePlan | None) -> bool:
    """Whether a plan's rule needs an update to trust."""
    return plan is not None and plan.rule == Rule.FLTRUST


def require_measurable(settings: TaskSettings) -> None:
    """Refuse to promise a rule that measures from a base model where there is none.

    Raises
    ------
    MergePlanInvalid
    """
    plan = settings.merge
    if plan is not None and plan.rule in FROM_BASE and settings.base_model is None:
        raise MergePlanInvalid(
            f"rule: {plan.rule} measures models from the one that they began from, and this task "
            "has none; name it with --base-model, or choose another rule"
        )


def require_reference(
    plan: MergePlan, bundle: FetchedTask, reference: Path | None, data: Path | None
) -> None:
    """Refuse what cannot be merged with what was given, before anything is fetched or trained.

    Raises
    ------
    ReferenceNeeded, MergePlanInvalid, NotAModel
    """
    given = [each for each in (reference, data) if each is not None]
    if not compares(plan):
        if given:
            raise MergePlanInvalid(
                f"rule: {plan.rule} compares models with nothing that is trusted; leave out "
                "--reference and --trusted-path, or choose --rule fltrust"
            )
        return
    if not given:
        raise ReferenceNeeded
    if len(given) > 1:
        raise MergePlanInvalid("rule: fltrust takes one of --reference and --trusted-path")
    if data is not None:
        require_trainable(bundle.manifest.replay is not None)
    if reference is not None:
        _require_model(reference)


def require_trainable(replayed: bool) -> None:
    """Refuse to train on trusted data what brings its own, whose order a slot's number decides.

    Raises
    ------
    MergePlanInvalid
    """
    if replayed:
        raise MergePlanInvalid(
            "rule: a training that can be replayed ([replay]) is on the bundle's data only; train "
            "an update yourself and give it with federate --reference"
        )


def trained_reference(session: Session, task: Task, bundle: FetchedTask, data: Path) -> Path:
    """What the task's script makes of trusted data, in the sandbox.

    It is kept, so that a merge which is repeated gives the same model.

    Raises
    ------
    TaskScriptFailed, ResultFolderInvalid, NotAModel, SandboxError
    """
    kept = hashlib.sha256(f"{task.terms.bundle} {cid_of(data)}".encode()).hexdigest()[:16]
    folder = session.work(task.id).root / "references" / kept
    made = folder / "model"
    if made.is_dir():
        return made
    session.report.step(f"running {bundle.manifest.run} on the trusted data, in the sandbox")
    with scratch(folder) as space:
        run_script(
            session,
            bundle.manifest.run,
            mounts(bundle, data),
            space / "output",
            folder / "run.log",
            limits=Limits(),
        )
        found = find_result(space / "output")
        _require_model(found)
        replace_folder(found, made)
    return made


def _require_model(folder: Path) -> None:
    if not all((folder / name).is_file() for name in (MODEL_FILE, STRUCTURE_FILE)):
        raise NotAModel(folder)
