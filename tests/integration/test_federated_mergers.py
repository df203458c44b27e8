"""Rounds of several attempts that an appointed aggregator merges, and what it refuses to merge."""

from __future__ import annotations

from typing import Any

import pytest
from daemon_support import Ear, until_idle
from federated_support import plan, serve, step, task_of
from market_support import AGGREGATORS, CONTRIBUTORS, CREATOR, GOOD, WEAK, Stage, write_model

from decentralml.bundles.attempts import ALONE, Attempts, EarlierAttempt
from decentralml.bundles.merge import MergePlan, Privacy
from decentralml.errors import NotMergeable, RunDiffers, StorageError, TooFewToMerge
from decentralml.market.creating.creator import create_task
from decentralml.market.creating.offer import HOUR, Offer
from decentralml.market.daemons import mergers
from decentralml.market.daemons.aggregator import Aggregator
from decentralml.market.merging.attempts import federate_round
from decentralml.market.node import advance
from decentralml.market.rounds.plan import Ending
from decentralml.market.rounds.run import Progress
from decentralml.market.tasks import withdraw_task
from decentralml.service.stopping import Stop
from decentralml.types import Cid, TaskId

BOB, CHARLIE = CONTRIBUTORS
DAVE = AGGREGATORS[0]
OVER = 25 * HOUR


def merger(stage: Stage) -> Aggregator:
    return Aggregator(Ear(), Stop(), settles=False)


def twice(stage: Stage, daemon: Aggregator | None, **terms: Any) -> Progress:
    """A run of one round whose first task brings one result, and whose second brings another."""
    wanted = plan(stage, 1, **({"results": 3, "min_results": 2, "retries": 1} | terms))
    for who, weight in ((BOB, GOOD), (CHARLIE, 3 * GOOD)):
        task = task_of(step(stage, wanted))
        serve(stage, task, **{who.removeprefix("//"): weight})
        advance(stage.as_(CREATOR), milliseconds=OVER)
        progress = step(stage, wanted)
        if daemon is not None:
            until_idle(daemon, stage.as_(DAVE))
    return progress if daemon is None else step(stage, wanted)


def test_a_merger_makes_of_all_attempts_the_model_that_the_creator_would_make(stage: Stage) -> None:
    how = MergePlan(optimizer="fedavgm")
    alone = twice(stage, None, merge=how)
    daemon = merger(stage)
    given = twice(stage, daemon, name="given", merge=how, merger=stage.as_(DAVE).address)
    assert alone.ending is given.ending is Ending.ROUNDS
    (mine,), (theirs,) = alone.run.rounds, given.run.rounds
    assert theirs.model == mine.model and theirs.results == mine.results == 2
    chain = stage.as_(CREATOR).chain
    assert [chain.task(each.task).published for each in theirs.attempts] == [mine.model] * 2
    assert not stage.as_(CREATOR).work(theirs.attempts[0].task).received(0).exists()
    assert isinstance(daemon.log, Ear)
    assert daemon.log.names().count("merged") == 1, "once, and not the first attempt by itself"


def test_a_merger_that_was_away_finds_all_attempts_when_it_comes_back(stage: Stage) -> None:
    address = stage.as_(DAVE).address
    first = twice(stage, None, merger=address)
    assert first.waiting is not None and first.waiting.what == "the merger"
    until_idle(merger(stage), stage.as_(DAVE))
    wanted = plan(stage, 1, results=3, min_results=2, retries=1, merger=address)
    done = step(stage, wanted)
    assert done.ending is Ending.ROUNDS and done.run.rounds[0].results == 2


def test_fewer_results_than_its_bundle_promises_are_not_merged(stage: Stage) -> None:
    wanted = plan(stage, 1, min_results=2, retries=1, merger=stage.as_(DAVE).address)
    task = task_of(step(stage, wanted))
    serve(stage, task, Bob=GOOD)
    withdraw_task(stage.as_(CREATOR), task)
    until_idle(merger(stage), stage.as_(DAVE))
    assert stage.as_(CREATOR).chain.task(task).published is None
    with pytest.raises(TooFewToMerge, match=r"1 accepted results.*2 at least"):
        federate_round(stage.as_(DAVE), task, stage.root / "out")


