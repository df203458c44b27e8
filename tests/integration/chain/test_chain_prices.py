"""Prices of seats over a week of the chain's time: on hold, due, collected, given back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from chain_support import ALICE, BOB, CHARLIE, DAVE, embedded, new_home, pass_time
from swarm_calls_support import OnChain, create

from decentralml.chain.api import Chain
from decentralml.chain.calls import Transfer
from decentralml.chain.errors import FundsUnavailable
from decentralml.chain.errors import swarm as refused
from decentralml.chain.keys import Key, development_key
from decentralml.chain.swarm import calls, events
from decentralml.chain.swarm.prices import comes_back, is_due
from decentralml.chain.swarm.words import Admission, Seat
from decentralml.types import UNIT

PRICE = 5 * UNIT


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[Chain]:
    with embedded(new_home(tmp_path)) as opened:
        yield opened


def sold(chain: Chain, *buyers: Key) -> OnChain:
    """A swarm whose seats these have bought."""
    swarm = create(chain, admission=Admission.SALE, price=PRICE)
    for who in buyers:
        chain.submit(calls.TakeSeat(swarm.id, PRICE), who)
    return swarm


def seat_of(swarm: OnChain, who: Key) -> Seat:
    seat = swarm.chain.seat(swarm.id, who.address)
    assert seat is not None
    return seat


def wait(swarm: OnChain, who: Key) -> None:
    """Until the price is due."""
    due = seat_of(swarm, who).due
    assert due is not None
    pass_time(swarm.chain, due)


def total(chain: Chain, who: Key) -> int:
    return chain.balance(who.address).total


def test_a_week_after_the_purchase_anyone_has_the_owner_be_paid(chain: Chain) -> None:
    swarm = sold(chain, BOB)
    assert chain.constants().swarm.price_wait == 7 * 24 * 3_600_000
    before = total(chain, ALICE)
    with pytest.raises(refused.PriceNotDue):
        chain.submit(calls.CollectPrice(swarm.id, BOB.address), ALICE)
    before = total(chain, ALICE)
    wait(swarm, BOB)
    assert is_due(chain.swarm(swarm.id), seat_of(swarm, BOB), chain.now())
    collected = chain.submit(calls.CollectPrice(swarm.id, BOB.address), CHARLIE)
    told = events.PriceCollected(swarm.id, BOB.address, PRICE)
    assert collected.find(events.PriceCollected) == told
    assert total(chain, ALICE) == before + PRICE
    seat = seat_of(swarm, BOB)
    assert (seat.paid, seat.due) == (PRICE, None)
    with pytest.raises(refused.NothingOnHold, match="the owner has it"):
        chain.submit(calls.CollectPrice(swarm.id, BOB.address), CHARLIE)
    with pytest.raises(refused.NoSeat):
        chain.submit(calls.CollectPrice(swarm.id, DAVE.address), CHARLIE)


def test_what_was_collected_the_owner_pays_back_if_it_can(chain: Chain) -> None:
    swarm = sold(chain, BOB, DAVE)
    wait(swarm, DAVE)
    chain.submit(calls.CollectPrice(swarm.id, BOB.address), CHARLIE)
    rest = chain.balance(ALICE.address).free - PRICE
    chain.submit(Transfer(CHARLIE.address, rest), ALICE)
    with pytest.raises(FundsUnavailable, match=r"it takes 5\.\d+; \d\.\d+ are free"):
        chain.submit(calls.RevokeSeat(swarm.id, BOB.address), ALICE)
    # What is on hold comes from there, whatever the owner has.
    revoked = chain.submit(calls.RevokeSeat(swarm.id, DAVE.address), ALICE)
    assert revoked.find(events.SeatEnded) == events.SeatEnded(swarm.id, DAVE.address, PRICE)
    chain.submit(Transfer(ALICE.address, PRICE), CHARLIE)
    revoked = chain.submit(calls.RevokeSeat(swarm.id, BOB.address), ALICE)
    assert revoked.find(events.SeatEnded) == events.SeatEnded(swarm.id, BOB.address, PRICE)


@pytest.mark.parametrize("is_due_first", [False, True])
def test_what_counts_in_a_closed_swarm_is_when_it_was_closed(
    chain: Chain, is_due_first: bool
) -> None:
    swarm = sold(chain, BOB)
    if is_due_first:
        wait(swarm, BOB)
    chain.submit(calls.CloseSwarm(swarm.id), ALICE)
    pass_time(chain, chain.now() + 2 * chain.constants().swarm.price_wait)
    closed, seat = chain.swarm(swarm.id), seat_of(swarm, BOB)
    assert is_due(closed, seat, chain.now()) is is_due_first
    assert comes_back(closed, seat) is not is_due_first
    ended = chain.submit(calls.ClearSeat(swarm.id, BOB.address), CHARLIE)
    refunded = 0 if is_due_first else PRICE
    assert ended.find(events.SeatEnded) == events.SeatEnded(swarm.id, BOB.address, refunded)
    assert (ended.find(events.PriceCollected) is not None) is is_due_first


def test_who_has_less_than_the_price_is_told_what_a_seat_takes(chain: Chain) -> None:
    swarm = sold(chain)
    poor = development_key("//Poor/buyer")
    chain.submit(Transfer(poor.address, PRICE), ALICE)
    with pytest.raises(FundsUnavailable, match=r"it takes 5\.0\d+; 4\.9\d+ are free"):
        chain.submit(calls.TakeSeat(swarm.id, PRICE), poor)
    assert chain.seats(swarm.id) == [] and "swarm.Price" not in chain.balance(poor.address).held
