"""What a daemon reads of the chain: all tasks once, then what something has happened to."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from daemon_support import Ear, worker
from market_support import AGGREGATORS, CONTRIBUTORS, CREATOR, Stage

from decentralml.chain.feed import Place
from decentralml.errors import StatePruned
from decentralml.market.contributing.contributor import accept_task
from decentralml.market.daemons import live
from decentralml.market.daemons.aggregator import Aggregator
from decentralml.market.daemons.live import LiveTasks
from decentralml.market.node import advance
from decentralml.market.tasks import withdraw_task
from decentralml.service.stopping import Stop
from decentralml.types import TaskId

BOB = CONTRIBUTORS[0]


def numbers(tasks: Any) -> list[TaskId]:
    return [task.id for task in tasks]


def test_a_look_tells_what_has_changed_and_what_has_ended_since_the_last(stage: Stage) -> None:
    alice = stage.as_(CREATOR)
    one, two = stage.post(), stage.post()
    tasks = LiveTasks()
    assert numbers(tasks.look(alice)) == [one, two]
    assert tasks.changed == {one, two}
    accept_task(stage.as_(BOB), two)
    (_, found) = tasks.look(alice)
    assert tasks.changed == {two} and found.active == 1
    assert numbers(tasks.look(alice)) == [one, two] and not tasks.changed
    withdraw_task(alice, one)
    three = stage.post()
    assert numbers(tasks.look(alice)) == [two, three]
    assert tasks.changed == {one, three} and numbers(tasks.ended) == [one]


@pytest.mark.parametrize("why", ["long", "fork", "pruned"])
def test_where_events_do_not_tell_every_task_is_read_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    alice = stage.as_(CREATOR)
    one, two = stage.post(), stage.post()
    tasks = LiveTasks()
    tasks.look(alice)
    withdraw_task(alice, one)
    if why == "long":
        advance(alice, blocks=live.SPAN)
    elif why == "fork":
        assert tasks.place is not None
        tasks.place = replace(tasks.place, hash=bytes(32))
    else:

        def pruned(feed: Any, place: Place) -> Any:
            raise StatePruned(str(place))

        monkeypatch.setattr(type(alice.chain.feed()), "block", pruned)
    assert numbers(tasks.look(alice)) == [two]
    assert tasks.changed == {one, two} and numbers(tasks.ended) == [one]


def test_a_look_that_was_broken_off_is_made_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice = stage.as_(CREATOR)
    one = stage.post()
    tasks = LiveTasks()
    tasks.look(alice)
    withdraw_task(alice, one)
    feed = type(alice.chain.feed())
    with monkeypatch.context() as patched:

        def away(*_: Any) -> Any:
            raise ConnectionError

        patched.setattr(feed, "tasks", away)
        with pytest.raises(ConnectionError):
            tasks.look(alice)
    assert not tasks.look(alice) and numbers(tasks.ended) == [one]


def test_daemons_with_nothing_to_do_ask_for_no_task(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        stage.post(reward=1)
    idle = worker(stage, minimum_reward=2)
    dave, bob = stage.as_(AGGREGATORS[0]), stage.as_(BOB)
    judge = Aggregator(Ear(), Stop())
    for _ in range(2):
        judge.visit(dave)
        idle.visit(bob)

    def asked(*_: Any) -> Any:
        raise AssertionError("it reads what it knows")

    for name in ("task", "tasks", "submissions", "open_assignment", "share", "merger"):
        monkeypatch.setattr(type(dave.chain), name, asked)
    assert not judge.visit(dave) and not idle.visit(bob)
