"""Where every unit went that was held for a result, or for a task: sums that have to add up.

Pure functions of a history. What was held and where it went is read from the chain's events; what
is still held follows from the state, so that a sum that adds up was checked against both.
"""

from __future__ import annotations

from dataclasses import dataclass

from decentralml.chain import events
from decentralml.chain.history import History
from decentralml.market.explaining.steps import (
    ENDS,
    TREASURY,
    all_events,
    ended_by,
    is_of_appeal,
    is_of_slot,
    to_treasury,
)
from decentralml.types import Address


@dataclass(frozen=True, slots=True)
class Line:
    """One amount: what it was, and whose it was or became."""

    what: str
    who: Address | None
    amount: int


@dataclass(frozen=True, slots=True)
class Sum:
    """Money that was held for one purpose.

    Attributes
    ----------
    asset : of which its amounts are; None is the native token.
    held : what came in.
    went : what left, and to whom.
    still : what is held yet.
    """

    name: str
    asset: int | None
    held: tuple[Line, ...]
    went: tuple[Line, ...]
    still: int

    @property
    def total(self) -> int:
        return sum(line.amount for line in self.held)

    @property
    def adds_up(self) -> bool:
        return self.total == sum(line.amount for line in self.went) + self.still


def sums_of_result(history: History) -> tuple[Sum, ...]:
    """What was held for a result, and where it went; sums of nothing are left out."""
    found = (
        _slot(history),
        _slot_asset(history),
        _bond(history),
        _appeal(history),
        _deposit(history),
    )
    return tuple(each for each in found if each is not None and each.total)


def _slot(history: History) -> Sum:
    """The slot's part of the escrow in the native token."""
    terms = history.task.terms
    held = [Line("held when the task was posted", history.task.creator, terms.slot_hold)]
    went: list[Line] = []
    for step, event in all_events(history):
        match event:
            case events.EscrowRefilled():
                held.append(Line("filled up again", event.creator, event.amount))
            case events.FeePaid(source="Escrow"):
                went.append(Line("fee", event.member, event.amount))
            case events.FeePaid(source="Slot"):
                went.append(Line("fee of the jury", event.member, event.amount))
            case events.ResultAccepted(asset=None):
                went.append(Line("reward", event.contributor, event.reward))
            case events.EscrowRefunded(asset=None) if is_of_slot(step, event):
                went.append(Line("refunded", event.creator, event.amount))
    refunded = any(line.what == "refunded" for line in went)
    closed = refunded or ended_by(history, events.ResultAccepted)
    still = 0 if closed else terms.slot_hold
    left = sum(line.amount for line in held) - sum(line.amount for line in went) - still
    if 0 < left <= _of_silent_members(history):
        went.append(Line("fees of silent members, returned", history.task.creator, left))
    return Sum("escrow of the slot", None, tuple(held), tuple(went), still)


def _of_silent_members(history: History) -> int:
    """The most that version 1 kept, when a result ended, for members that had not spoken, whom the
    upgrade took their seats. It returned that without an event of the result's."""
    submission = history.submission
    if submission is None or submission.accepted_in or submission.ended_at is None:
        return 0
    terms = history.task.terms
    return (terms.committee_size - len(submission.committee)) * terms.fee


def _slot_asset(history: History) -> Sum | None:
    """The slot's reward, where it is in another asset."""
    terms = history.task.terms
    if terms.asset is None:
        return None
    went: list[Line] = []
    for step, event in all_events(history):
        match event:
            case events.ResultAccepted(paid=True):
                went.append(Line("reward", event.contributor, event.reward))
            case events.RewardClaimed():
                went.append(Line("reward, claimed later", event.contributor, event.reward))
            case events.EscrowRefunded(asset=int()) if is_of_slot(step, event):
                went.append(Line("refunded", event.creator, event.amount))
    held = (Line("held when the task was posted", history.task.creator, terms.reward),)
    return Sum("reward", terms.asset, held, tuple(went), 0 if went else terms.reward)


def _bond(history: History) -> Sum:
    """The contributor's bond."""
    held: list[Line] = []
    went: list[Line] = []
    for _, event in all_events(history):
        match event:
            case events.TaskAccepted():
                held.append(Line("held for the slot", event.contributor, event.bond))
            case events.FeePaid(source="Bond"):
                went.append(Line("fee", event.member, event.amount))
            case events.BondReturned():
                went.append(Line("returned", event.contributor, event.amount))
            case events.AssignmentExpired() | events.AssignmentAbandoned() if event.forfeited:
                went.append(Line("forfeited", TREASURY, event.forfeited))
    submission = history.submission
    over = submission is None or ended_by(history, *ENDS)
    still = 0 if over or submission is None else submission.bond
    return Sum("bond", None, tuple(held), tuple(went), still)


def _appeal(history: History) -> Sum:
    """What an appeal, and a creator that rejected against its committee, put up, and what members
    were slashed. What those lost that judged wrongly pays the jury before the rest does."""
    held: list[Line] = []
    went: list[Line] = []
    for step in history.steps:
        for place, event in enumerate(step.events):
            match event:
                case events.Overruled():
                    creator = history.task.creator
                    held.append(Line("counter-deposit", creator, event.counter))
                case events.Appealed():
                    held.append(Line("bond of the appeal", event.appellant, event.bond))
                case events.Misconducted() if event.slashed:
                    held.append(Line(f"slashed: {event.misconduct}", event.who, event.slashed))
                case events.FeePaid(source="Appeal"):
                    went.append(Line("fee of the jury", event.member, event.amount))
                case events.OtherEvent("Balances", "Released", {"reason": "Market.Appeal"}):
                    went.append(Line("returned", event.fields["who"], event.fields["amount"]))
                case events.Forfeited() if is_of_appeal(step, place, event):
                    went.append(Line("forfeited", TREASURY, event.amount))
        went += [Line("of what was slashed", TREASURY, amount) for amount in to_treasury(step)]
    submission = history.submission
    still = 0
    if submission is not None and not ended_by(history, *ENDS):
        appeal = submission.appeal
        still = submission.counter + (appeal.bond + appeal.counter if appeal else 0)
    return Sum("appeals and slashes", None, tuple(held), tuple(went), still)


def _deposit(history: History) -> Sum | None:
    """The deposit of the submission's storage."""
    submission = history.submission
    if submission is None:
        return None
    went = [
        Line("returned", event.who, event.amount)
        for step, event in all_events(history)
        if isinstance(event, events.DepositReturned)
    ]
    held = (Line("held for its storage", submission.contributor, submission.deposit),)
    still = submission.deposit if history.stored else 0
    return Sum("deposit", None, held, tuple(went), still)
