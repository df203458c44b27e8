"""Merging a task's accepted models into the next one, and publishing it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from decentralml.bundles.judging import Copies
from decentralml.bundles.manifest import CODE_FILE, STRUCTURE_FILE
from decentralml.bundles.merge import MergePlan
from decentralml.bundles.merge import Weighting as Weighting
from decentralml.bundles.meta import write_meta_file
from decentralml.bundles.privacy import write_ledger
from decentralml.bundles.training import EPSILON
from decentralml.chain.calls import Batch, PublishModel
from decentralml.chain.errors import NotPublisher
from decentralml.errors import (
    FolderInUse,
    NothingToMerge,
    NotMergeable,
    NotTheBase,
    StorageError,
)
from decentralml.learning.mean import shares
from decentralml.learning.update import Update
from decentralml.market.exchange.fetch import FetchedResult, FetchedTask, fetch_result, fetch_task
from decentralml.market.merging import private
from decentralml.market.merging.plan import Chosen, choose
from decentralml.market.merging.private import Spending
from decentralml.market.merging.reference import require_reference, trained_reference
from decentralml.market.merging.weights import Weighed, warn_of_dominance, warn_of_twins, weigh
from decentralml.market.session import Session
from decentralml.market.tasks import list_task_results
from decentralml.market.work import scratch
from decentralml.storage.unixfs import cid_of
from decentralml.types import Address, Cid, SubmissionStatus, Task, TaskId, TaskType
from decentralml.validation.checks import check_result


@dataclass(frozen=True, slots=True)
class Part:
    """One model's part in the merge.

    Attributes
    ----------
    share : its weight; all shares are one together.
    coefficient : what the rule made of that; None where the rule looks at each coordinate apart.
    rejected : why the rule left it out, if it did.
    metrics : what its committee measured, where the weight comes from that.
    epsilon : what its contributor claims to have spent of its examples' privacy (DP-SGD).
    """

    task: TaskId
    index: int
    contributor: Address
    examples: int
    share: float
    coefficient: float | None
    rejected: str | None
    metrics: Mapping[str, float]
    epsilon: float | None


@dataclass(frozen=True, slots=True)
class Merged:
    """The next model.

    Attributes
    ----------
    plan : how it was merged: what was asked for, else what the task's bundle pins.
    rule, reason : what ``auto`` came to, and why; else the plan's own, and what it went by.
    published : the chain names it as the task's next model.
    privacy : what its line of models has spent; None where none of that was private.
    """

    task: TaskId
    model: Path
    cid: Cid
    parts: tuple[Part, ...]
    published: bool
    plan: MergePlan
    rule: str
    reason: str
    privacy: Spending | None = None


def federate(
    session: Session,
    task: TaskId,
    out: Path,
    *,
    plan: MergePlan | None = None,
    weighting: Weighting | None = None,
    rule: str | None = None,
    base: Path | None = None,
    only: Sequence[int] = (),
    also: Mapping[TaskId, Sequence[int]] | None = None,
    publish: bool = True,
    reference: Path | None = None,
    trusted: Path | None = None,
) -> Merged:
    """Merge accepted models into ``out``, and publish it as the task's next model.

    The same results give the same model to the byte, so a repeated call finds its own work, and
    whoever merges makes the same one: of a private merge, whoever has the same account.

    Parameters
    ----------
    plan : how to merge; None takes what the task's bundle pins.
    weighting, rule : instead of the plan's.
    base : folder of the model that the results began from; None takes the bundle's.
    only : indices of the results to merge; all accepted ones if empty.
    also : results of other tasks that began from the same model, by task and index: the attempts of
        a round. The model is published as the next one of each.
    publish : store the model and record it on the chain (the creator, and whom it appointed).
    reference, trusted : one of them, for the rule ``fltrust``: a model that was trained, from the
        base model, on data that the caller trusts; or such data, on which the task's script is run.

    Raises
    ------
    NothingToMerge, NotMergeable, NothingMeasured, MergePlanInvalid, NotTheBase, FolderInUse,
    NotPublisher, BudgetSpent, ReferenceNeeded, NotAModel, TaskScriptFailed, BundleError,
    LearningError
    """
    found = session.chain.task(task)
    if publish:
        for number in (task, *(also or {})):
            require_publisher(session, session.chain.task(number))
    if found.terms.task_type is TaskType.DATA_ANNOTATORS:
        raise NotMergeable(task, "its results are labels, not models")
    bundle = fetch_task(session, found)
    chosen = choose(plan or bundle.manifest.merge or MergePlan(), rule, weighting)
    require_reference(chosen.plan, bundle, reference, trusted)
    start = _base(bundle, task, base)
    privacy = chosen.plan.privacy
    if privacy is not None:
        private.require_private(found.terms.task_type, start)
    # A ledger is the bundle's: a folder that was named has the same model, and may have another.
    own, parent = bundle.base_model, found.terms.parent
    spending = private.foreseen(task, own, parent, chosen.plan)
    results = accepted_results(session, bundle, task, only)
    others = [session.chain.task(other) for other in also or {}]
    for other in others:
        results += _of_another(session, bundle, other, (also or {})[other.id])
    results.sort(key=lambda result: (result.submission.task, result.submission.index))
    updates = [_update(result) for result in results]
    weighed = weigh(session, results, chosen.weights)
    parts = shares(updates, [each.weight for each in weighed])
    warn_of_dominance(session, results, parts, chosen.weights)
    if bundle.manifest.copies is Copies.REFUSE and privacy is None:
        warn_of_twins(session, (found, *others), results)
    if trusted is not None:
        reference = trained_reference(session, found, bundle, trusted)
    session.report.step(f"merging {len(updates)} models ({chosen.plan.rule})")
    key = None
    if privacy is not None:
        private.require_one_each(task, results)
        key = private.noise_key(session, bundle, results, privacy)
    with scratch(out.absolute().parent) as space:
        with session.report.bar("merging") as progress:
            merge = chosen.merge(updates, space / "mean", parts, start, progress, key, reference)
        model = _stepped(session, found, start, chosen, space / "mean", space / "model")
        _take_code(task, results, model)
        before = private.line_before(own, parent, privacy is not None)
        if line := private.with_merge(before, task, privacy, len(results)):
            write_ledger(model, line)
        if bundle.manifest.meta is not None:
            write_meta_file(model, bundle.manifest.meta)
        cid = cid_of(model)
        if not out.exists():
            model.rename(out)
        elif cid_of(out) != cid:
            raise FolderInUse(out)
    if publish:
        publish_model(session, (found, *others), out, cid)
        if spending is not None:
            private.note(session, found, cid, spending, privacy)
    return Merged(
        task,
        out,
        cid,
        tuple(
            _part(result, weight, share, merge.coefficients[number], merge.rejected.get(number))
            for number, (result, weight, share) in enumerate(
                zip(results, weighed, parts, strict=True)
            )
        ),
        publish,
        chosen.plan,
        merge.rule,
        merge.reason,
        spending,
    )


def publish_model(session: Session, tasks: Sequence[Task], model: Path, cid: Cid) -> None:
    """Store a model and record it on the chain, where it is not recorded yet: of all or of none."""
    calls = [
        PublishModel(task.id, cid) for task in tasks if session.chain.task(task.id).published != cid
    ]
    if not calls:
        return
    with session.report.bar("storing the model") as progress:
        session.objects.add(model, progress)
    with session.report.bar("publishing the model") as progress:
        session.objects.publish(cid, progress)
    session.chain.submit(calls[0] if len(calls) == 1 else Batch(tuple(calls)), session.key)


def require_publisher(session: Session, task: Task) -> None:
    """Raise NotPublisher unless the chosen key may publish the task's next model."""
    if session.address not in (task.creator, session.chain.merger(task.id)):
        raise NotPublisher.foreseen(task=task.id, signer=session.address)


