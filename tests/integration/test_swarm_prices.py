"""What ``decentralml swarm`` says of the prices of seats, and where they go."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli_support import Run, ask, error
from swarm_support import write_model

from decentralml.types import UNIT

OWNER, BUYER, OTHER = ("--as", "//Alice"), ("--as", "//Bob"), ("--as", "//Charlie")


@pytest.fixture
def swarm(run: Run, tmp_path: Path) -> int:
    """A swarm of Alice's with a seat of Bob's, who bought it for five tokens."""
    model = write_model(tmp_path / "model.safetensors", 0.0)
    words = ("--min-peers", 1, "--admission", "sale", "--price", 5)
    made = ask(run, "swarm", "create", "--model", model, *words, *OWNER)
    bought = ask(run, "swarm", "buy", made["swarm"], "--yes", *BUYER)
    assert bought["paid"] == 5 * UNIT and bought["due"] > 0
    return int(made["swarm"])


def pass_days(run: Run, days: int) -> None:
    run("chain", "advance", "--time", f"{days}d")


def free(run: Run, who: str) -> int:
    return int(ask(run, "balance", who)["free"])


def test_who_buys_is_told_until_when_the_price_is_on_hold(run: Run, swarm: int) -> None:
    asked = error(run, "swarm", "buy", swarm, *OTHER)
    assert "5 is on hold for 7d, then the owner's. It comes back if the owner" in asked["message"]
    told = run("swarm", "buy", swarm, "--yes", *OTHER).stdout
    seat = ask(run, "swarm", "status", swarm, *OTHER)["seat"]
    assert seat["paid"] == 5 * UNIT and seat["due"] > 0
    assert "you have a seat in swarm 0: 5 on hold until 2" in told
    assert "closes the swarm before; not if you leave" in told
    assert "swarm.Price  5 (of seats" in run("balance", *OTHER).stdout
    assert "own seat" in run("swarm", "status", swarm, *OTHER).stdout
    assert "10 on hold\n" in run("swarm", "status", swarm, *OWNER).stdout
    assert "on hold" not in run("swarm", "status", swarm, "--as", "//Dave").stdout


def test_a_price_too_low_or_money_that_is_lacking_is_named(run: Run, swarm: int) -> None:
    low = error(run, "swarm", "buy", swarm, "--at-most", 4, *OTHER)
    assert low["class"] == "PriceTooHigh" and "at least 5; it is 4" in low["message"]
    run("swarm", "change", swarm, "--price", 10_000_000, *OWNER)
    dear = error(run, "swarm", "buy", swarm, "--yes", *OTHER)
    assert dear["class"] == "FundsUnavailable" and "it takes 10000000" in dear["message"]


def test_the_owner_collects_what_is_due(run: Run, swarm: int) -> None:
    early = run("swarm", "collect", swarm, *OTHER).stdout
    assert "no price in swarm 0 is due\n5 on hold, the first until 2" in early
    pass_days(run, 4)
    run("swarm", "buy", swarm, "--yes", *OTHER)
    pass_days(run, 4)
    assert "10 on hold, 5 of it yours: decentralml swarm collect 0" in (
        run("swarm", "status", swarm, *OWNER).stdout
    )
    assert "the owner's since 2" in run("swarm", "status", swarm, *BUYER).stdout
    before = free(run, "//Alice")
    collected = ask(run, "swarm", "collect", swarm, *OTHER)
    assert (collected["seats"], collected["paid"], collected["waiting"]) == (1, 5 * UNIT, 5 * UNIT)
    assert collected["fee"] > 0 and collected["next"] > 0
    assert free(run, "//Alice") == before + 5 * UNIT
    assert "5, the owner has it" in run("swarm", "status", swarm, *BUYER).stdout
    pass_days(run, 4)
    assert "the owner has 5, of 1 seat " in run("swarm", "collect", swarm, *OWNER).stdout
    nothing = ask(run, "swarm", "collect", swarm, *OWNER)
    assert (nothing["seats"], nothing["paid"], nothing["next"]) == (0, 0, None)


def test_who_revokes_is_told_what_goes_back_and_whence(run: Run, swarm: int) -> None:
    pass_days(run, 8)
    run("swarm", "collect", swarm, *OWNER)
    run("swarm", "buy", swarm, "--yes", *OTHER)
    asked = error(run, "swarm", "revoke", swarm, "//Bob", "//Charlie", *OWNER)
    assert "5 from hold and 5 of yours goes back" in asked["message"]
    told = run("swarm", "revoke", swarm, "//Charlie", "--yes", *OWNER).stdout
    assert "//Charlie has no seat any more, and 5 back" in told
    (revoked,) = ask(run, "swarm", "revoke", swarm, "//Bob", "--yes", *OWNER)
    assert revoked["refunded"] == 5 * UNIT


def test_an_owner_that_spent_a_price_cannot_revoke(run: Run, swarm: int) -> None:
    pass_days(run, 8)
    run("swarm", "collect", swarm, *OTHER)
    found = ask(run, "balance", "//Alice")
    spent = (found["free"] - found["locked"]) // UNIT - 4
    run("transfer", "//Charlie", spent, *OWNER)
    refused = error(run, "swarm", "revoke", swarm, "//Bob", "--yes", *OWNER)
    assert "it takes 5.001" in refused["message"]
    assert "own seat" in run("swarm", "status", swarm, *BUYER).stdout


def test_who_leaves_is_told_that_the_price_is_the_owners(run: Run, swarm: int) -> None:
    asked = error(run, "swarm", "leave", swarm, *BUYER)
    assert "(the 5 paid for it is the owner's)" in asked["message"]
    before = free(run, "//Alice")
    assert ask(run, "swarm", "leave", swarm, "--yes", *BUYER)["refunded"] == 0
    assert free(run, "//Alice") == before + 5 * UNIT


def test_a_swarm_that_is_closed_early_gives_prices_back(run: Run, swarm: int) -> None:
    run("swarm", "buy", swarm, "--yes", *OTHER)
    asked = error(run, "swarm", "close", swarm, *OWNER)
    assert "prices on hold go back: 10, of 2 seats." in asked["message"]
    assert ask(run, "swarm", "close", swarm, "--yes", *OWNER)["refunded"] == 10 * UNIT
    pass_days(run, 30)
    assert (
        "10 goes back: decentralml swarm clear 0" in run("swarm", "collect", swarm, *OWNER).stdout
    )
    assert "5 on hold, comes back" in run("swarm", "status", swarm, *OTHER).stdout
    asked = error(run, "swarm", "leave", swarm, *OTHER)
    assert "(5 comes back, as the swarm was closed early)" in asked["message"]
    assert "and have 5 back" in run("swarm", "leave", swarm, "--yes", *OTHER).stdout
    cleared = run("swarm", "clear", swarm, *OTHER).stdout
    assert "prices on hold: 5 to buyers, 0 to the owner" in cleared


def test_a_swarm_that_is_closed_late_pays_its_owner_first(run: Run, swarm: int) -> None:
    pass_days(run, 8)
    assert "on hold" not in run("swarm", "close", swarm, "--yes", *OWNER).stdout
    before = free(run, "//Alice")
    cleared = ask(run, "swarm", "clear", swarm, *OTHER)
    assert (cleared["refunded"], cleared["paid"]) == (0, 5 * UNIT)
    assert free(run, "//Alice") > before + 5 * UNIT, "with the swarm's deposit"
