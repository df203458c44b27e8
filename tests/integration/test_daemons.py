"""Workers and aggregators that run by themselves: policies, failures, restarts, signals."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from market_support import (
    AGGREGATORS,
    CONTRIBUTORS,
    CREATOR,
    GOOD,
    START,
    WEAK,
    Stage,
    write_work,
)

from decentralml.chain.errors import FundsUnavailable, NoEligibleAggregator
from decentralml.errors import DataFolderUnfit, NotAnAggregator
from decentralml.market.contributing.contributor import accept_task
from decentralml.market.contributing.running import run_task
from decentralml.market.creating.offer import HOUR
from decentralml.market.daemons import worker as working
from decentralml.market.daemons.aggregator import Aggregator
from decentralml.market.daemons.policy import WorkerPolicy
from decentralml.market.daemons.worker import Worker
from decentralml.market.node import advance
from decentralml.market.session import Session
from decentralml.market.tokens import transfer
from decentralml.service.log import Quiet
from decentralml.service.stopping import Stop, Stopped
from decentralml.types import (
    UNIT,
    ModelType,
    SubmissionStatus,
    TaskId,
    TaskStatus,
    TaskType,
    Verdict,
)

ROOT = Path(__file__).parents[2]
BOB, CHARLIE = CONTRIBUTORS


class Ear(Quiet):
    """Remembers what it is told."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, dict[str, Any]]] = []

    def event(self, name: str, text: str, **facts: Any) -> None:
        self.heard.append((name, facts | {"text": text}))

    def names(self) -> list[str]:
        return [name for name, _ in self.heard]


def worker(stage: Stage, data: Path | None = None, **policy: Any) -> Worker:
    if data is None:
        data = write_work(stage.root / "own")
    return Worker(WorkerPolicy(data, **policy), Ear(), Stop())


def heard(daemon: Worker | Aggregator) -> list[str]:
    assert isinstance(daemon.log, Ear)
    return daemon.log.names()


def until_idle(daemon: Worker | Aggregator, session: Session) -> None:
    for _ in range(20):
        if not daemon.visit(session):
            return
    raise AssertionError("it never comes to rest")


def aggregators(stage: Stage) -> list[tuple[Aggregator, Session]]:
    return [(Aggregator(Ear(), Stop()), stage.as_(name)) for name in AGGREGATORS]


# A worker.


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
    daemon.shunned = {key: (0.0, pause) for key, (_, pause) in daemon.shunned.items()}
    daemon.visit(bob)
    assert [pause for _, pause in daemon.shunned.values()] == [120.0]
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
    again = worker(stage)
    assert again.train is working.train
    until_idle(again, bob)
    assert heard(again) == ["training", "trained", "sent"]


# An aggregator.


def test_aggregators_bring_results_to_their_end_by_themselves(stage: Stage) -> None:
    task = stage.post(results=2)
    stage.contribute(BOB, task)
    stage.contribute(CHARLIE, task, WEAK)
    daemons = aggregators(stage)
    for _ in range(2):
        for daemon, session in daemons:
            until_idle(daemon, session)
    chain = stage.as_(CREATOR).chain
    found = [chain.submission(task, index) for index in (0, 1)]
    assert [each.verdict for each in found] == [Verdict.PASS, Verdict.FAIL]
    assert [each.status for each in found] == [
        SubmissionStatus.ACCEPTED,
        SubmissionStatus.REJECTED,
    ]
    for daemon, session in daemons:
        assert not daemon.visit(session), "nothing is left to do"


def test_an_aggregator_settles_what_others_have_left(stage: Stage) -> None:
    task = stage.post(expires_in=2 * HOUR)
    accept_task(stage.as_(BOB), task)
    (daemon, dave), *_ = aggregators(stage)
    until_idle(daemon, dave)
    advance(dave, milliseconds=3 * HOUR)
    until_idle(daemon, dave)
    found = dave.chain.task(task)
    assert found.status is TaskStatus.EXPIRED and not found.active


