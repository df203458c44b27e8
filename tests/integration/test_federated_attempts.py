"""Partial participation: stragglers, drop-outs, and rounds that are posted again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from federated_support import plan, serve, step, task_of
from market_support import AGGREGATORS, CONTRIBUTORS, CREATOR, GOOD, WEAK, Stage, write_model
from safetensors.numpy import load_file

from decentralml.bundles.merge import MergePlan, Privacy
from decentralml.errors import NotMergeable, TooFewResults
from decentralml.market.contributing.contributor import accept_task
from decentralml.market.creating.offer import HOUR
from decentralml.market.judging.panel import attend_panels
from decentralml.market.merging.federation import federate
from decentralml.market.merging.lineage import model_lineage
from decentralml.market.node import advance
from decentralml.market.rounds.plan import Ending
from decentralml.market.rounds.state import folder_of
from decentralml.types import SubmissionStatus

BOB, CHARLIE = CONTRIBUTORS


def test_a_round_closes_at_its_deadline_with_whoever_passed(stage: Stage) -> None:
    wanted = plan(stage, 1, results=3, round_time=5 * HOUR)
    task = task_of(step(stage, wanted))
    stage.contribute(BOB, task)
    stage.conclude(task)
    accept_task(stage.as_(CHARLIE), task)
    assert step(stage, wanted).waiting is not None
    advance(stage.as_(CREATOR), milliseconds=5 * HOUR)
    progress = step(stage, wanted)
    assert progress.ending is Ending.ROUNDS
    assert progress.run.rounds[0].attempts[0].accepted == (0,)
    found = stage.as_(CREATOR).chain.task(task)
    assert found.open_slots == 0, "nobody pays for slots that nobody takes"


def test_a_late_result_is_paid_and_not_merged(stage: Stage) -> None:
    wanted = plan(stage, 1, results=1, spare=1)
    task = task_of(step(stage, wanted))
    late = stage.contribute(CHARLIE, task, 3 * GOOD)
    stage.contribute(BOB, task)
    for _ in range(2):
        for name in AGGREGATORS:
            attend_panels(stage.as_(name), task, [1])
    progress = step(stage, wanted)
    assert progress.ending is Ending.ROUNDS, "one participant was all it waited for"
    assert progress.run.rounds[0].attempts[0].accepted == (1,)
    stage.conclude(task)
    chain = stage.as_(CREATOR).chain
    assert chain.submission(task, late.index).status is SubmissionStatus.ACCEPTED
    assert step(stage, wanted).run == progress.run


def test_an_empty_round_says_so_and_is_posted_again_if_asked(stage: Stage) -> None:
    wanted = plan(stage, 1)
    task = task_of(step(stage, wanted))
    advance(stage.as_(CREATOR), milliseconds=25 * HOUR)
    with pytest.raises(TooFewResults, match="0 accepted of at least 1"):
        step(stage, wanted)
    with pytest.raises(TooFewResults):
        step(stage, wanted)
    again = replace(wanted, retries=1)
    second = task_of(step(stage, again))
    assert second != task and task_of(step(stage, again)) == second
    serve(stage, second)
    progress = step(stage, again)
    assert [each.task for each in progress.run.rounds[0].attempts] == [task, second]
    assert progress.run.rounds[0].merged == second


def test_a_round_whose_results_are_all_rejected_merges_nothing(stage: Stage) -> None:
    wanted = plan(stage, 1, minimum_gain=900_000)
    task = task_of(step(stage, wanted))
    serve(stage, task, Bob=WEAK, Charlie=WEAK)
    advance(stage.as_(CREATOR), milliseconds=25 * HOUR)
    with pytest.raises(TooFewResults) as caught:
        step(stage, wanted)
    assert (caught.value.round, caught.value.accepted, caught.value.tasks) == (1, 0, (task,))
    assert stage.as_(CREATOR).chain.task(task).published is None


def test_fewer_results_are_merged_once_that_is_said_to_be_enough(stage: Stage) -> None:
    wanted = plan(stage, 1, min_results=2)
    task = task_of(step(stage, wanted))
    serve(stage, task, Bob=GOOD)
    advance(stage.as_(CREATOR), milliseconds=25 * HOUR)
    with pytest.raises(TooFewResults, match="--min-results"):
        step(stage, wanted)
    assert step(stage, replace(wanted, min_results=1)).ending is Ending.ROUNDS


# Rounds that are posted again.


def test_accepted_results_of_all_attempts_are_merged_each_once(stage: Stage) -> None:
    wanted = plan(stage, 1, results=3, min_results=2, retries=1)
    first = task_of(step(stage, wanted))
    serve(stage, first, Bob=GOOD)
    advance(stage.as_(CREATOR), milliseconds=25 * HOUR)
    second = task_of(step(stage, wanted))
    chain = stage.as_(CREATOR).chain
    assert chain.task(second).terms.slots == 2, "what is missing"
    serve(stage, second, Charlie=3 * GOOD)
    waiting = step(stage, wanted).waiting
    assert waiting is not None and waiting.accepted == 2
    advance(stage.as_(CREATOR), milliseconds=25 * HOUR)
    progress = step(stage, wanted)
    assert progress.ending is Ending.ROUNDS
    (done,) = progress.run.rounds
    assert (done.results, done.merged) == (2, second)
    model = folder_of(stage.as_(CREATOR), "run").model(1) / "model.safetensors"
    assert np.array_equal(load_file(model)["weight"], 2 * GOOD)
    assert chain.task(first).published == chain.task(second).published == done.model
    assert done.model is not None
    for name in (done.model, str(first), str(second)):
        (ancestor,) = model_lineage(stage.as_(CREATOR), name)
        assert [(part.task, part.index) for part in ancestor.contributions] == [
            (first, 0),
            (second, 0),
        ]


def test_what_was_late_in_the_first_attempt_is_merged_with_the_second(stage: Stage) -> None:
    wanted = plan(stage, 1, min_results=2, retries=1, round_time=HOUR)
    first = task_of(step(stage, wanted))
    serve(stage, first, Bob=GOOD)
    stage.contribute(CHARLIE, first, 3 * GOOD)
    advance(stage.as_(CREATOR), milliseconds=HOUR + 1)
    second = task_of(step(stage, wanted))
    stage.conclude(first)
    progress = step(stage, wanted)
    assert progress.ending is Ending.ROUNDS, "what it waited for has come"
    (done,) = progress.run.rounds
    assert (done.results, done.merged) == (2, first)
    assert [attempt.accepted for attempt in done.attempts] == [(0, 1), ()]
    assert stage.as_(CREATOR).chain.task(second).open_slots == 0


def test_of_one_account_a_private_merge_takes_one_result_of_all_attempts(stage: Stage) -> None:
    pytest.importorskip("opacus", reason="the extra privacy is not installed")
    private = MergePlan(privacy=Privacy(clip=2.0, noise=1.0, delta=1e-5))
    wanted = plan(stage, 1, min_results=2, retries=1, merge=private)
    for _ in range(2):
        serve(stage, task_of(step(stage, wanted)), Bob=GOOD)
        advance(stage.as_(CREATOR), milliseconds=25 * HOUR)
    with pytest.raises(TooFewResults, match="1 accepted of at least 2"):
        step(stage, wanted)
    progress = step(stage, replace(wanted, min_results=1))
    assert (progress.ending, progress.run.rounds[0].results) == (Ending.ROUNDS, 1)


def test_results_that_began_from_another_model_are_not_merged_with_these(stage: Stage) -> None:
    first = stage.post(results=1, minimum_gain=None, committee=1)
    write_model(stage.model, 2 * WEAK)
    second = stage.post(results=1, minimum_gain=None, committee=1)
    for task in (first, second):
        serve(stage, task, Bob=GOOD)
    with pytest.raises(NotMergeable, match="another model"):
        federate(stage.as_(CREATOR), first, stage.root / "out", also={second: (0,)})
