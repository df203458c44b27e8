"""What a contributor does before there is a result: take a slot, or give it back."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from decentralml.chain.api import Receipt
from decentralml.chain.calls import Abandon, AcceptTask
from decentralml.chain.errors import (
    AlreadySubmitted,
    DeadlinePassed,
    FundsUnavailable,
    NotAssigned,
    NotInvited,
    ReputationTooLow,
)
from decentralml.chain.events import TaskAccepted
from decentralml.errors import CallRefused, TaskNotOpen
from decentralml.market.creating.criteria import Criteria, criteria
from decentralml.market.exchange.fetch import fetch_task
from decentralml.market.session import Session
from decentralml.market.tasks import LIVE, every_submission, is_open, settle
from decentralml.types import Access, Role, Submission, SubmissionStatus, Task, TaskId


@dataclass(frozen=True, slots=True)
class Accepted:
    """A slot that is the account's, and the bundle to work with.

    Attributes
    ----------
    deadline : Unix milliseconds by which the result must be sent.
    criteria : what decides about the result.
    own_data : the work is on data of one's own; else the bundle brings it.
    resumed : the slot was held already.
    """

    task: TaskId
    index: int
    deadline: int
    bond: int
    bundle: Path
    setup: str | None
    criteria: Criteria
    own_data: bool
    resumed: bool


def accept_task(session: Session, task: TaskId) -> Accepted:
    """Take one slot of a task.

    The bundle is fetched and verified before anything is signed, so that nobody binds a bond to
    work that cannot be done. Called again, it fetches what is missing and changes nothing.

    Raises
    ------
    TaskNotOpen : full, expired, withdrawn, completed, or the account's own.
    TermsMismatch, StorageError, CallRefused
    """
    found = session.chain.task(task)
    index = session.chain.open_assignment(task, session.address)
    resumed = index is not None
    if index is None:
        found = _freed(session, found)
        _require_open(session, found)
    bundle = fetch_task(session, found)
    asked = criteria(session, found, bundle.manifest)
    if index is None:
        session.report.step(f"what is asked for: {asked}")
        index = _accept(session, task)
    submission = session.chain.submission(task, index)
    return Accepted(
        task,
        index,
        submission.deadline or 0,
        submission.bond,
        bundle.folder,
        bundle.manifest.setup,
        asked,
        bundle.manifest.replay is None,
        resumed,
    )


def abandon_task(session: Session, task: TaskId) -> Receipt:
    """Give the slot back before its deadline; the bond returns but for the part of the working time
    that has passed. Raises NotAssigned.
    """
    if session.chain.open_assignment(task, session.address) is None:
        raise NotAssigned.foreseen(task=task, signer=session.address)
    return session.chain.submit(Abandon(task), session.key)


def assignment(session: Session, task: TaskId, doing: str) -> Submission:
    """The account's open assignment while it may still be worked on.

    Raises
    ------
    NotAssigned, AlreadySubmitted, DeadlinePassed
    """
    index = session.chain.open_assignment(task, session.address)
    if index is None:
        session.chain.task(task)
        raise NotAssigned.foreseen(task=task, signer=session.address)
    found = session.chain.submission(task, index)
    if found.status is not SubmissionStatus.ASSIGNED:
        raise AlreadySubmitted.foreseen(task=task, signer=session.address)
    if found.deadline is not None and session.chain.now() > found.deadline:
        raise DeadlinePassed.foreseen(task=task, deadline=found.deadline, what=doing)
    session.work(task).attempt(index).begin(found.accepted_at)
    return found


def _freed(session: Session, task: Task) -> Task:
    """The task after slots that others let expire were freed, if it has no other."""
    if task.status not in LIVE or task.open_slots or not task.active:
        return task
    now = session.chain.now()
    for submission in every_submission(session, task.id):
        late = submission.deadline is not None and now > submission.deadline
        if late and submission.status is SubmissionStatus.ASSIGNED:
            session.report.step(f"freeing the expired slot {submission.index}")
            settle(session, task.id, submission.index)
            return session.chain.task(task.id)
    return task


def _require_open(session: Session, task: Task) -> None:
    if task.creator == session.address:
        raise TaskNotOpen(task.id, "it is your own")
    now = session.chain.now()
    if is_open(task, now):
        _require_welcome(session, task)
        return
    if task.status not in LIVE:
        why = task.status.lower()
    elif now >= task.terms.expires_at:
        why = "expired"
    else:
        why = "full"
    raise TaskNotOpen(task.id, why)


def _require_welcome(session: Session, task: Task) -> None:
    """Refuse what the chain would: an account that is not invited, or has too low a standing."""
    invited = task.terms.access is Access.OPEN or session.chain.invited(task.id, session.address)
    if not invited:
        raise NotInvited.foreseen(task=task.id, signer=session.address)
    least = task.terms.minimum_reputation
    standing = session.chain.reputation(session.address, Role.CONTRIBUTOR).standing if least else 0
    if standing < least:
        facts = {"task": task.id, "signer": session.address, "least": least, "given": standing}
        raise ReputationTooLow.foreseen(**facts)
    free = session.chain.balance(session.address).free
    if free < task.terms.bond:
        facts = {"signer": session.address, "needed": task.terms.bond, "free": free}
        raise FundsUnavailable.foreseen(**facts)


def _accept(session: Session, task: TaskId) -> int:
    try:
        receipt = session.chain.submit(AcceptTask(task), session.key)
    except CallRefused:
        # The same account's other command may have been faster: then the slot is ours.
        index = session.chain.open_assignment(task, session.address)
        if index is None:
            raise
        return index
    event = receipt.find(TaskAccepted)
    assert event is not None, "accept_task succeeded without its event"
    return event.index
