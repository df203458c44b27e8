"""A federated run whose creator, workers and aggregators are killed, at any step: it ends as if
nothing had happened, with the same model, and nothing done twice.

``DECENTRALML_KILLS=all`` kills at every single write, and takes about an hour.
"""

from __future__ import annotations

import os
from functools import cache

import pytest
from faults.federation import Federation, Nth, calm, endure
from faults.plan import Drawn, Fault

ALL = os.environ.get("DECENTRALML_KILLS") == "all"
SENT = 20
"""Transactions in a run of two rounds with one contributor, committees of one."""
AGAIN = range(9, 22)
"""Those from the end of a round's first attempt to the beginning of the next round."""
WRITES = range(0, 960, 1 if ALL else 97)
SEEDS = range(200) if ALL else (0, 3, 6, 14)


@cache
def moments(*seams: str) -> int:
    """How many moments of these seams there are in a run in which nothing goes wrong."""
    return len(endure(Nth(None, seams)).plan.moments)  # type: ignore[attr-defined]


def test_a_run_makes_the_transactions_that_are_killed_at_below() -> None:
    assert moments("embedded") == SENT
    assert moments("file") > max(WRITES)


@pytest.mark.parametrize("nth", range(SENT))
def test_a_kill_right_after_a_transaction_changes_nothing(nth: int) -> None:
    life = endure(Nth(Fault.KILLED_AFTER, ("embedded",), nth))
    assert life.world.trace
    assert life.model() == calm()


@pytest.mark.parametrize("nth", WRITES)
def test_a_kill_at_a_write_changes_nothing(nth: int) -> None:
    life = endure(Nth(Fault.KILLED, ("file",), nth))
    assert life.world.trace
    assert life.model() == calm()


@pytest.mark.parametrize("nth", range(0, SENT, 1 if ALL else 5))
def test_with_an_appointed_merger_the_model_is_the_same(nth: int) -> None:
    life = endure(Nth(Fault.KILLED_AFTER, ("embedded",), nth), merger=True)
    assert life.world.trace
    assert life.model() == calm()


def test_a_round_that_is_posted_again_merges_the_paid_results_of_both_attempts() -> None:
    with Federation(Nth(None, ("embedded",)), apart=True) as life:
        life.live()
        life.check()
        assert life.run is not None and life.model() == calm(apart=True)
        first, second = life.run.rounds
        assert [attempt.accepted for attempt in first.attempts] == [(0,), (0,)]
        assert (first.results, second.results) == (2, 2)
        one, two, _ = life.tasks()
        assert one.published == two.published == first.model
        assert (one.terms.slots, two.terms.slots) == (2, 1), "one result was there"


@pytest.mark.parametrize("nth", AGAIN)
def test_a_kill_while_two_attempts_become_one_model_changes_nothing(nth: int) -> None:
    life = endure(Nth(Fault.KILLED_AFTER, ("embedded",), nth), apart=True)
    assert life.world.trace
    assert life.model() == calm(apart=True)


@pytest.mark.parametrize("seed", SEEDS)
def test_through_forks_leaps_and_lost_messages_a_run_comes_to_its_end(seed: int) -> None:
    """Leaps of the clock may cost a round its results: then it is posted again, and no more."""
    with Federation(Drawn(seed), alone=False) as life:
        life.live()
        life.check(rounds=len(life.run.finished) if life.run else 0)