def fetch_model(session: Session, cid: Cid, out: Path) -> Path:
    """A published model at ``out``, verified; what is there already is checked, not trusted.

    Raises
    ------
    StorageError
    """
    from decentralml.market.exchange.fetch import fetch

    fetch(session, cid, out, f"fetching the model {cid}")
    return out


def accepted_results(
    session: Session, bundle: FetchedTask, task: TaskId, only: Sequence[int] = ()
) -> list[FetchedResult]:
    """The accepted results of a task, fetched, verified and checked, by index."""
    chosen = [
        submission
        for submission in list_task_results(session, task)
        if submission.status is SubmissionStatus.ACCEPTED and (not only or submission.index in only)
    ]
    unknown = sorted(set(only) - {submission.index for submission in chosen})
    if not chosen or unknown:
        raise NothingToMerge(task, tuple(unknown))
    results = [fetch_result(session, bundle, submission) for submission in chosen]
    for result in results:
        check_result(result.folder, bundle.manifest, bundle.folder)
    return results


def _of_another(
    session: Session, first: FetchedTask, task: Task, indices: Sequence[int]
) -> list[FetchedResult]:
    """Results of another task, which can be merged with those of the first. Raises NotMergeable."""
    bundle = fetch_task(session, task)
    if bundle.base_model_cid != first.base_model_cid:
        raise NotMergeable(task.id, "its results began from another model")
    return accepted_results(session, bundle, task.id, indices)


