"""The results of a round's attempts, merged together by whoever merges: the creator, or its merger.

Which tasks are attempts of one round stands in the newest one's bundle (:mod:`~decentralml.bundles.
attempts`), which the chain names. That is its creator's word, so whatever it names must be such
that nobody is wronged by the merge: the creator's own, over, and begun from the same model on the
same promises.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from decentralml.bundles.attempts import EarlierAttempt
from decentralml.bundles.manifest import TaskManifest
from decentralml.bundles.merge import MergePlan
from decentralml.chain.errors import UnknownTask
from decentralml.errors import NothingToMerge, NotMergeable, TooFewToMerge
from decentralml.market.exchange.fetch import fetch_task
from decentralml.market.merging.federation import Merged, federate
from decentralml.market.session import Session
from decentralml.market.tasks import LIVE, list_task_results
from decentralml.types import SubmissionStatus, Task, TaskId

Parts = Mapping[TaskId, Sequence[int]]
"""What is merged: indices of accepted results, by task."""


def federate_round(session: Session, task: TaskId, out: Path, **how: Any) -> Merged:
    """Merge what was accepted of a task, and of the attempts before it that its bundle names.

    Takes the same words as :func:`~.federation.federate`, and raises the same; besides:

    Raises
    ------
    NotMergeable : what the bundle names as attempts are not.
    TooFewToMerge : fewer are accepted than the bundle promises.
    """
    found = session.chain.task(task)
    manifest = fetch_task(session, found).manifest
    earlier = [earlier_attempt(session, found, each) for each in manifest.attempts.before]
    for each in earlier:
        _require_alike(found, manifest, each, fetch_task(session, each).manifest)
    if manifest.merge is not None and manifest.merge.privacy is not None:
        _require_unmerged(found, earlier)
    accepted = {each.id: _accepted(session, each.id) for each in (*earlier, found)}
    parts = parts_of(session, accepted, manifest.merge)
    if not parts:
        raise NothingToMerge(task, ())
    if (count := sum(map(len, parts.values()))) < manifest.attempts.least:
        raise TooFewToMerge(task, count, manifest.attempts.least)
    return federate_parts(session, parts, out, **how)


def federate_parts(session: Session, parts: Parts, out: Path, **how: Any) -> Merged:
    """Merge results of several attempts: as the newest attempt that has any pins it.

    The same parts give the same model to the byte, which becomes the next one of each attempt.
    """
    newest = max(parts)
    also = {task: parts[task] for task in sorted(parts) if task != newest}
    return federate(session, newest, out, only=parts[newest], also=also, **how)


def parts_of(
    session: Session, accepted: Parts, plan: MergePlan | None
) -> dict[TaskId, tuple[int, ...]]:
    """What of the accepted results of attempts is merged: all of them, where nothing is private.

    The noise of a private merge hides one result of each account: its newest is taken.
    """
    parts = {task: tuple(accepted[task]) for task in sorted(accepted) if accepted[task]}
    if plan is None or plan.privacy is None:
        return parts
    newest = {
        session.chain.submission(task, index).contributor: (task, index)
        for task in parts
        for index in parts[task]
    }
    kept = set(newest.values())
    only = {task: tuple(i for i in parts[task] if (task, i) in kept) for task in parts}
    return {task: indices for task, indices in only.items() if indices}


def _accepted(session: Session, task: TaskId) -> tuple[int, ...]:
    found = list_task_results(session, task)
    return tuple(each.index for each in found if each.status is SubmissionStatus.ACCEPTED)


def earlier_attempt(session: Session, task: Task, named: EarlierAttempt) -> Task:
    """What a task's bundle names as an attempt before it, if it can be one.

    Raises
    ------
    NotMergeable : it is not there, another's, another bundle's, or not over.
    """
    try:
        found = session.chain.task(named.task)
    except UnknownTask:
        raise _no_attempt(task, named.task, "is not on the chain") from None
    if named.task >= task.id or found.terms.bundle != named.bundle:
        raise _no_attempt(task, named.task, "is another task than was meant")
    if found.creator != task.creator:
        raise _no_attempt(task, named.task, "is somebody else's")
    if found.status in LIVE:
        raise _no_attempt(task, named.task, "still goes on")
    return found


def _require_alike(task: Task, manifest: TaskManifest, earlier: Task, other: TaskManifest) -> None:
    """What contributors to the one were promised is what those to the other were.

    That both began from the same model is looked at when their results are merged.

    Raises
    ------
    NotMergeable
    """
    for what, one, two in (
        ("parent", task.terms.parent, earlier.terms.parent),
        ("reader", task.terms.reader, earlier.terms.reader),
        ("type", task.terms.task_type, earlier.terms.task_type),
        ("model type", task.terms.model_type, earlier.terms.model_type),
        ("[merge]", manifest.merge, other.merge),
        ("least number of results", manifest.attempts.least, other.attempts.least),
    ):
        if one != two:
            raise _no_attempt(task, earlier.id, f"has another {what}")


def _require_unmerged(task: Task, earlier: Sequence[Task]) -> None:
    """Refuse to publish one result in two private merges: their mean would have half the noise.

    Raises
    ------
    NotMergeable
    """
    newest = next((each for each in (task, *reversed(earlier)) if each.accepted), task)
    for each in earlier:
        if each.published not in (None, newest.published):
            raise _no_attempt(task, each.id, "was merged before, which a private merge is not")


def _no_attempt(task: Task, named: TaskId, why: str) -> NotMergeable:
    return NotMergeable(task.id, f"its bundle names task {named} as an attempt, which {why}")
