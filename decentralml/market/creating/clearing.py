"""Removing what has ended from the chain, so that its deposits return; anyone may."""

from __future__ import annotations

from dataclasses import dataclass

from decentralml.chain.calls import Call, Clear, ClearAccess
from decentralml.errors import CallRefused
from decentralml.market.creating.access import parts
from decentralml.market.progress import ENDED
from decentralml.market.session import Session
from decentralml.market.tasks import LIVE, every_submission
from decentralml.types import TaskId


@dataclass(frozen=True, slots=True)
class Cleared:
    """What was removed, and what is still stored.

    Attributes
    ----------
    access : accounts whose invitations and shares were removed.
    refused : what the chain keeps yet, and why.
    """

    task: TaskId
    submissions: tuple[int, ...]
    access: int
    whole: bool
    """The task itself is gone too."""
    refused: tuple[str, ...] = ()


def clear(session: Session, task: TaskId, index: int | None = None) -> Cleared:
    """Remove one submission that has ended, or all that can be removed of a task.

    The history stays in the chain's events.

    Raises
    ------
    CallRefused : of a single submission: it has not ended, or too recently.
    """
    if index is not None:
        session.chain.submit(Clear(task, index), session.key)
        return Cleared(task, (index,), 0, False)
    found = session.chain.task(task)
    refused: list[str] = []
    gone = [
        submission.index
        for submission in every_submission(session, task)
        if submission.status in ENDED
        and _try(session, Clear(task, submission.index), f"result {submission.index}", refused)
    ]
    access = 0
    whole = False
    if found.status not in LIVE and not found.active:
        admitted = session.chain.admitted(task)
        for part in parts(admitted):
            if _try(session, ClearAccess(task, part), "invitations and shares", refused):
                access += len(part)
        whole = not refused and _try(session, Clear(task), f"task {task}", refused)
    return Cleared(task, tuple(reversed(gone)), access, whole, tuple(refused))


def _try(session: Session, call: Call, what: str, refused: list[str]) -> bool:
    try:
        session.chain.submit(call, session.key)
    except CallRefused as error:
        refused.append(f"{what}: {error}")
        return False
    return True
