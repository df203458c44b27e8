"""Sums of what was held: what no chain does every day, and sums that do not add up."""

from __future__ import annotations

from dataclasses import replace

import pytest

from decentralml.chain import events
from decentralml.chain.history import History, Step
from decentralml.market.explaining.judges import judges_of
from decentralml.market.explaining.steps import TREASURY, unable
from decentralml.market.explaining.sums import Line, sums_of_result
from decentralml.market.explaining.task_sums import sums_of_task
from decentralml.types import (
    Address,
    Cid,
    ModelType,
    Outcome,
    PanelFinding,
    StorageType,
    Submission,
    SubmissionStatus,
    Task,
    TaskId,
    TaskStatus,
    TaskType,
    Terms,
    ValidationStrategy,
    Verdict,
)

CREATOR, BOB, ANN, EVE, DAN = (Address(name) for name in ("creator", "bob", "ann", "eve", "dan"))
CID = Cid("bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy")
T = TaskId(4)
TERMS = Terms(
    task_type=TaskType.MODEL_CONTRIBUTOR,
    strategy=ValidationStrategy.AUTO_ACCEPT,
    model_type=ModelType.VISION,
    storage=StorageType.IPFS,
    bundle=CID,
    reward=100,
    fee=10,
    committee_size=3,
    slots=2,
    bond=50,
    expires_at=0,
    working_time=1,
    review_time=1,
    reader=bytes(32),
    tolerance=100,
)
TASK = Task(T, CREATOR, TERMS, 7, 0, 0, 1, 2, 0, 0, TaskStatus.COMPLETED)
ENDED = Submission(T, 0, BOB, 0, 3, 0, 0, SubmissionStatus.ACCEPTED)
ACCEPTED = events.TaskAccepted(T, 0, BOB, 50, 9)
PAID = events.ResultAccepted(T, 0, BOB, 100, None, True)
FEES = tuple(events.FeePaid(T, 0, who, 10, "Escrow") for who in (ANN, EVE, DAN))


def step(*happened: events.Event) -> Step:
    return Step(1, "0x", 0, 1, "0x", BOB, happened)


def history(*steps: Step, terms: Terms = TERMS, submission: Submission = ENDED) -> History:
    task = replace(TASK, terms=terms)
    return History(T, 0, task, submission, True, 9, "0x", 2, (1,), (step(ACCEPTED), *steps))


def deposited(who: Address, amount: int) -> events.OtherEvent:
    return events.OtherEvent("Balances", "Deposit", {"who": who, "amount": amount})


def test_what_an_account_could_not_take_is_counted_once() -> None:
    lost = (deposited(TREASURY, 10), events.Forfeited(CREATOR, 10))
    found = history(step(*lost, *FEES, events.BondReturned(T, 0, BOB, 50), PAID))
    assert all(each.adds_up for each in sums_of_result(found))
    assert unable(found) == (events.Forfeited(CREATOR, 10),)
    assert "appeals and slashes" not in {each.name for each in sums_of_result(found)}


def test_half_of_a_bond_given_back_is_no_payment_that_failed() -> None:
    halves = (
        deposited(TREASURY, 25),
        events.Forfeited(BOB, 25),
        events.BondReturned(T, 0, BOB, 25),
        events.DepositReturned(BOB, 3),
        events.AssignmentAbandoned(T, 0, BOB, 25),
    )
    found = replace(history(step(*halves)), stored=False)
    assert all(each.adds_up for each in sums_of_result(found))
    assert unable(found) == ()


def test_an_appeal_whose_key_was_not_handed_costs_its_bond() -> None:
    end = (
        deposited(TREASURY, 30),
        events.Forfeited(BOB, 30),
        events.AppealEnded(T, 0, BOB, False),
        events.BondReturned(T, 0, BOB, 50),
        events.ResultRejected(T, 0, BOB, Outcome.FAILED, Verdict.FAIL, ""),
    )
    found = history(step(events.Appealed(T, 0, BOB, 30, False, (ANN,))), step(*end))
    appeal = next(each for each in sums_of_result(found) if each.name == "appeals and slashes")
    assert appeal.adds_up
    assert appeal.went == (Line("forfeited", TREASURY, 30),)
    assert unable(found) == ()


