"""`--wait`: a member, or a contributor, stays until its results have ended, and misses nothing."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from market_support import AGGREGATORS, CONTRIBUTORS, CREATOR, Stage

from decentralml.cli.main import cli
from decentralml.errors import NotAnAggregator
from decentralml.market import staying
from decentralml.market.contributing.sending import stay_with_result
from decentralml.market.creating.deciding import appeal, reject_task_results
from decentralml.market.creating.offer import HOUR
from decentralml.market.judging.review import Validation, joined, stay_with_results
from decentralml.market.node import advance
from decentralml.market.staying import Waits
from decentralml.types import Outcome, SubmissionStatus, TaskId, ValidationStrategy

DAVE, EVE, FERDIE = AGGREGATORS
BOB = CONTRIBUTORS[0]


@pytest.fixture(autouse=True)
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(staying, "LOOK_EVERY", 0.01)


class Others:
    """What others do, one act whenever the one who stays is idle; and what it was waiting for."""

    def __init__(self, *acts: Callable[[], object]) -> None:
        self.acts = list(acts)
        self.waited: list[str] = []

    def __call__(self, waits: Waits, now: int) -> None:
        if waits:
            self.waited += [each.what for each in waits.values()]
            assert self.acts, "it waits for what nobody is going to do"
            self.acts.pop(0)()


def stay(stage: Stage, task: TaskId, others: Others) -> Validation:
    """Dave stays with a task's results; all of its visits in one."""
    visits = stay_with_results(stage.as_(DAVE), task, (), others)
    return functools.reduce(joined, visits, Validation(task))


def test_a_member_commits_reveals_and_releases_in_one_stay(stage: Stage) -> None:
    task = stage.post()
    stage.contribute(BOB, task)
    others = Others(*[lambda: stage.validate(task, EVE, FERDIE)] * 2)
    (duty,) = stay(stage, task, others).duties
    assert duty.status is SubmissionStatus.ACCEPTED
    assert duty.done[:2] == ("committed", "revealed")
    assert duty.score == 1_000_000, "the finding of the first visit is still told"
    assert others.waited == ["commitments", "findings"]


def test_a_member_that_stays_moves_a_result_past_members_that_stay_away(stage: Stage) -> None:
    task = stage.post()
    stage.contribute(BOB, task)
    late = stage.as_(CREATOR)
    others = Others(
        lambda: advance(late, milliseconds=2 * HOUR + 1000),
        # Nobody is left who could be drawn for them.
        lambda: advance(late, milliseconds=HOUR + 1000),
    )
    (duty,) = stay(stage, task, others).duties
    assert duty.status is SubmissionStatus.ACCEPTED
    assert duty.done == ("committed", "revealed", "released its key")


def test_a_contributor_that_stays_hands_its_key_to_a_jury(stage: Stage) -> None:
    task = stage.post(strategy=ValidationStrategy.MANUAL_ACCEPT, committee=1)
    sent = stage.contribute(BOB, task)

    def overruled() -> None:
        reject_task_results(stage.as_(CREATOR), task, (sent.index,), "no")

    def appealed() -> None:
        appeal(stage.as_(BOB), task, sent.index)

    others = Others(
        lambda: stage.conclude(task), overruled, appealed, *[lambda: stage.conclude(task)] * 2
    )
    visits = list(stay_with_result(stage.as_(BOB), task, None, others))
    assert visits[-1].status is SubmissionStatus.ACCEPTED
    assert "the end of the time to appeal" in others.waited


def test_staying_ends_when_others_have_ended_the_result(stage: Stage) -> None:
    """The last word of a stay is what became of the result, also if somebody else did it."""
    task = stage.post(minimum_gain=900_000)
    stage.contribute(BOB, task)
    others = Others(*[lambda: stage.validate(task, EVE, FERDIE)] * 2)
    (duty,) = stay(stage, task, others).duties
    assert duty.status is SubmissionStatus.REJECTED
    submission = stage.as_(BOB).chain.submission(task, 0)
    assert submission.outcome is Outcome.FAILED


def test_who_judges_nothing_has_nothing_to_stay_for(stage: Stage) -> None:
    task = stage.post()
    with pytest.raises(NotAnAggregator):
        stay_with_results(stage.as_(BOB), task, (), Others()).__next__()


def test_the_commands_stay_and_print_one_document(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DECENTRALML_HOME", str(stage.home))
    task = stage.post(committee=1)
    stage.contribute(BOB, task)
    (member,) = stage.as_(BOB).chain.submission(task, 0).committee
    name = next(name for name in AGGREGATORS if stage.as_(name).address == member.member)
    ran = CliRunner().invoke(
        cli, ["validate-task-results", str(task), "--wait", "--json", "--as", name]
    )
    assert ran.exit_code == 0, ran.output
    (duty,) = json.loads(ran.stdout)["duties"]
    assert (duty["status"], duty["awaited"]) == ("Accepted", None)
    assert duty["done"] == ["committed", "revealed", "released its key"]
    ran = CliRunner().invoke(cli, ["send-results", str(task), "--wait", "--as", BOB])
    assert f"why: decentralml explain {task} 0" in ran.stdout
    both = CliRunner().invoke(cli, ["validate-task-results", "0", "--wait", "--dry-run"])
    assert both.exit_code == 2
