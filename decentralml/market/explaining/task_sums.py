"""Where the escrow of a task as a whole went; see :mod:`.sums`."""

from __future__ import annotations

from decentralml.chain import events
from decentralml.chain.history import History, Step
from decentralml.market.explaining.steps import all_events, is_of_slot
from decentralml.market.explaining.sums import Line, Sum


def sums_of_task(history: History) -> tuple[Sum, ...]:
    """What was held for a task as a whole, its results together, and where it went."""
    found = (_escrow(history), _escrow_asset(history), _task_deposit(history))
    return tuple(each for each in found if each is not None and each.total)


def _escrow(history: History) -> Sum:
    held: list[Line] = []
    went: list[Line] = []
    for _, event in all_events(history):
        match event:
            case events.TaskCreated():
                held.append(Line("held when the task was posted", event.creator, event.escrow))
            case events.EscrowRefilled():
                held.append(Line("filled up again", event.creator, event.amount))
            case events.FeePaid(source="Escrow" | "Slot"):
                went.append(Line(f"fee, result {event.index}", event.member, event.amount))
            case events.ResultAccepted(asset=None):
                what = f"reward, result {event.index}"
                went.append(Line(what, event.contributor, event.reward))
            case events.EscrowRefunded(asset=None):
                went.append(Line("refunded", event.creator, event.amount))
    if not history.task.deposit:
        went += [line for step in history.steps if (line := _kept_back(history, step))]
    still = _slots(history) * history.task.terms.slot_hold
    return Sum("escrow", None, tuple(held), tuple(went), still)


def _kept_back(history: History, step: Step) -> Line | None:
    """What version 1 kept, when a result ended, for members that had not spoken. Whether they
    earned it later or it went back, is in the result's own history."""
    slot, index, set_aside, spent = history.task.terms.slot_hold, None, 0, 0
    for event in step.events:
        match event:
            case events.ResultAccepted():
                index, set_aside, spent = event.index, slot, spent + event.reward
            case events.ResultRejected():
                index = event.index
            case events.EscrowRefilled():
                set_aside += event.amount
            case events.FeePaid(source="Escrow" | "Slot"):
                spent += event.amount
            case events.EscrowRefunded(asset=None) if is_of_slot(step, event):
                set_aside, spent = slot, spent + event.amount
    if index is None or set_aside <= spent:
        return None
    return Line(f"to late members or back, result {index}", None, set_aside - spent)


def _escrow_asset(history: History) -> Sum | None:
    terms = history.task.terms
    if terms.asset is None:
        return None
    went: list[Line] = []
    for _, event in all_events(history):
        match event:
            case events.ResultAccepted():
                owed = "" if event.paid else ", owed at that time"
                what = f"reward, result {event.index}{owed}"
                went.append(Line(what, event.contributor, event.reward))
            case events.EscrowRefunded(asset=int()):
                went.append(Line("refunded", event.creator, event.amount))
    posted = terms.slots * terms.reward
    held = (Line("held when the task was posted", history.task.creator, posted),)
    unreturned = history.task.unreturned if history.stored else 0
    still = _slots(history) * terms.reward + unreturned
    return Sum("rewards", terms.asset, held, tuple(went), still)


def _task_deposit(history: History) -> Sum:
    cleared = (
        step
        for step in history.steps
        if any(isinstance(event, events.TaskCleared) for event in step.events)
    )
    went = tuple(
        Line("returned", event.who, event.amount)
        for step in cleared
        for event in step.events
        if isinstance(event, events.DepositReturned)
    )
    task = history.task
    held = (Line("held for its storage", task.creator, task.deposit),)
    return Sum("deposit", None, held, went, task.deposit if history.stored else 0)


def _slots(history: History) -> int:
    """Slots that are open or in work, for which the escrow is held."""
    task = history.task
    return task.open_slots + task.active if history.stored else 0