def _base(bundle: FetchedTask, task: TaskId, named: Path | None) -> Path | None:
    """The model that the results began from; what is named must be it.

    Its weights and structure are what counts: a published model's folder may hold more.
    """
    own = bundle.base_model
    if named is None:
        return own
    files = ("model.safetensors", STRUCTURE_FILE)
    same = own is not None and all(
        (named / name).is_file() and cid_of(named / name) == cid_of(own / name) for name in files
    )
    if not same:
        raise NotTheBase(named, task, bundle.base_model_cid, cid_of(named))
    return named


def _stepped(
    session: Session, task: Task, base: Path | None, chosen: Chosen, mean: Path, out: Path
) -> Path:
    """What the server's optimizer makes of the mean: the mean itself, with plain FedAvg."""
    from decentralml.learning.server import keeps_the_mean, step_model

    if keeps_the_mean(chosen.optimizer):
        return mean
    if base is None:
        raise NotMergeable(task.id, f"{chosen.optimizer.name} needs a base model to step from")
    out.mkdir()
    step_model(base, mean, out, chosen.optimizer, _model_before(session, task))
    for file in mean.iterdir():
        if not (out / file.name).exists():
            file.rename(out / file.name)
    return out


def _model_before(session: Session, task: Task) -> Path | None:
    """What the parent task published, with the memory of the optimizer that made it."""
    if task.terms.parent is None:
        return None
    parent = session.chain.task(task.terms.parent)
    if parent.published is None:
        return None
    try:
        return fetch_model(session, parent.published, session.work(parent.id).root / "published")
    except StorageError as error:
        session.report.warn(
            f"the model of task {parent.id} cannot be fetched, so its optimizer's memory is not "
            f"known and nothing is merged: {error}"
        )
        raise


def _take_code(task: TaskId, results: Sequence[FetchedResult], model: Path) -> None:
    """An engineer's model is its code too; models can be averaged only if that is the same."""
    codes = {_code(result) for result in results}
    if len(codes) > 1:
        raise NotMergeable(task, "its models differ in their code (choose with --only)")
    for code in codes - {None}:
        assert code is not None
        (model / CODE_FILE).write_bytes(code)


def _code(result: FetchedResult) -> bytes | None:
    file = result.folder / CODE_FILE
    return file.read_bytes() if file.is_file() else None


def _update(result: FetchedResult) -> Update:
    manifest = result.manifest
    return Update(
        result.folder,
        manifest.examples,
        manifest.metrics,
        manifest.model_type,
        f"result {result.submission.index} of {manifest.contributor}",
    )


def _part(
    result: FetchedResult,
    weighed: Weighed,
    share: float,
    coefficient: float | None,
    rejected: str | None,
) -> Part:
    return Part(
        result.submission.task,
        result.submission.index,
        result.manifest.contributor,
        result.manifest.examples,
        share,
        coefficient,
        rejected,
        weighed.metrics,
        result.manifest.metrics.get(EPSILON),
    )
