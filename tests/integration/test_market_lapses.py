"""A member that was slashed is told so at its next visit: why, how much, and only once."""

from __future__ import annotations

import shutil

import pytest
from cli_support import Run, ask
from market_support import AGGREGATORS, CONTRIBUTORS, Stage

from decentralml.errors import StatePruned
from decentralml.errors.quantities import format_amount
from decentralml.market.creating.offer import HOUR
from decentralml.market.judging.lapses import UNTOLD, Lapse, new_lapses
from decentralml.market.judging.review import validate_task_results
from decentralml.market.node import advance
from decentralml.types import TaskId

BOB, CHARLIE = CONTRIBUTORS
DAVE, EVE, FERDIE = AGGREGATORS


def absent(stage: Stage, task: TaskId, contributor: str = BOB) -> None:
    """Ferdie does not commit in time, and another visit notices."""
    stage.contribute(contributor, task)
    stage.validate(task, DAVE, EVE)
    advance(stage.as_(BOB), milliseconds=3 * HOUR)
    stage.validate(task, DAVE)


def test_a_member_is_told_once_and_the_others_nothing(stage: Stage) -> None:
    task = stage.post(results=2)
    absent(stage, task)
    ferdie = stage.as_(FERDIE)
    (first,) = validate_task_results(ferdie, task).lapses
    assert (first.misconduct, first.slashed, first.index) == ("Absent", 0, 0)
    assert validate_task_results(ferdie, task).lapses == ()
    assert validate_task_results(stage.as_(DAVE), task).lapses == ()
    absent(stage, task, CHARLIE)
    before = ferdie.chain.constants().aggregator_bond
    (second,) = validate_task_results(ferdie, task).lapses
    assert (second.task, second.index, second.slashed) == (task, 1, before // 20)
    assert second.time is not None and second.block is not None
    # With its records lost, it is told everything again.
    shutil.rmtree(stage.home / "records")
    assert new_lapses(ferdie) == (first, second)
    assert new_lapses(stage.as_(BOB)) == ()


def test_the_command_says_why_how_much_and_where_to_read_more(run: Run, stage: Stage) -> None:
    task = stage.post(results=2)
    absent(stage, task)
    absent(stage, task, CHARLIE)
    said = run("aggregators", "list", "--as", FERDIE).stderr
    first, second = said.strip().splitlines()
    assert first.endswith("your bond is untouched this once; more: decentralml explain 0 0")
    slashed = format_amount(stage.as_(FERDIE).chain.constants().aggregator_bond // 20)
    assert "you did not commit to a finding in time (result 1 of task 0): " in second
    assert f"{slashed} of your bond are slashed; more: decentralml explain 0 1" in second
    assert run("aggregators", "list", "--as", FERDIE).stderr == ""
    assert ask(run, "validate-task-results", task, "--as", FERDIE)["lapses"] == []


def test_where_the_past_is_forgotten_what_the_bond_lost_is_still_told(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = stage.post(results=2)
    ferdie = stage.as_(FERDIE)
    assert new_lapses(ferdie) == ()
    absent(stage, task)
    absent(stage, task, CHARLIE)

    def forgotten(*_: object) -> None:
        raise StatePruned("ws://node")

    monkeypatch.setattr(ferdie.chain, "lapses", forgotten)
    lost = ferdie.chain.constants().aggregator_bond // 20
    assert new_lapses(ferdie) == (Lapse(UNTOLD, lost),)
    assert new_lapses(ferdie) == ()
