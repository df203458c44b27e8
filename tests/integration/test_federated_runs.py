"""Federated runs on a chain of one's own: rounds, stragglers, empty rounds, money, mergers."""

from __future__ import annotations

import fcntl
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from federated_support import plan, serve, step, task_of
from market_support import AGGREGATORS, CONTRIBUTORS, CREATOR, GOOD, WEAK, Stage, write_model
from safetensors.numpy import load_file

from decentralml.bundles.merge import MergePlan
from decentralml.bundles.training import Algorithm, LocalTraining, read_training
from decentralml.cli.main import cli
from decentralml.errors import (
    ManifestError,
    MergePlanInvalid,
    MergerSilent,
    NodeUnreachable,
    NotAnAggregator,
    RoundUnaffordable,
    RunBusy,
    RunDiffers,
    RunForgotten,
    RunInvalid,
    RunUnknown,
    TermsInvalid,
    TooFewResults,
)
from decentralml.market import staying
from decentralml.market.contributing.contributor import accept_task
from decentralml.market.creating.offer import HOUR
from decentralml.market.daemons.aggregator import Aggregator
from decentralml.market.merging.federation import publish_model
from decentralml.market.node import advance, reset
from decentralml.market.rounds import run as rounds
from decentralml.market.rounds.plan import Ending
from decentralml.market.rounds.run import (
    Progress,
    advance_run,
    final_model,
    stay_with_run,
    train_federated,
)
from decentralml.market.rounds.state import folder_of, list_runs, read_run
from decentralml.market.tokens import transfer
from decentralml.service.log import Quiet
from decentralml.service.stopping import Stop
from decentralml.storage.unixfs import cid_of
from decentralml.types import UNIT, Address, TaskId, TaskStatus, TaskType

BOB, CHARLIE = CONTRIBUTORS
DAVE = AGGREGATORS[0]


# A run from end to end.


def test_each_round_begins_from_what_the_round_before_published(stage: Stage) -> None:
    wanted = plan(stage, training=LocalTraining(Algorithm.FEDAVG, epochs=3))
    first = task_of(step(stage, wanted))
    serve(stage, first, Bob=GOOD, Charlie=3 * GOOD)
    second = task_of(step(stage, wanted))
    chain = stage.as_(CREATOR).chain
    assert chain.task(second).terms.parent == first
    accept_task(stage.as_(BOB), second)
    bundle = stage.as_(BOB).work(second).bundle
    assert np.array_equal(load_file(bundle / "model" / "model.safetensors")["weight"], 2 * GOOD)
    assert read_training(bundle) == LocalTraining(round=2, epochs=3)
    stage.as_(BOB)
    serve(stage, second)
    progress = step(stage, wanted)
    assert progress.ending is Ending.ROUNDS
    assert [each.number for each in progress.run.finished] == [1, 2]
    assert progress.run.score == 400_000 and progress.run.rounds[0].score == 1_000_000
    assert final_model(progress) == folder_of(stage.as_(CREATOR), "run").model(1), "the best one"
    again = step(stage, wanted)
    assert (again.run, len(chain.tasks())) == (progress.run, 2), "nothing is done twice"


def test_more_rounds_go_on_where_fewer_ended(stage: Stage) -> None:
    serve(stage, task_of(step(stage, plan(stage, 1))))
    assert step(stage, plan(stage, 1)).ending is Ending.ROUNDS
    progress = step(stage, plan(stage, 2))
    assert progress.waiting is not None and progress.waiting.round == 2


