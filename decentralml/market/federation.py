"""Merging a task's accepted models into the next one, and publishing it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from decentralml.bundles.manifest import CODE_FILE
from decentralml.chain.calls import PublishModel
from decentralml.errors import FolderInUse, NothingToMerge, NotMergeable
from decentralml.learning.federate import federate as merge
from decentralml.learning.mean import shares
from decentralml.learning.update import Update
from decentralml.market.fetch import FetchedResult, FetchedTask, fetch_result, fetch_task
from decentralml.market.session import Session
from decentralml.market.tasks import list_task_results, require_creator
from decentralml.market.work import scratch
from decentralml.storage.unixfs import cid_of
from decentralml.types import Address, Cid, SubmissionStatus, TaskId, TaskType
from decentralml.validation.checks import check_result

CROWD = 3
"""Of so many models none should outweigh all others together."""


class Weighting(StrEnum):
    """How much each model counts."""

    EXAMPLES = "examples"
    """By the examples its signed manifest claims (FedAvg)."""
    EQUAL = "equal"


@dataclass(frozen=True, slots=True)
class Part:
    """One model's part in the merge; all shares are one together."""

    index: int
    contributor: Address
    examples: int
    share: float


@dataclass(frozen=True, slots=True)
class Merged:
    """The next model.

    Attributes
    ----------
    published : the chain names it as the task's next model.
    """

    task: TaskId
    model: Path
    cid: Cid
    parts: tuple[Part, ...]
    published: bool


def federate(
    session: Session,
    task: TaskId,
    out: Path,
    *,
    weighting: Weighting = Weighting.EXAMPLES,
    only: Sequence[int] = (),
    publish: bool = True,
) -> Merged:
    """Merge accepted models into ``out``, and publish it as the task's next model.

    The same results give the same model to the byte, so a repeated call finds its own work.

    Parameters
    ----------
    only : indices of the results to merge; all accepted ones if empty.
    publish : store the model and record it on the chain (the creator only).

    Raises
    ------
    NothingToMerge, NotMergeable, FolderInUse, NotCreator, BundleError, LearningError
    """
    found = session.chain.task(task)
    if publish:
        require_creator(session, found)
    if found.terms.task_type is TaskType.DATA_ANNOTATORS:
        raise NotMergeable(task, "its results are labels, not models")
    bundle = fetch_task(session, found)
    results = accepted_results(session, bundle, task, only)
    updates = [_update(result) for result in results]
    weights = [1.0] * len(updates) if weighting is Weighting.EQUAL else None
    parts = _parts(results, shares(updates, weights))
    _warn_of_dominance(session, parts)
    session.report.step(f"merging {len(updates)} models")
    with scratch(out.absolute().parent) as space:
        with session.report.bar("merging") as progress:
            model = merge(updates, space / "model", weights, progress)
        _take_code(task, results, model)
        cid = cid_of(model)
        if not out.exists():
            model.rename(out)
        elif cid_of(out) != cid:
            raise FolderInUse(out)
    if publish and found.published != cid:
        with session.report.bar("storing the model") as progress:
            session.objects.add(out, progress)
        with session.report.bar("publishing the model") as progress:
            session.objects.publish(cid, progress)
        session.chain.submit(PublishModel(task, cid), session.key)
    return Merged(task, out, cid, parts, publish)


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


def _warn_of_dominance(session: Session, parts: Sequence[Part]) -> None:
    """Examples are claimed, not measured: whoever claims most of them makes the next model."""
    largest = max(parts, key=lambda part: part.share)
    if len(parts) >= CROWD and largest.share > 0.5:
        session.report.warn(
            f"result {largest.index} claims {largest.share:.0%} of all examples and so decides the "
            "merge almost alone; if you doubt that, use --weights equal or leave it out (--only)"
        )


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


def _parts(results: Sequence[FetchedResult], parts: Sequence[float]) -> tuple[Part, ...]:
    return tuple(
        Part(result.submission.index, result.manifest.contributor, result.manifest.examples, share)
        for result, share in zip(results, parts, strict=True)
    )
