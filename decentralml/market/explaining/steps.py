"""Reading the steps of a history: which event belongs to what."""

from __future__ import annotations

from collections.abc import Iterator

from decentralml.chain import events
from decentralml.chain.history import History, Step
from decentralml.market.accounts import WELL_KNOWN

TREASURY = WELL_KNOWN["treasury"]
ENDS = (
    events.ResultAccepted,
    events.ResultRejected,
    events.AssignmentExpired,
    events.AssignmentAbandoned,
)
"""What ends a result; in its step, the last event of the result."""
_LAPSES = (events.AssignmentExpired, events.AssignmentAbandoned)


def all_events(history: History) -> Iterator[tuple[Step, events.Event]]:
    for step in history.steps:
        for event in step.events:
            yield step, event


def ended_by(history: History, *kinds: type) -> bool:
    return any(isinstance(event, kinds) for _, event in all_events(history))


def is_of_slot(step: Step, refund: events.EscrowRefunded) -> bool:
    """Whether a refund is of the slot that the step closed, and not of those that were open: they
    follow once it is noticed that the task's time is over."""
    kinds = [type(event) for event in step.events]
    if not any(kind in ENDS for kind in kinds):
        return False
    over = kinds.index(events.TaskExpired) if events.TaskExpired in kinds else len(kinds)
    return any(event is refund for event in step.events[:over])


def _is_payment(step: Step, place: int, lost: events.Forfeited) -> bool:
    """Whether what was forfeited is told by the event of a payment that follows."""
    lapses = [each for each in step.events if isinstance(each, _LAPSES)]
    if any(each.forfeited == lost.amount for each in lapses):
        return False
    for event in step.events[place + 1 :]:
        match event:
            case events.FeePaid() | events.BondReturned() | events.DepositReturned():
                return event.amount == lost.amount
            case events.EscrowRefunded() if event.amount == lost.amount:
                return True
            case events.ResultAccepted():
                return event.reward == lost.amount
    return False


def is_of_appeal(step: Step, place: int, lost: events.Forfeited) -> bool:
    """Whether it is the bond, or the counter-deposit, of an appeal that was forfeited."""
    if _is_payment(step, place, lost):
        return False
    return any(isinstance(event, events.AppealEnded) for event in step.events[place + 1 :])


def to_treasury(step: Step) -> Iterator[int]:
    """What a step gave the treasury that it does not call forfeited: slashes."""
    for event, after in zip(step.events, (*step.events[1:], None), strict=True):
        match event:
            case events.OtherEvent("Balances", "Deposit", {"who": who, "amount": amount}):
                forfeited = isinstance(after, events.Forfeited) and after.amount == amount
                if who == TREASURY and not forfeited:
                    yield int(amount)


def unable(history: History) -> tuple[events.Forfeited, ...]:
    """What was due to accounts that could not take it, and so went to the treasury."""
    return tuple(
        event
        for step in history.steps
        for place, event in enumerate(step.events)
        if isinstance(event, events.Forfeited) and _is_payment(step, place, event)
    )
