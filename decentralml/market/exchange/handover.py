"""Giving the keys of validation sets on to those who have come into office."""

from __future__ import annotations

from decentralml.errors import DecentralMLError
from decentralml.market.exchange.fetch import fetch_task
from decentralml.market.exchange.shares import share_key, validation_key
from decentralml.market.session import Session
from decentralml.market.tasks import LIVE, every_task
from decentralml.types import Address, Task, TaskId


def hand_over(session: Session, task: TaskId) -> tuple[Address, ...]:
    """Give one's own share of a task's key to all in office who have none; whom it went to.

    Raises
    ------
    ValidationSetSealed : this account has no share itself.
    """
    return _hand_over(session, session.chain.task(task))


def hand_over_all(session: Session) -> dict[TaskId, tuple[Address, ...]]:
    """The same for every task that goes on and of which this account has a share."""
    given: dict[TaskId, tuple[Address, ...]] = {}
    for task in every_task(session):
        if goes_on(task) and session.chain.share(task.id, session.address) is not None:
            given[task.id] = _hand_over(session, task)
    return given


def hand_over_if_able(session: Session, task: Task) -> tuple[Address, ...]:
    """The same beside other work, which it must not keep from being done."""
    if not goes_on(task) or session.chain.share(task.id, session.address) is None:
        return ()
    try:
        return _hand_over(session, task)
    except DecentralMLError as error:
        session.report.warn(f"the validation set's key was not handed over: {error}")
        return ()


def goes_on(task: Task) -> bool:
    """Whether results of it are still to be judged."""
    return task.status in LIVE or task.active > 0


def _hand_over(session: Session, task: Task) -> tuple[Address, ...]:
    wanted = fetch_task(session, task).manifest.validation_set
    if wanted is None or wanted.key_digest is None:
        return ()
    return share_key(session, task.id, validation_key(session, task.id, wanted))