def test_staying_with_a_run_tells_of_each_round(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(staying, "LOOK_EVERY", 0.0)
    served: set[int] = set()

    def idle(progress: Progress, now: int) -> None:
        task = task_of(progress)
        assert task not in served, "the round should have gone on"
        served.add(task)
        serve(stage, task)

    told = list(stay_with_run(stage.as_(CREATOR), plan(stage), idle))
    assert told[-1].ending is Ending.ROUNDS
    assert len(served) == 2
    assert train_federated(stage.as_(CREATOR), plan(stage)).run == told[-1].run


def test_folders_are_not_hashed_while_a_round_is_waited_for(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[Path] = []
    monkeypatch.setattr(
        "decentralml.market.rounds.plan.cid_of", lambda p: (counted.append(p), cid_of(p))[1]
    )
    at: list[int] = []

    def idle(progress: Progress, now: int) -> None:
        at.append(len(counted))
        if len(at) == 4:
            serve(stage, task_of(progress))

    list(stay_with_run(stage.as_(CREATOR), plan(stage, 1), idle, 0.0))
    assert at[0] > 0 and len(set(at[:4])) == 1


def test_a_bundle_that_was_changed_under_a_run_is_not_posted(stage: Stage) -> None:
    def idle(progress: Progress, now: int) -> None:
        serve(stage, task_of(progress))
        (stage.bundle / "start_task.sh").write_text("exit 1\n")

    with pytest.raises(RunDiffers, match="bundle"):
        list(stay_with_run(stage.as_(CREATOR), plan(stage, 2), idle, 0.0))
    assert len(stage.as_(CREATOR).chain.tasks(5)) == 1


def test_a_node_that_goes_away_meanwhile_is_waited_for(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = NodeUnreachable("ws://node", "it hung up")
    answers: list[Any] = [None, gone, gone, gone, None]
    naps: list[float] = []

    def advance_or_not(*arguments: Any) -> Progress:
        if (error := answers.pop(0)) is not None:
            raise error
        return advance_run(*arguments)

    monkeypatch.setattr(rounds, "advance_run", advance_or_not)
    monkeypatch.setattr(rounds.time, "sleep", naps.append)
    wanted = plan(stage, 1)
    told = stay_with_run(
        stage.as_(CREATOR),
        wanted,
        lambda progress, now: serve(stage, task_of(progress)),
        every=3.0,
    )
    assert [progress.ending for progress in told] == [None, Ending.ROUNDS]
    assert naps == [3.0, 1.0, 2.0, 4.0]
    answers[:] = [gone]
    with pytest.raises(NodeUnreachable):
        next(stay_with_run(stage.as_(CREATOR), wanted, lambda progress, now: None))


def test_the_best_of_a_run_is_kept_though_later_rounds_are_worse(stage: Stage) -> None:
    wanted = plan(stage, 5, patience=1)
    serve(stage, task_of(step(stage, wanted)))
    serve(stage, task_of(step(stage, wanted)), Bob=WEAK, Charlie=WEAK)
    progress = step(stage, wanted)
    assert progress.ending is Ending.PATIENCE
    assert progress.run.best is not None and progress.run.best.number == 1


def test_a_run_ends_when_its_target_is_reached(stage: Stage) -> None:
    wanted = plan(stage, 5, target=900_000)
    serve(stage, task_of(step(stage, wanted)))
    assert step(stage, wanted).ending is Ending.TARGET


def test_a_model_that_went_lost_at_home_is_fetched_again(stage: Stage) -> None:
    wanted = plan(stage)
    serve(stage, task_of(step(stage, wanted)))
    run = folder_of(stage.as_(CREATOR), "run")
    step(stage, replace(wanted, rounds=1))
    write_model(run.model(1), np.zeros((2, 2), np.float32))
    task = task_of(step(stage, wanted))
    accept_task(stage.as_(BOB), task)
    base = stage.as_(BOB).work(task).bundle / "model" / "model.safetensors"
    assert np.array_equal(load_file(base)["weight"], GOOD), "not what somebody put there"


# What cannot go on.


def test_without_funds_for_the_next_round_a_run_stops_and_goes_on_later(stage: Stage) -> None:
    wanted = plan(stage, reward=300_000 * UNIT)  # The creator has enough for one round.
    serve(stage, task_of(step(stage, wanted)))
    creator = stage.as_(CREATOR)
    for _ in range(2):
        with pytest.raises(RoundUnaffordable, match="same command again") as caught:
            step(stage, wanted)
    assert (caught.value.round, caught.value.needed) == (2, 600_002 * UNIT)
    assert caught.value.free < caught.value.needed
    assert len(creator.chain.tasks()) == 1
    transfer(stage.as_(BOB), creator.address, 200_000 * UNIT)
    progress = step(stage, wanted)
    assert progress.waiting is not None and progress.waiting.round == 2
    assert len(creator.chain.tasks()) == 2


def test_a_run_knows_that_its_chain_was_started_anew(stage: Stage) -> None:
    wanted = plan(stage)
    step(stage, wanted)
    config = stage.as_(CREATOR).config
    stage.close()
    reset(config)
    with pytest.raises(RunForgotten, match="--name"):
        step(stage, wanted)


def test_a_task_that_a_fork_has_given_another_number_is_found_again(stage: Stage) -> None:
    wanted = plan(stage, 1)
    task = task_of(step(stage, wanted))
    folder = folder_of(stage.as_(CREATOR), "run")
    run = folder.read()
    assert run is not None and run.current is not None and run.current.newest is not None
    moved = replace(run.current.newest, task=TaskId(task + 7))
    folder.write(run.with_current(run.current.with_newest(moved)))
    assert task_of(step(stage, wanted)) == task
    serve(stage, task)
    assert step(stage, wanted).run.rounds[0].merged == task


def test_a_publication_that_was_taken_back_is_made_again(stage: Stage) -> None:
    wanted = plan(stage)
    task = task_of(step(stage, wanted))
    serve(stage, task)
    run = step(stage, replace(wanted, rounds=1)).run
    creator = stage.as_(CREATOR)
    other = write_model(stage.root / "other", WEAK)
    publish_model(creator, (creator.chain.task(task),), other, cid_of(other))
    step(stage, wanted)
    assert creator.chain.task(task).published == run.rounds[0].model


def test_two_processes_do_not_work_on_one_run(stage: Stage) -> None:
    step(stage, plan(stage))
    lock = folder_of(stage.as_(CREATOR), "run").root / ".lock"
    with lock.open("wb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(RunBusy):
            step(stage, plan(stage))


def test_a_run_does_not_go_on_with_other_terms(stage: Stage) -> None:
    step(stage, plan(stage))
    with pytest.raises(RunDiffers) as caught:
        step(stage, plan(stage, reward=11 * UNIT))
    assert caught.value.fields == ("reward",)
    write_model(stage.root / "other", GOOD)
    with pytest.raises(RunDiffers, match="base_model"):
        step(stage, plan(stage, base_model=stage.root / "other"))
    assert len(stage.as_(CREATOR).chain.tasks()) == 1


BAD: dict[str, tuple[dict[str, Any], type[Exception]]] = {
    "no rounds": ({"rounds": 0}, RunInvalid),
    "no participants": ({"results": 0}, RunInvalid),
    "no results wanted": ({"min_results": 0}, RunInvalid),
    "more results than participants": ({"min_results": 3}, RunInvalid),
    "more slots than invited": ({"invited": (Address("x"),)}, RunInvalid),
    "more participants than a task has slots": ({"results": 10_001}, RunInvalid),
    "no patience": ({"patience": 0}, RunInvalid),
    "negative spare": ({"spare": -1}, RunInvalid),
    "negative retries": ({"retries": -1}, RunInvalid),
    "a name that is a path": ({"name": "../run"}, RunInvalid),
    "an even committee": ({"committee": 2}, TermsInvalid),
    "labels": ({"task_type": TaskType.DATA_ANNOTATORS}, RunInvalid),
    "an unknown rule": ({"merge": MergePlan("mode")}, MergePlanInvalid),
    "no epochs": ({"training": LocalTraining(epochs=0)}, ManifestError),
}


@pytest.mark.parametrize("name", BAD)
def test_what_could_never_work_is_refused_before_anything_is_posted(
    stage: Stage, name: str
) -> None:
    change, error = BAD[name]
    with pytest.raises(error):
        step(stage, plan(stage, **change))
    assert stage.as_(CREATOR).chain.tasks() == []


def test_a_run_without_a_bundle_is_refused(stage: Stage) -> None:
    shutil.rmtree(stage.bundle)
    with pytest.raises(RunInvalid, match="--bundle"):
        step(stage, plan(stage))


# A merger in the creator's place.


def test_an_appointed_aggregator_merges_and_the_creator_never_opens_a_result(
    stage: Stage,
) -> None:
    address = stage.as_(DAVE).address
    wanted = plan(stage, 2, merger=address, merge=MergePlan(optimizer="fedavgm"))
    task = task_of(step(stage, wanted))
    serve(stage, task)
    waiting = step(stage, wanted).waiting
    assert waiting is not None and waiting.what == "the merger"
    daemon = Aggregator(Quiet(), Stop())
    while daemon.visit(stage.as_(DAVE)):
        pass
    progress = step(stage, wanted)
    assert progress.waiting is not None and progress.waiting.round == 2
    published = stage.as_(CREATOR).chain.task(task).published
    assert published == progress.run.rounds[0].model
    model = folder_of(stage.as_(CREATOR), "run").model(1)
    assert json.loads((model / "optimizer.json").read_text())["rounds"] == 1
    assert not stage.as_(CREATOR).work(task).received(0).exists()


def test_a_merger_that_publishes_nothing_is_named(stage: Stage) -> None:
    wanted = plan(stage, 1, merger=stage.as_(DAVE).address)
    serve(stage, task_of(step(stage, wanted)))
    assert step(stage, wanted).waiting is not None
    advance(stage.as_(CREATOR), milliseconds=2 * HOUR)
    with pytest.raises(MergerSilent, match="--merge-time"):
        step(stage, wanted)
    assert step(stage, replace(wanted, merge_time=9 * HOUR)).waiting is not None


def test_only_an_aggregator_can_be_appointed(stage: Stage) -> None:
    with pytest.raises(NotAnAggregator):
        step(stage, plan(stage, merger=stage.as_(BOB).address))


# The commands.


@pytest.fixture
def ask(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Any]:
    monkeypatch.setenv("DECENTRALML_HOME", str(stage.home))

    def run(line: str) -> Any:
        return CliRunner().invoke(cli, [*line.split(), "--as", CREATOR])

    return run


def line_of(stage: Stage, rounds: int = 1) -> str:
    return (
        f"train-federated --bundle {stage.bundle} --base-model {stage.model} --rounds {rounds} "
        f"--participants 2 --reward 10 --fee 1 --committee 1 --name run --once "
        f"--validation-path {stage.validation_set} --optimizer fedavgm --epochs 2"
    )


def test_the_command_advances_a_run_and_shows_it(
    stage: Stage, ask: Callable[[str], Any], tmp_path: Path
) -> None:
    ran = ask(line_of(stage))
    assert ran.exit_code == 0, ran.output
    assert "round 1 waits for results (task 0)" in ran.stdout
    serve(stage, TaskId(0))
    ran = ask(f"{line_of(stage)} --out {tmp_path / 'best'}")
    assert "ended: all rounds are done" in ran.stdout, ran.output
    assert (tmp_path / "best" / "model.safetensors").is_file()
    assert ask(f"{line_of(stage)} --out {tmp_path / 'best'}").exit_code == 1, "it is in use"
    listed = json.loads(ask("runs list --json").stdout)
    assert [run["name"] for run in listed] == ["run"]
    shown = ask("runs show run")
    assert "first model" in shown.stdout and "100.00%" in shown.stdout
    document = json.loads(ask("runs show run --json").stdout)
    assert document["rounds"][0]["attempts"][0]["accepted"] == [0, 1]
    pytest.importorskip("matplotlib")
    assert ask(f"runs show run --plot {tmp_path / 'curve.png'}").exit_code == 0
    assert (tmp_path / "curve.png").stat().st_size > 1000


def test_ctrl_c_says_that_the_round_goes_on_without_its_creator(
    stage: Stage, ask: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(rounds.time, "sleep", interrupted)
    ran = ask(line_of(stage).replace("--once ", ""))
    assert ran.exit_code == 130
    assert "task 0 of round 1 goes on without you" in ran.stderr
    assert "withdraw-task 0" in ran.stderr and "resumes where it stopped" in ran.stderr


def test_the_commands_name_what_is_wrong(stage: Stage, ask: Callable[[str], Any]) -> None:
    for line, said in (
        (line_of(stage, 0), "--rounds"),
        (line_of(stage) + " --min-results 5", "--min-results"),
        (line_of(stage) + " --rule mode", "mode"),
        (line_of(stage) + " --epochs 0", "epochs"),
        (line_of(stage).replace(str(stage.bundle), "nowhere"), "--bundle"),
        ("runs show nothing", "nothing"),
    ):
        ran = ask(line)
        assert ran.exit_code == 1, line
        assert said in ran.stderr and "Traceback" not in ran.stderr
    with pytest.raises(RunUnknown):
        read_run(stage.as_(CREATOR), "nothing")
    assert list_runs(stage.as_(CREATOR)) == []
    assert stage.as_(CREATOR).chain.tasks() == []


def test_a_task_that_was_withdrawn_by_hand_ends_its_round(stage: Stage) -> None:
    from decentralml.market.tasks import withdraw_task

    wanted = plan(stage, 1)
    task = task_of(step(stage, wanted))
    withdraw_task(stage.as_(CREATOR), task)
    with pytest.raises(TooFewResults):
        step(stage, wanted)
    assert stage.as_(CREATOR).chain.task(task).status is TaskStatus.WITHDRAWN
