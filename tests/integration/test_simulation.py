"""A small market of all strategies on the real runtime, and a minority that colludes."""

from __future__ import annotations

from pathlib import Path

import pytest
import sim_support  # noqa: F401
from devchain_support import shared_cache
from sim import bars, collusion, copies, earnings, expected
from sim.market import Market, Size
from sim.parameters import Parameters, load

SEED = 1


@pytest.fixture(scope="module")
def parameters() -> Parameters:
    return load()


@pytest.fixture(scope="module")
def market(parameters: Parameters, tmp_path_factory: pytest.TempPathFactory) -> Market:
    """Everything has happened in it: no call failed (it says so), and all deposits are back."""
    folder = tmp_path_factory.mktemp("market")
    market = Market(folder, shared_cache(), parameters, Size(200, 150, 7), SEED)
    market.run()
    return market


def test_honesty_earns_most_in_every_role(market: Market, parameters: Parameters) -> None:
    found = earnings.rows(market.agents, expected.all_roles(parameters))
    assert bars.broken(found) == []
    assert all(row.per_job > 0 for row in found if row.strategy == "honest")


def test_what_is_measured_is_what_was_expected(market: Market, parameters: Parameters) -> None:
    found = earnings.rows(market.agents, expected.all_roles(parameters))
    measured = {(row.role, row.strategy): row for row in found}
    for role, near in (("contributor", 0.4), ("creator", 0.5), ("aggregator", 0.1)):
        row = measured[role, "honest"]
        assert row.expected is not None
        assert row.per_job == pytest.approx(row.expected, abs=near)


def test_no_planck_appears_or_vanishes_but_transaction_fees(market: Market) -> None:
    market.chain.check_money()
    assert market.chain.burned > 0


def test_nothing_is_left_open(market: Market) -> None:
    assert market.world.jobs == {}


def test_every_strategy_took_part(market: Market) -> None:
    idle = {agent.strategy for agent in market.agents} - {
        agent.strategy for agent in market.agents if agent.jobs
    }
    assert idle == set()


@pytest.fixture(scope="module")
def robberies(
    parameters: Parameters, tmp_path_factory: pytest.TempPathFactory
) -> dict[tuple[str, bool], collusion.Robbery]:
    """What 6 of 13 in office take, by who robs with them and whether there is a challenge time."""
    folder = tmp_path_factory.mktemp("collusion") / "chain"
    found = collusion.rob(folder, shared_cache(), parameters.with_attempts(24), colluders=6)
    return {(each.by, each.challenge): each for each in found}


Robberies = dict[tuple[str, bool], collusion.Robbery]


@pytest.mark.parametrize("by", ["colluder", "robber"])
def test_a_colluding_minority_takes_no_more_than_the_protocol_says(
    robberies: Robberies, by: str
) -> None:
    assert bars.broken([], [robberies[by, False], robberies[by, True]]) == []
    assert robberies[by, False].robbed > robberies[by, True].robbed


def test_a_contributor_that_can_appeal_is_not_robbed_and_the_robbers_pay(
    robberies: Robberies,
) -> None:
    assert robberies["robber", True].robbed == 0
    assert robberies["robber", True].coalition < 0


def test_colluders_cannot_have_the_creator_pay_for_finding_nothing(
    robberies: Robberies, parameters: Parameters
) -> None:
    """It loses what it is robbed of where it sees no dissent, and transaction fees besides."""
    staller, task = robberies["staller", True], parameters.task
    assert bars.broken([], [staller]) == []
    robbed = staller.robbed / staller.attempts * (task.reward + task.committee * task.fee)
    assert staller.lost - robbed < task.fee / 10


def test_copies_pay_only_where_nothing_is_replayed(parameters: Parameters, tmp_path: Path) -> None:
    found = {
        (each.replay, each.strategy): each
        for each in copies.compare(tmp_path / "chain", shared_cache(), parameters, agents=3)
    }
    assert found[True, "sybil"].earned < found[True, "honest"].earned
    assert found[False, "sybil"].earned > found[False, "honest"].earned


def test_the_same_seed_gives_the_same_chain(parameters: Parameters, tmp_path: Path) -> None:
    heads = set()
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        market = Market(tmp_path / name, shared_cache(), parameters, Size(60, 16, 8), SEED)
        market.run()
        heads.add(market.chain.chain.head)
        market.chain.close()
    assert len(heads) == 1
