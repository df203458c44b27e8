"""Workers that run by themselves: policies, failures, restarts."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import pytest
from daemon_support import Ear, aggregators, heard, until_idle, worker
from market_support import (
    CONTRIBUTORS,
    CREATOR,
    GOOD,
    Stage,
    write_work,
)

from decentralml.chain.errors import FundsUnavailable, NoEligibleAggregator
from decentralml.errors import DataFolderUnfit
from decentralml.market.contributing.contributor import accept_task
from decentralml.market.contributing.running import run_task
from decentralml.market.creating.offer import HOUR
from decentralml.market.daemons import worker as working
from decentralml.market.daemons.policy import WorkerPolicy
from decentralml.market.node import advance
from decentralml.market.tokens import transfer
from decentralml.service.stopping import Stopped
from decentralml.types import (
    UNIT,
    ModelType,
    SubmissionStatus,
    TaskId,
    TaskType,
)

BOB, CHARLIE = CONTRIBUTORS


def test_a_worker_takes_trains_sends_and_is_paid(stage: Stage) -> None:
    task = stage.post(results=2)
    bob, daemon = stage.as_(BOB), worker(stage)
    until_idle(daemon, bob)
    assert heard(daemon) == ["accepted", "training", "trained", "sent"]
    for _ in range(2):
        for each, session in aggregators(stage):
            until_idle(each, session)
    until_idle(daemon, bob)
    assert isinstance(daemon.log, Ear)
    name, facts = daemon.log.heard[-1]
    assert (name, facts["paid"]) == ("ended", 10 * UNIT), "whoever has brought it to its end"
    found = bob.chain.submission(task, 0)
    assert found.status is SubmissionStatus.ACCEPTED
    assert bob.chain.task(task).submissions == 1, "one training is not sold twice"


POLICIES: dict[str, dict[str, Any]] = {
    "too small a reward": {"minimum_reward": 11 * UNIT},
    "another asset": {"asset": 7},
    "another creator": {"creators": frozenset({"nobody"})},
    "another type of task": {"task_types": frozenset({TaskType.MODEL_ENGINEER})},
    "another type of model": {"model_types": frozenset({ModelType.TEXT})},
    "a creator of low standing": {"minimum_standing": 900_000},
    "too high a bond": {"largest_bond": UNIT},
}


@pytest.mark.parametrize("why", POLICIES)
def test_a_worker_leaves_alone_what_its_policy_does_not_allow(stage: Stage, why: str) -> None:
    stage.post()
    daemon = worker(stage, **POLICIES[why])
    assert not daemon.visit(stage.as_(BOB))
    assert heard(daemon) == []


def test_a_worker_does_not_take_its_own_tasks_or_those_of_others_invited(stage: Stage) -> None:
    stage.post(invited=(stage.as_(CHARLIE).address,))
    for who in (CREATOR, BOB):
        assert not worker(stage).visit(stage.as_(who))
    assert worker(stage).visit(stage.as_(CHARLIE))


def test_a_worker_holds_no_more_slots_than_it_may_and_the_best_paid_first(stage: Stage) -> None:
    low, high, higher = (stage.post(reward=n * UNIT) for n in (10, 20, 30))
    bob = stage.as_(BOB)
    until_idle(worker(stage, at_most=2), bob)
    taken = [task for task in (low, high, higher) if bob.chain.task(task).submissions]
    assert taken == [high, higher]


def test_a_worker_that_starts_again_sends_what_was_trained_before(stage: Stage) -> None:
    task = stage.post()
    bob = stage.as_(BOB)
    accept_task(bob, task)
    run_task(bob, task, write_work(stage.root / "own", GOOD, 10))
    daemon = worker(stage, stage.root / "own")
    until_idle(daemon, bob)
    assert heard(daemon) == ["sent"], "it did not train again"


def test_a_task_whose_script_fails_is_given_back_and_not_taken_again(stage: Stage) -> None:
    (stage.bundle / "start_task.sh").write_text("exit 3\n")
    task = stage.post()
    bob = stage.as_(BOB)
    before = bob.chain.balance(bob.address).free
    daemon = worker(stage)
    until_idle(daemon, bob)
    assert heard(daemon)[-1] == "given-up"
    assert bob.chain.open_assignment(task, bob.address) is None
    assert bob.chain.task(task).open_slots == 1
    again = worker(stage)
    assert not again.visit(bob), "nor after a restart"
    assert worker(stage).visit(stage.as_(CHARLIE)), "another's data may be better"
    assert before - bob.chain.balance(bob.address).free < UNIT // 10, "most of the bond is back"


def test_data_that_a_task_cannot_use_is_the_same(stage: Stage) -> None:
    stage.post()
    wrong = stage.root / "wrong"
    wrong.mkdir()
    (wrong / "notes.txt").write_text("not a model")
    daemon = worker(stage, wrong)
    until_idle(daemon, stage.as_(BOB))
    assert heard(daemon)[-1] == "given-up"


def test_without_data_there_is_no_worker(tmp_path: Path) -> None:
    with pytest.raises(DataFolderUnfit, match="is no folder"):
        WorkerPolicy(tmp_path / "none").check()
    with pytest.raises(DataFolderUnfit, match="is empty"):
        WorkerPolicy(tmp_path).check()


def test_a_worker_that_cannot_pay_a_bond_waits_and_takes_others(stage: Stage) -> None:
    dear, cheap = stage.post(bond=500 * UNIT, reward=20 * UNIT), stage.post()
    bob = stage.as_(BOB)
    transfer(bob, stage.as_(CREATOR).address, bob.chain.balance(bob.address).free - 100 * UNIT)
    daemon = worker(stage)
    until_idle(daemon, bob)
    assert isinstance(daemon.log, Ear)
    assert daemon.log.heard[0][1]["error"] in (FundsUnavailable.__name__, "InsufficientBalance")
    assert bob.chain.open_assignment(dear, bob.address) is None
    assert bob.chain.open_assignment(cheap, bob.address) is not None


def test_one_task_with_a_bundle_that_nobody_has_does_not_stop_the_others(stage: Stage) -> None:
    (stage.bundle / "note").write_text("gone")
    gone = stage.post(reward=20 * UNIT)
    missing = stage.as_(CREATOR).chain.task(gone).terms.bundle
    (stage.bundle / "note").unlink()
    good = stage.post()
    bob = stage.as_(BOB)
    real = bob.objects.get

    def get(cid: Any, *rest: Any, **named: Any) -> Any:
        if cid == missing:
            from decentralml.errors import ObjectNotFound

            raise ObjectNotFound(str(cid), "here")
        return real(cid, *rest, **named)

    bob.objects.get = get  # type: ignore[method-assign]
    until_idle(worker(stage), bob)
    assert bob.chain.task(good).submissions == 1
    assert bob.chain.task(gone).submissions == 0


def test_what_the_chain_refuses_is_not_tried_at_every_look(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A draw with nobody in office costs a fee each time."""
    task = stage.post()
    bob = stage.as_(BOB)
    accept_task(bob, task)
    tried = []

    def refused(*arguments: Any) -> Any:
        tried.append(arguments)
        raise NoEligibleAggregator.foreseen(task=task)

    monkeypatch.setattr(working, "send_results", refused)
    daemon = worker(stage)
    for _ in range(3):
        assert not daemon.visit(bob)
    assert len(tried) == 1
    monkeypatch.setattr(daemon.shunned, "clock", lambda: time.monotonic() + 60)
    daemon.visit(bob)
    assert [pause for _, pause in daemon.shunned.pauses.values()] == [120.0]
    assert len(tried) == 2 and heard(daemon).count("trained") == 1


