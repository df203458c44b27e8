"""Reading tasks and their results, and moving on what a deadline has ended."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from decentralml.chain.api import Receipt
from decentralml.chain.calls import Settle, WithdrawTask
from decentralml.chain.errors import NotCreator
from decentralml.errors import CallRefused
from decentralml.market.session import Session
from decentralml.types import Submission, Task, TaskId, TaskStatus

PAGE = 100
LIVE = (TaskStatus.CREATED, TaskStatus.IN_PROGRESS)


def list_tasks(
    session: Session,
    limit: int = 20,
    before: TaskId | None = None,
    open_only: bool = False,
) -> list[Task]:
    """Tasks, newest first; with ``open_only`` those that somebody could accept now."""
    if not open_only:
        return session.chain.tasks(limit, before)
    now = session.chain.now()
    found: list[Task] = []
    while len(found) < limit:
        page = session.chain.tasks(PAGE, before)
        found += [task for task in page if is_open(task, now)]
        if len(page) < PAGE:
            break
        before = page[-1].id
    return found[:limit]


def every_task(session: Session) -> Iterator[Task]:
    """All tasks, newest first, a page at a time."""
    before: TaskId | None = None
    while True:
        page = session.chain.tasks(PAGE, before)
        yield from page
        if len(page) < PAGE:
            return
        before = page[-1].id


def is_open(task: Task, now: int) -> bool:
    """Whether a slot of a task can be accepted at a time."""
    return task.status in LIVE and task.open_slots > 0 and now < task.terms.expires_at


def every_submission(session: Session, task: TaskId) -> Iterator[Submission]:
    """All submissions of a task, newest first, a page at a time."""
    before: int | None = None
    while True:
        page = session.chain.submissions(task, PAGE, before)
        yield from page
        if len(page) < PAGE:
            return
        before = page[-1].index


def list_task_results(session: Session, task: TaskId) -> list[Submission]:
    """The submissions of a task by index, those without a result yet included."""
    session.chain.task(task)
    return sorted(every_submission(session, task), key=lambda found: found.index)


@dataclass(frozen=True, slots=True)
class Settled:
    """What ``settle`` moved: submissions by index, and the task's own open slots."""

    task: TaskId
    submissions: tuple[int, ...]
    expired: bool
    refused: tuple[str, ...] = ()
    """What the chain would not settle, and why."""


def settle(session: Session, task: TaskId, index: int | None = None) -> Settled:
    """Settle one submission, or everything of a task whose deadline has passed.

    What the chain refuses (because another command was faster) is left as it is.
    """
    if index is not None:
        session.chain.submit(Settle(task, index), session.key)
        return Settled(task, (index,), False)
    session.chain.task(task)
    now = session.chain.now()
    moved: list[int] = []
    refused: list[str] = []
    for submission in every_submission(session, task):
        if submission.deadline is not None and now > submission.deadline:
            try:
                session.chain.submit(Settle(task, submission.index), session.key)
                moved.append(submission.index)
            except CallRefused as error:
                refused.append(f"result {submission.index}: {error}")
    # Read after the results have moved on: the last of them may have ended the task.
    found = session.chain.task(task)
    expired = found.status in LIVE and found.open_slots > 0 and now > found.terms.expires_at
    if expired:
        try:
            session.chain.submit(Settle(task, None), session.key)
        except CallRefused as error:
            expired = False
            refused.append(f"task {task}: {error}")
    return Settled(task, tuple(reversed(moved)), expired, tuple(refused))


def withdraw_task(session: Session, task: TaskId) -> Receipt | None:
    """Refund the slots that nobody works on; None if that was done before. Raises NotCreator."""
    found = session.chain.task(task)
    require_creator(session, found)
    if found.status is TaskStatus.WITHDRAWN:
        return None
    return session.chain.submit(WithdrawTask(task), session.key)


def require_creator(session: Session, task: Task) -> None:
    """Raise NotCreator unless the chosen key created the task."""
    if task.creator != session.address:
        raise NotCreator.foreseen(task=task.id, signer=session.address, creator=task.creator)