def test_an_aggregator_that_may_not_settle_leaves_it(stage: Stage) -> None:
    task = stage.post(expires_in=2 * HOUR)
    dave = stage.as_(AGGREGATORS[0])
    advance(dave, milliseconds=3 * HOUR)
    assert not Aggregator(Ear(), Stop(), settles=False).visit(dave)
    assert dave.chain.task(task).status is TaskStatus.CREATED


def test_what_cannot_be_judged_is_put_off_longer_each_time(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    from decentralml.errors import SandboxUnavailable
    from decentralml.market.judging import panel

    def broken(*_: Any, **__: Any) -> Any:
        raise SandboxUnavailable("no bubblewrap", "install it")

    monkeypatch.setattr(panel, "bar", broken)
    task = stage.post(committee=3)
    stage.contribute(BOB, task)
    now = [0.0]
    daemon = Aggregator(Ear(), Stop(), clock=lambda: now[0])
    dave = stage.as_(AGGREGATORS[0])
    pauses = []
    for _ in range(7):
        daemon.visit(dave)
        assert isinstance(daemon.log, Ear)
        name, facts = daemon.log.heard[-1]
        assert name == "put-off"
        pauses.append(facts["pause"])
        count = len(daemon.log.heard)
        now[0] += facts["pause"] - 1
        daemon.visit(dave)
        assert len(daemon.log.heard) == count, "not before its time"
        now[0] += 1
    assert pauses == [60, 120, 240, 480, 960, 960, 960]


@pytest.mark.parametrize("error", [ValueError("odd"), NoEligibleAggregator.foreseen(task=0)])
def test_one_task_that_is_not_as_it_should_be_does_not_stop_the_others(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    from decentralml.market.daemons import aggregator

    odd, good = stage.post(committee=1), stage.post(committee=1)
    for task in (odd, good):
        stage.contribute(BOB, task)
    attend = aggregator.attend_panels

    def attend_or_fail(session: Session, task: TaskId, *rest: Any, **named: Any) -> Any:
        if task == odd:
            raise error
        return attend(session, task, *rest, **named)

    monkeypatch.setattr(aggregator, "attend_panels", attend_or_fail)
    for daemon, session in aggregators(stage):
        until_idle(daemon, session)
    chain = stage.as_(CREATOR).chain
    assert chain.submission(good, 0).status is SubmissionStatus.ACCEPTED
    assert chain.submission(odd, 0).status is SubmissionStatus.PENDING_VALIDATION


def test_who_is_not_registered_is_told_so(stage: Stage) -> None:
    with pytest.raises(NotAnAggregator, match="aggregators apply"):
        Aggregator(Ear(), Stop()).visit(stage.as_(BOB))


# Processes.


def begin(stage: Stage, line: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "decentralml", *line.split(), "--every", "50ms", "--log-json"],
        cwd=ROOT,
        env=os.environ | {"DECENTRALML_HOME": str(stage.home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def events(process: subprocess.Popen[str]) -> Iterator[dict[str, Any]]:
    assert process.stdout is not None
    for line in process.stdout:
        yield json.loads(line)


def wait_for(process: subprocess.Popen[str], name: str) -> dict[str, Any]:
    for event in events(process):
        if event["event"] == name:
            return event
    assert process.stderr is not None
    raise AssertionError(f"no {name}: {process.stderr.read()}")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_daemon_stops_cleanly_and_there_is_one_for_each_key(
    stage: Stage, number: signal.Signals
) -> None:
    data = write_work(stage.root / "own")
    first = begin(stage, f"worker run --data {data} --as {BOB}")
    try:
        wait_for(first, "started")
        second = begin(stage, f"worker run --data {data} --as {BOB}")
        _, said = second.communicate(timeout=60)
        assert second.returncode == 1
        assert f"process {first.pid}" in said
        first.send_signal(number)
        assert wait_for(first, "stopped")
        assert first.wait(60) == 0
        third = begin(stage, f"worker run --data {data} --as {BOB} --once")
        out, _ = third.communicate(timeout=60)
        assert third.returncode == 0
        events = [json.loads(line)["event"] for line in out.splitlines()]
        assert events == ["warning", "started", "stopped"]  # It takes anybody's tasks.
    finally:
        first.kill()


def test_a_daemon_lives_through_its_chain_being_started_anew(stage: Stage) -> None:
    from decentralml.market.node import reset

    data = write_work(stage.root / "own")
    process = begin(stage, f"worker run --data {data} --as {BOB}")
    try:
        wait_for(process, "started")
        reset(stage.as_(CREATOR).config)
        wait_for(process, "reset")
        wait_for(process, "back")
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    finally:
        process.kill()


def test_a_stop_does_not_wait_for_a_training_nor_leave_it_running(stage: Stage) -> None:
    (stage.bundle / "start_task.sh").write_text("echo deep in thought\nsleep 300\n")
    task = stage.post()
    data = write_work(stage.root / "own")
    process = begin(stage, f"worker run --data {data} --as {BOB}")
    try:
        wait_for(process, "output")
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    finally:
        process.kill()
    bob = stage.as_(BOB)
    assert bob.chain.open_assignment(task, bob.address) == 0, "the next start trains for it"
    attempt = bob.work(task).attempt(0)
    assert not attempt.output.exists()


def test_a_daemon_waits_for_a_node_that_goes_away(stage: Stage) -> None:
    def serve(port: int) -> tuple[subprocess.Popen[str], str]:
        command = [sys.executable, "-m", "decentralml", "chain", "serve"]
        server = subprocess.Popen(
            [
                *command,
                "--home",
                str(stage.home),
                "--port",
                str(port),
                "--block-time",
                "200ms",
                "--json",
            ],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert server.stdout is not None
        return server, json.loads("".join(server.stdout.readline() for _ in range(3)))["url"]

    def end(server: subprocess.Popen[str]) -> None:
        server.send_signal(signal.SIGINT)
        server.communicate(timeout=30)

    server, url = serve(0)
    daemon = begin(stage, f"aggregator run --chain {url} --as {AGGREGATORS[0]}")
    try:
        wait_for(daemon, "started")
        end(server)
        assert wait_for(daemon, "away")["error"] in ("NodeUnreachable", "NodeTimeout")
        server, _ = serve(int(url.rsplit(":", 1)[1]))
        wait_for(daemon, "back")
        daemon.send_signal(signal.SIGTERM)
        assert daemon.wait(60) == 0
    finally:
        daemon.kill()
        end(server)


def test_processes_that_are_killed_outright_go_on_where_they_were(stage: Stage) -> None:
    """A real creator and a real worker, each killed in the middle of a round, and started again."""
    (stage.bundle / "start_task.sh").write_text("sleep 2\n" + START)
    run = (
        f"train-federated --bundle {stage.bundle} --base-model {stage.model} --rounds 1 --reward 9 "
        f"--participants 1 --fee 1 --committee 1 --name run --every 50ms --as {CREATOR} "
        f"--validation-path {stage.validation_set}"
    )
    work = f"worker run --data {write_work(stage.root / 'own')} --as {BOB}"
    environment = os.environ | {"DECENTRALML_HOME": str(stage.home)}

    def create() -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "decentralml", *run.split()]
        return subprocess.Popen(command, cwd=ROOT, env=environment, text=True)

    worker = begin(stage, f"{work} --once")
    assert worker.wait(120) == 0, "nothing to do yet"
    creator = create()
    chain = stage.as_(BOB).chain
    try:
        for _ in range(600):
            if chain.tasks() or creator.poll() is not None:
                break
            time.sleep(0.1)
        assert chain.tasks(), "nothing was posted"
        creator.kill()
        worker = begin(stage, work)
        wait_for(worker, "training")
        worker.kill()
        worker = begin(stage, work)
        assert wait_for(worker, "sent")["index"] == 0, "the same slot"
        creator = create()
        for _ in range(120):  # Until the creator has shared its validation set, nobody can judge.
            for daemon, session in aggregators(stage):
                until_idle(daemon, session)
            if creator.poll() is not None:
                break
            time.sleep(0.5)
        assert creator.wait(60) == 0
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(60) == 0
    finally:
        creator.kill()
        worker.kill()
    (task,) = chain.tasks()
    assert (task.submissions, task.accepted) == (1, 1) and task.published is not None