def test_the_least_number_of_results_is_one_of_the_terms_with_a_merger(stage: Stage) -> None:
    address = stage.as_(DAVE).address
    step(stage, plan(stage, 1, min_results=2, merger=address))
    with pytest.raises(RunDiffers, match="min_results"):
        step(stage, plan(stage, 1, min_results=1, merger=address))


def test_late_results_that_are_enough_save_another_attempt(stage: Stage) -> None:
    wanted = plan(stage, 1, min_results=2, retries=0, round_time=HOUR)
    task = task_of(step(stage, wanted))
    serve(stage, task, Bob=GOOD)
    stage.contribute(CHARLIE, task, 3 * GOOD)
    advance(stage.as_(CREATOR), milliseconds=HOUR + 1)
    with pytest.raises(Exception, match="1 accepted of at least 2"):
        step(stage, wanted)
    stage.conclude(task)
    progress = step(stage, wanted)
    assert (progress.ending, progress.run.rounds[0].results) == (Ending.ROUNDS, 2)


def test_a_later_attempt_that_cannot_be_read_yet_keeps_the_first_from_being_merged_alone(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = attempts(stage)
    away = stage.as_(CREATOR).chain.task(second).terms.bundle
    peek = mergers.peek_manifest

    def peek_or_fail(session: Any, bundle: Cid) -> Any:
        if bundle == away:
            raise StorageError("away")
        return peek(session, bundle)

    monkeypatch.setattr(mergers, "peek_manifest", peek_or_fail)
    daemon = merger(stage)
    until_idle(daemon, stage.as_(DAVE))
    chain = stage.as_(CREATOR).chain
    assert chain.task(first).published is None
    monkeypatch.setattr(mergers, "peek_manifest", peek)
    daemon.later.pauses.clear()
    until_idle(daemon, stage.as_(DAVE))
    assert None is not chain.task(first).published == chain.task(second).published


def test_tasks_that_were_cleared_or_are_another_chains_are_forgotten(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = post(stage, merge=None)
    serve(stage, task, Bob=GOOD)
    withdraw_task(stage.as_(CREATOR), task)
    daemon, dave = merger(stage), stage.as_(DAVE)
    with monkeypatch.context() as patched:
        patched.setattr(daemon, "_merge", lambda *_: False)
        daemon.visit(dave)
    from decentralml.chain.errors import UnknownTask

    real = type(dave.chain).task
    with monkeypatch.context() as patched:

        def gone(chain: Any, number: TaskId) -> Any:
            if number == task:
                raise UnknownTask.foreseen(task=task)
            return real(chain, number)

        patched.setattr(type(dave.chain), "task", gone)
        assert not daemon.visit(dave)
    assert not daemon.visit(dave), "it has forgotten the task"


# What a dishonest creator may try.


def offer(stage: Stage, named: Attempts = ALONE, **terms: Any) -> Offer:
    usual = {"results": 2, "minimum_gain": None, "committee": 1, "merger": stage.as_(DAVE).address}
    return stage.offer(attempts=named, **(usual | terms))


def post(stage: Stage, named: Attempts = ALONE, **terms: Any) -> TaskId:
    return create_task(stage.as_(CREATOR), stage.bundle, offer(stage, named, **terms)).task


def naming(stage: Stage, *tasks: TaskId, least: int = 1) -> Attempts:
    chain = stage.as_(CREATOR).chain
    return Attempts(
        least, tuple(EarlierAttempt(each, chain.task(each).terms.bundle) for each in tasks)
    )


def attempts(stage: Stage, first: dict[str, Any] | None = None, **second: Any) -> list[TaskId]:
    """Two tasks with a result each, of which the second names the first; both are over."""
    one = post(stage, **(first or {}))
    serve(stage, one, Bob=GOOD)
    withdraw_task(stage.as_(CREATOR), one)
    two = post(stage, naming(stage, one), **second)
    serve(stage, two, Charlie=3 * GOOD)
    withdraw_task(stage.as_(CREATOR), two)
    return [one, two]


def refused(stage: Stage, task: TaskId, why: str) -> None:
    with pytest.raises(NotMergeable, match=why):
        federate_round(stage.as_(DAVE), task, stage.root / "out")
    assert stage.as_(CREATOR).chain.task(task).published is None


def test_what_a_bundle_names_as_attempts_is_merged_once_all_is_as_it_should_be(
    stage: Stage,
) -> None:
    first, second = attempts(stage)
    merged = federate_round(stage.as_(DAVE), second, stage.root / "out")
    assert [(part.task, part.index) for part in merged.parts] == [(first, 0), (second, 0)]


def test_another_creators_task_is_not_merged_into_a_task(stage: Stage) -> None:
    charlie = stage.as_(CHARLIE)
    foreign = create_task(charlie, stage.bundle, offer(stage)).task
    serve(stage, foreign, Bob=GOOD)
    withdraw_task(charlie, foreign)
    task = post(stage, naming(stage, foreign))
    serve(stage, task, Charlie=GOOD)
    withdraw_task(stage.as_(CREATOR), task)
    refused(stage, task, "somebody else's")
    daemon = merger(stage)
    until_idle(daemon, stage.as_(DAVE))
    chain = stage.as_(CREATOR).chain
    assert chain.task(task).published is None
    assert chain.task(foreign).published is not None, "it stands by itself, whoever names it"


@pytest.mark.parametrize(
    ("first", "why"),
    [
        ({"merge": MergePlan(rule="median")}, r"another \[merge\]"),
        ({"merger": None}, "another reader"),
        ({"attempts": Attempts(least=2)}, "another least number"),
    ],
)
def test_results_that_were_promised_something_else_are_not_merged(
    stage: Stage, first: dict[str, Any], why: str
) -> None:
    named = first.pop("attempts", ALONE)
    _, second = attempts(stage, first | {"named": named})
    refused(stage, second, why)


def test_results_that_began_from_another_model_are_not_merged(stage: Stage) -> None:
    one = post(stage)
    serve(stage, one, Bob=GOOD)
    withdraw_task(stage.as_(CREATOR), one)
    write_model(stage.model, 2 * WEAK)
    two = post(stage, naming(stage, one))
    serve(stage, two, Charlie=GOOD)
    refused(stage, two, "began from another model")


def test_a_task_that_goes_on_is_no_earlier_attempt(stage: Stage) -> None:
    one = post(stage)
    serve(stage, one, Bob=GOOD)
    two = post(stage, naming(stage, one))
    serve(stage, two, Charlie=GOOD)
    refused(stage, two, "still goes on")


def test_a_number_that_stands_for_another_task_now_is_no_earlier_attempt(stage: Stage) -> None:
    one, other = post(stage), post(stage, merge=MergePlan(rule="median"))
    bundle = stage.as_(CREATOR).chain.task(other).terms.bundle
    two = post(stage, Attempts(1, (EarlierAttempt(one, bundle),)))
    serve(stage, two, Charlie=GOOD)
    refused(stage, two, "another task than was meant")
    three = post(stage, Attempts(1, (EarlierAttempt(TaskId(99), bundle),)))
    serve(stage, three, Charlie=GOOD)
    refused(stage, three, "not on the chain")


def test_no_result_gets_noise_in_two_private_merges(stage: Stage) -> None:
    pytest.importorskip("opacus", reason="the extra privacy is not installed")
    private = MergePlan(privacy=Privacy(clip=2.0, noise=1.0, delta=1e-5))
    one = post(stage, merge=private)
    serve(stage, one, Bob=GOOD)
    withdraw_task(stage.as_(CREATOR), one)
    federate_round(stage.as_(DAVE), one, stage.root / "first")
    two = post(stage, naming(stage, one), merge=private)
    serve(stage, two, Charlie=GOOD)
    withdraw_task(stage.as_(CREATOR), two)
    refused(stage, two, "was merged before")