def test_what_was_not_sent_in_time_is_settled(stage: Stage) -> None:
    task = stage.post()
    bob = stage.as_(BOB)
    accept_task(bob, task)
    advance(bob, milliseconds=2 * HOUR)
    daemon = worker(stage)
    until_idle(daemon, bob)
    assert heard(daemon)[0] == "lapsed"
    assert bob.chain.submission(task, 0).status is SubmissionStatus.EXPIRED


def test_a_worker_begins_with_what_a_new_chain_has(stage: Stage) -> None:
    stage.post()
    daemon = worker(stage)
    until_idle(daemon, stage.as_(BOB))
    live = daemon.live
    assert live.newest is not None
    # The same number, posted at another time: another chain.
    from dataclasses import replace

    live.newest = replace(live.newest, created_at=1)
    live.tasks = {TaskId(9): live.newest}
    assert [task.id for task in live.look(stage.as_(BOB))] == [0]


def test_a_stop_between_two_steps_leaves_the_rest_undone(stage: Stage) -> None:
    stage.post()
    daemon = worker(stage)
    daemon.stop.asked = True
    with pytest.raises(Stopped):
        daemon.visit(stage.as_(BOB))
    assert heard(daemon) == []


def test_a_stop_while_training_breaks_it_off_and_the_next_start_trains(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = stage.post()
    bob = stage.as_(BOB)

    def interrupted(*_: Any) -> None:
        daemon.stop.ask()

    daemon = worker(stage)
    daemon.train = interrupted
    with pytest.raises(Stopped):
        daemon.visit(bob)
    assert bob.chain.open_assignment(task, bob.address) is not None, "the slot is kept"
    assert isinstance(daemon.log, Ear)
    (_, taken), *_, (name, told) = daemon.log.heard
    assert re.search(r"due \d{4}-\d\d-\d\d ", taken["text"])
    assert name == "broken-off" and f"abandon-task {task}" in told["text"]
    again = worker(stage)
    assert again.train is working.train
    until_idle(again, bob)
    assert heard(again) == ["training", "trained", "sent"]
