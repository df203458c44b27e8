"""Money at the end of a run: each planck is where the events say that it went."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from faults.clock import HOUR
from market_support import CREATOR

from decentralml.chain import events
from decentralml.chain.events import Event
from decentralml.market.accounts import WELL_KNOWN
from decentralml.market.creating.clearing import clear
from decentralml.types import Address, Task

if TYPE_CHECKING:
    from faults.world import World

RETENTION = 31 * 24 * HOUR


def balances(world: World) -> dict[Address, int]:
    """Planck of everybody, held or not."""
    chain = world.observer()
    return {account: chain.balance(account).total for account in world.names}


def check_books(world: World, task: Task, before: dict[Address, int], issued: int) -> None:
    """Whether money is where it should be.

    Parameters
    ----------
    before : what everybody had at the start.
    issued : all planck that there were at the start.

    Raises
    ------
    AssertionError
    """
    _clear(world, task)
    chain = world.observer()
    happened = world.happened()
    burned = sum(fee for _, fee in _fees(happened))
    assert chain.total_issuance() == issued - burned
    after = balances(world)
    expected = _expected(happened, task)
    for who in after:
        assert after[who] - before[who] == expected[who], world.names[who]
    assert set(expected) <= set(after)
    for account in after:
        for reason, amount in chain.balance(account).held.items():
            assert not (reason.startswith("Market") and amount), (account, reason, amount)
    _paid_once(happened)


def _clear(world: World, task: Task) -> None:
    """Have all that is stored removed, so that every deposit returns."""
    world.clock.leap(RETENTION)
    assert world.command(CREATOR, lambda session: clear(session, task.id)), world.said[-1]
    assert world.observer().tasks() == []


def _fees(happened: list[Event]) -> list[tuple[Address, int]]:
    return [
        (event.fields["who"], event.fields["actual_fee"])
        for event in happened
        if isinstance(event, events.OtherEvent) and event.name == "TransactionFeePaid"
    ]


def _expected(happened: list[Event], task: Task) -> Counter[Address]:
    """By how much each balance has changed, by what is said to have been paid."""
    change: Counter[Address] = Counter()
    contributors: dict[int, Address] = {}

    def pay(payer: Address, receiver: Address, amount: int) -> None:
        change[payer] -= amount
        change[receiver] += amount

    for who, fee in _fees(happened):
        change[who] -= fee
    for event in happened:
        match event:
            case events.TaskAccepted(_, index, contributor):
                contributors[index] = contributor
            case events.ResultAccepted(_, _, contributor, reward):
                pay(task.creator, contributor, reward)
            case events.FeePaid(_, index, member, amount, source):
                payer = task.creator if source == "Escrow" else contributors[index]
                pay(payer, member, amount)
            case events.Forfeited(who, amount):
                pay(who, WELL_KNOWN["treasury"], amount)
            case events.Misconducted(who, _, _, slashed):
                pay(who, WELL_KNOWN["treasury"], slashed)
    return change


def _paid_once(happened: list[Event]) -> None:
    rewards = Counter(e.index for e in happened if isinstance(e, events.ResultAccepted))
    fees = Counter((e.index, e.member) for e in happened if isinstance(e, events.FeePaid))
    assert set(rewards.values()) | set(fees.values()) <= {1}
    assert sum(isinstance(event, events.TaskCreated) for event in happened) == 1
