"""Telling a member what it was slashed for: at its next visit, once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from decentralml.chain import events
from decentralml.chain.history import Step
from decentralml.errors import BlockUnknown, NoKeyChosen, RecordDamaged, StatePruned
from decentralml.market.session import Session
from decentralml.types import AggregatorProfile, TaskId

UNTOLD = "Unknown"
"""Misconduct of which the node has forgotten everything but what is left of the bond."""

_OF_A_RESULT = (
    events.MemberAbsent,
    events.MemberUnrevealed,
    events.ResultValidated,
    events.AppealEnded,
    events.ResultRejected,
)
"""Events of the calls in which duties are found broken; each names the result."""


@dataclass(frozen=True, slots=True)
class Lapse:
    """A duty that this account broke.

    Attributes
    ----------
    misconduct : the chain's word: Absent, Unrevealed, Withheld, Overturned, FailedGold, or
        :data:`UNTOLD`.
    slashed : planck.
    task, index : of the result it was about, where that is known.
    block, time : when; Unix milliseconds.
    """

    misconduct: str
    slashed: int
    task: TaskId | None = None
    index: int | None = None
    block: int | None = None
    time: int | None = None


def new_lapses(session: Session) -> tuple[Lapse, ...]:
    """What happened to this account's bond since it was last asked for; none of it twice.

    Where the account is no aggregator, or nobody has said which account it is, that is nothing.
    """
    try:
        profile = session.chain.profile(session.address)
    except NoKeyChosen:
        return ()
    if profile is None:
        return ()
    records, name = session.records("lapses"), session.address
    with records.lock(name):
        known = None
        with suppress(RecordDamaged):  # Then it is told once more.
            known = records.read(name)
        block = session.chain.info().block
        if known is not None and known["block"] > block:
            known = None  # The chain was started anew.
        found = _since(session, profile, known)
        records.write(name, {"block": block, "bond": profile.bond, "missed": profile.missed})
    return found


def _since(
    session: Session, profile: AggregatorProfile, known: dict[str, int] | None
) -> tuple[Lapse, ...]:
    whole = session.chain.constants().aggregator_bond
    before = known or {"block": 0, "bond": whole, "missed": 0}
    if (profile.bond, profile.missed) == (before["bond"], before["missed"]):
        return ()
    try:
        steps = session.chain.lapses(session.address, before["block"])
        return tuple(lapse for step in steps for lapse in _lapses(session, step))
    except (StatePruned, BlockUnknown):
        lost = before["bond"] - profile.bond
        return (Lapse(UNTOLD, lost),) if lost > 0 else ()


def _lapses(session: Session, step: Step) -> Iterator[Lapse]:
    about = [(event.task, event.index) for event in step.events if isinstance(event, _OF_A_RESULT)]
    task, index = about[0] if about else (None, None)
    for event in step.events:
        if isinstance(event, events.Misconducted) and event.who == session.address:
            yield Lapse(event.misconduct, event.slashed, task, index, step.block, step.time)
