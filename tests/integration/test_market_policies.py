"""One task's whole life under each policy: who is paid, who decides, and that nothing is lost."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from market_support import (
    AGGREGATORS,
    CONTRIBUTORS,
    CREATOR,
    GOOD,
    WEAK,
    Stage,
)

from decentralml.chain.errors import NotCreator, NotValidated
from decentralml.config import Config
from decentralml.errors import CallRefused
from decentralml.market.contributing.sending import send_results
from decentralml.market.creating.deciding import accept_task_results, reject_task_results
from decentralml.market.creating.offer import HOUR
from decentralml.market.judging.review import validate_task_results
from decentralml.market.merging.federation import Weighting, federate
from decentralml.market.node import advance
from decentralml.market.session import Session
from decentralml.market.tasks import list_task_results, settle
from decentralml.service.reporting import Silent
from decentralml.types import (
    UNIT,
    Outcome,
    SubmissionStatus,
    TaskStatus,
    ValidationStrategy,
    Verdict,
    Window,
)

BOB, CHARLIE = CONTRIBUTORS


def held(stage: Stage) -> int:
    """Planck that the market still holds of anybody, but for deposits of what it stores."""
    chain = stage.as_(CREATOR).chain
    everybody = (CREATOR, *CONTRIBUTORS)
    balances = [chain.balance(stage.as_(name).address) for name in everybody]
    return sum(
        amount
        for balance in balances
        for reason, amount in balance.held.items()
        if reason.startswith("market") and not reason.endswith("Deposit")
    )


def test_auto_accept_pays_contributors_and_committee_at_once(stage: Stage) -> None:
    creator = stage.as_(CREATOR)
    task = stage.post(results=2)
    issuance = creator.chain.total_issuance()
    names = (CREATOR, *CONTRIBUTORS, *AGGREGATORS)
    before = {name: creator.chain.balance(creator.resolve(name)).total for name in names}
    stage.contribute(BOB, task)
    stage.contribute(CHARLIE, task, GOOD * 2)
    stage.conclude(task)
    results = list_task_results(creator, task)
    assert [found.status for found in results] == [SubmissionStatus.ACCEPTED] * 2
    assert all(found.score == 1_000_000 for found in results)
    assert creator.chain.task(task).status is TaskStatus.COMPLETED
    after = {name: creator.chain.balance(creator.resolve(name)).total for name in names}
    burned = issuance - creator.chain.total_issuance()
    assert sum(after.values()) - sum(before.values()) == -burned
    assert before[CREATOR] - after[CREATOR] == 2 * (10 + 3) * UNIT
    fees = UNIT // 4  # far more than a few transactions cost, far less than a fee
    for name in AGGREGATORS:
        assert abs(after[name] - before[name] - 2 * UNIT) < fees
    for name in CONTRIBUTORS:
        assert abs(after[name] - before[name] - 10 * UNIT) < fees
    assert held(stage) == 0


def test_a_result_that_gains_nothing_fails_at_its_senders_cost(stage: Stage) -> None:
    task = stage.post(results=1)
    contributor = stage.as_(BOB)
    before = contributor.chain.balance(contributor.address).total
    stage.contribute(BOB, task, WEAK)
    stage.conclude(task)
    found = contributor.chain.submission(task, 0)
    assert found.status is SubmissionStatus.REJECTED
    assert found.verdict is Verdict.FAIL
    assert contributor.chain.task(task).open_slots == 1
    paid = before - contributor.chain.balance(contributor.address).total
    assert 3 * UNIT <= paid < 3 * UNIT + UNIT // 4


def test_manual_accept_lets_the_creator_decide_with_the_finding_in_front_of_it(
    stage: Stage,
) -> None:
    task = stage.post(results=2, strategy=ValidationStrategy.MANUAL_ACCEPT)
    stage.contribute(BOB, task)
    stage.contribute(CHARLIE, task, np.array([[3.0, -1.0], [-3.0, 1.0]], np.float32))
    creator = stage.as_(CREATOR)
    with pytest.raises(NotValidated):
        accept_task_results(creator, task, [0])
    stage.conclude(task)
    reviews = validate_task_results(creator, task).reviews
    assert [review.status for review in reviews] == [SubmissionStatus.VALIDATED] * 2
    for review in reviews:
        assert [opinion.verdict for opinion in review.opinions] == [Verdict.PASS] * 3
        assert all(opinion.metrics["accuracy"] == 1.0 for opinion in review.opinions)
        assert all(opinion.problem is None for opinion in review.opinions)
        assert review.own is None and review.folder is None
        assert "sealed to" in (review.note or "")
    accept_task_results(creator, task, [0])
    assert creator.chain.submission(task, 0).window is Window.RELEASE
    assert reject_task_results(creator, task, [1], "not what we need").counters[1] > 0
    stage.validate(task, AGGREGATORS[0])
    (paid,) = validate_task_results(creator, task, [0]).reviews
    assert paid.own is not None and paid.own.score == 1_000_000
    assert paid.folder is not None and (paid.folder / "model.safetensors").is_file()
    advance(creator, milliseconds=25 * HOUR)
    settle(creator, task, 1)
    first, second = list_task_results(creator, task)
    assert first.status is SubmissionStatus.ACCEPTED
    assert (second.status, second.outcome) == (SubmissionStatus.REJECTED, Outcome.OVERRULED)
    assert second.reason == "not what we need"
    settle(creator, task)
    assert held(stage) == 0


def test_several_results_are_accepted_in_one_transaction_or_not_at_all(
    stage: Stage,
) -> None:
    task = stage.post(results=2, strategy=ValidationStrategy.MANUAL_ACCEPT)
    stage.contribute(BOB, task)
    stage.conclude(task)
    stage.contribute(CHARLIE, task)
    creator = stage.as_(CREATOR)
    with pytest.raises(CallRefused):
        accept_task_results(creator, task, [0, 1])
    assert creator.chain.submission(task, 0).status is SubmissionStatus.VALIDATED
    with pytest.raises(NotCreator):
        accept_task_results(stage.as_(BOB), task, [0])


def test_a_silent_creator_cannot_withhold_pay(stage: Stage) -> None:
    task = stage.post(results=1, strategy=ValidationStrategy.MANUAL_ACCEPT)
    stage.contribute(BOB, task)
    stage.conclude(task)
    contributor = stage.as_(BOB)
    assert settle(contributor, task).submissions == ()
    advance(contributor, milliseconds=2 * 3_600_000)
    assert settle(contributor, task).submissions == (0,)
    assert send_results(contributor, task).done == ("released its key",)
    assert contributor.chain.submission(task, 0).status is SubmissionStatus.ACCEPTED


def test_custom_accept_runs_the_creators_validator(stage: Stage) -> None:
    task = stage.post(
        results=2, strategy=ValidationStrategy.CUSTOM_ACCEPT, validator="validator.py"
    )
    stage.contribute(BOB, task)
    stage.contribute(CHARLIE, task, -GOOD)
    stage.conclude(task)
    first, second = list_task_results(stage.as_(CREATOR), task)
    assert (first.status, first.verdict) == (SubmissionStatus.ACCEPTED, Verdict.PASS)
    assert (second.status, second.verdict) == (SubmissionStatus.REJECTED, Verdict.FAIL)


@pytest.mark.parametrize(
    "validator",
    ["raise SystemExit(3)", "while True: print('x' * 10**6)", "import time\ntime.sleep(60)"],
)
def test_a_validator_that_misbehaves_is_inconclusive_and_costs_the_contributor_nothing(
    stage: Stage,
    validator: str,
) -> None:
    (stage.bundle / "validator.py").write_text(validator)
    (stage.bundle / "task.toml").write_text("[validator]\ntime_limit = 2\n")
    task = stage.post(results=1, committee=1, strategy=ValidationStrategy.CUSTOM_ACCEPT)
    contributor = stage.as_(BOB)
    before = contributor.chain.balance(contributor.address).total
    stage.contribute(BOB, task)
    stage.conclude(task)
    found = contributor.chain.submission(task, 0)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert found.status is SubmissionStatus.REJECTED
    after = contributor.chain.balance(contributor.address)
    assert before - after.total < UNIT // 4
    assert set(after.held) <= {"market.Deposit"}


class Listener(Silent):
    """Keeps the warnings."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warn(self, text: str) -> None:
        self.warnings.append(text)


def test_a_claim_of_most_examples_is_pointed_out_before_it_makes_the_next_model(
    stage: Stage, tmp_path: Path
) -> None:
    task = stage.post(results=3)
    for who, examples in ((BOB, 10), (CHARLIE, 10**9), (BOB, 12)):
        stage.contribute(who, task, examples=examples)
        stage.conclude(task)
    listener = Listener()
    with Session(Config(stage.home, key=CREATOR), reporter=listener) as creator:
        federate(creator, task, tmp_path / "claimed", publish=False)
        assert any("result 1 claims 100%" in warning for warning in listener.warnings)
        listener.warnings.clear()
        equal = Weighting.EQUAL
        federate(creator, task, tmp_path / "equal", weighting=equal, publish=False)
        assert not listener.warnings