@pytest.mark.parametrize(
    "wrong",
    [
        step(*FEES[:2], events.BondReturned(T, 0, BOB, 50), PAID),
        step(*FEES, events.BondReturned(T, 0, BOB, 49), PAID),
        step(*FEES, *FEES, events.BondReturned(T, 0, BOB, 50), PAID),
    ],
    ids=["a fee is missing", "a bond came back short", "fees were paid twice"],
)
def test_a_sum_that_does_not_add_up_is_seen(wrong: Step) -> None:
    assert not all(each.adds_up for each in sums_of_result(history(wrong)))


def test_a_reward_that_its_asset_refused_is_still_held() -> None:
    terms = replace(TERMS, asset=5)
    owed = events.ResultAccepted(T, 0, BOB, 100, 5, False)
    found = history(step(*FEES, events.BondReturned(T, 0, BOB, 50), owed), terms=terms)
    reward = next(each for each in sums_of_result(found) if each.asset == 5)
    assert (reward.still, reward.adds_up) == (100, True)


def test_the_slots_of_a_task_are_held_until_they_are_closed() -> None:
    posted = step(events.TaskCreated(T, CREATOR, 260))
    ended = step(*FEES, events.BondReturned(T, 0, BOB, 50), PAID)
    found = replace(history(posted, ended), index=None, submission=None)
    assert not sums_of_task(found)[0].adds_up, "one slot is neither open nor active nor refunded"
    still = replace(found, task=replace(found.task, open_slots=1))
    assert [(each.still, each.adds_up) for each in sums_of_task(still)] == [(130, True), (7, True)]


def revealed(who: Address, verdict: Verdict, score: int) -> events.Revealed:
    return events.Revealed(T, 0, who, verdict, score, CID, None)


def test_who_was_within_the_tolerance_is_told_only_where_a_verdict_stood() -> None:
    drawn = events.CommitteeDrawn(T, 0, 0, (ANN, EVE, DAN), 9)
    said = (revealed(ANN, Verdict.PASS, 500), revealed(EVE, Verdict.PASS, 700))
    agreed = history(step(drawn, *said, revealed(DAN, Verdict.FAIL, 600)))
    judges = judges_of(agreed, {False: PanelFinding(Verdict.PASS, 600)})
    assert [judge.within for judge in judges] == [True, True, False]
    near = judges_of(agreed, {False: PanelFinding(Verdict.PASS, 601)})
    assert [judge.within for judge in near] == [False, True, False]
    torn = history(step(drawn, said[0], revealed(EVE, Verdict.INCONCLUSIVE, 0)))
    judges = judges_of(torn, {False: PanelFinding(Verdict.INCONCLUSIVE, 0)})
    assert [judge.within for judge in judges] == [None, None, None]


def test_the_jury_measures_the_committee_if_most_of_all_its_seats_agree() -> None:
    drawn = events.CommitteeDrawn(T, 0, 0, (ANN,), 9)
    committee = (drawn, revealed(ANN, Verdict.PASS, 600))
    jury = (events.Appealed(T, 0, CREATOR, 30, False, (EVE, DAN)), revealed(EVE, Verdict.FAIL, 0))
    findings = {False: PanelFinding(Verdict.PASS, 600), True: PanelFinding(Verdict.FAIL, 0)}
    split = judges_of(history(step(*committee, *jury)), findings)
    assert [judge.within for judge in split] == [True, False, None]
    whole = history(step(*committee, *jury, revealed(DAN, Verdict.FAIL, 0)))
    assert [judge.within for judge in judges_of(whole, findings)] == [False, True, True]
