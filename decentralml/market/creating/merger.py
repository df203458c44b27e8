"""Somebody else who merges: an aggregator to which results are released instead of the creator."""

from __future__ import annotations

from decentralml.bundles.sealing import is_usable
from decentralml.chain.calls import AppointMerger
from decentralml.errors import CallRefused, NotAnAggregator
from decentralml.market.session import Session
from decentralml.types import Address, Task, TaskId


def reader_of(session: Session, merger: Address) -> bytes:
    """The encryption key of an aggregator that is to merge, from its profile.

    Raises
    ------
    NotAnAggregator : it has none that anything can be wrapped for.
    """
    profile = session.chain.profile(merger)
    if profile is None or not is_usable(profile.encryption_key):
        raise NotAnAggregator(merger)
    return profile.encryption_key


def appoint_merger(session: Session, task: TaskId, merger: Address) -> None:
    """Let an account publish the task's model, where it may not yet. Raises CallRefused."""
    if session.chain.merger(task) == merger:
        return
    session.report.step(f"appointing {session.called(merger)} to merge")
    try:
        session.chain.submit(AppointMerger(task, merger), session.key)
    except CallRefused:
        if session.chain.merger(task) != merger:
            raise


def merger_is(session: Session, task: Task) -> bool:
    """Whether this account was appointed to merge a task."""
    return session.chain.merger(task.id) == session.address
