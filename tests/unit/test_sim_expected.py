"""The arithmetic of the protocol's economy: bounds, break-even fees, and who earns what."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
import sim_support  # noqa: F401
from sim import expected, odds
from sim.parameters import OFFICE, Parameters, load

from decentralml.market.creating import collusion

PROTOCOL = Path(__file__).parents[2] / "docs" / "protocol.md"


@pytest.fixture(scope="module")
def parameters() -> Parameters:
    return load()


@pytest.mark.parametrize("role", ["contributor", "creator", "aggregator"])
def test_the_honest_expect_most_at_the_default_parameters(
    parameters: Parameters, role: str
) -> None:
    mine = dict(expected.all_roles(parameters)[role])
    honest = mine.pop("honest")
    assert honest > 0
    assert {name for name, value in mine.items() if value >= honest} == set()


def test_who_guesses_would_earn_most_if_evaluating_cost_a_whole_fee(parameters: Parameters) -> None:
    dear = replace(parameters, costs=replace(parameters.costs, evaluation=parameters.task.fee))
    found = expected.members(dear)
    assert found["lazy"] > found["honest"]


def test_guessing_alike_loses_as_long_as_most_of_the_office_evaluate(
    parameters: Parameters,
) -> None:
    for lazy in range(1, OFFICE // 2 + 1):
        guess, honest = expected.guessers(parameters, lazy)
        assert guess < honest, lazy
    guess, honest = expected.guessers(parameters, OFFICE // 2 + 1)
    assert guess > honest


def test_the_protocols_table_of_collusion_is_the_hypergeometric_one() -> None:
    rows = re.findall(
        r"^\| (\d) \(\d+ %\) \| ([\d.]+) % \| ([\d.]+) % \| ([\d.]+) % \| ([\d.]+) % \|",
        PROTOCOL.read_text("utf-8"),
        re.M,
    )
    assert len(rows) == 6
    for colluders, *shares in rows:
        k = int(colluders)
        wanted = [
            chance(OFFICE, k, committee)
            for committee in (3, 5)
            for chance in (collusion.most, collusion.everyone)
        ]
        assert [float(share) / 100 for share in shares] == pytest.approx(wanted, abs=6e-5)


def test_chances_of_all_seats_add_up() -> None:
    for colluders in range(OFFICE + 1):
        shares = [collusion.seats(OFFICE, colluders, 5, j) for j in range(6)]
        assert sum(shares) == pytest.approx(1)
        honest = sum((5 - j) * share for j, share in enumerate(shares))
        assert honest == pytest.approx(5 * (OFFICE - colluders) / OFFICE)


def test_attempts_with_junk_lose_money_at_the_defaults_whatever_minority_colludes(
    parameters: Parameters,
) -> None:
    for colluders in range(1, OFFICE // 2 + 1):
        gain = expected.coalition(parameters, colluders, parameters.task.committee, challenge=True)
        assert gain < 0, colluders


def test_without_a_challenge_time_a_third_of_the_office_gains(parameters: Parameters) -> None:
    assert expected.coalition(parameters, 4, parameters.task.committee, challenge=False) > 0


@pytest.mark.parametrize("committee", [3, 5])
@pytest.mark.parametrize("challenge", [True, False])
def test_at_the_least_fee_a_coalition_gains_nothing(
    parameters: Parameters, committee: int, challenge: bool
) -> None:
    for colluders in range(2, 6):
        fee = collusion.least_fee(OFFICE, colluders, committee, challenge) * parameters.task.reward
        gain = expected.coalition(parameters, colluders, committee, challenge, fee)
        assert gain == pytest.approx(0, abs=1)


def test_luck_is_told_from_a_broken_bound() -> None:
    assert odds.at_least(0, 240, 0.0) == 1
    assert odds.at_least(1, 240, 0.0) == 0
    assert odds.at_least(3, 240, 1 / 80) == pytest.approx(0.58, abs=0.02)
    assert odds.at_least(24, 240, 0.0035) < 1e-20


def test_a_run_of_which_much_is_faked_hardly_escapes_the_draw() -> None:
    assert odds.escapes(63, 0, 4) == 1
    assert odds.escapes(63, 60, 4) == 0
    assert odds.escapes(63, 32, 4) < 0.06
