"""``explain``: every way in which a result can end is told, and the money of each adds up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from chain_support import (
    ALICE,
    BOB,
    CHARLIE,
    HOUR,
    by_address,
    elect,
    embedded,
    new_home,
    post,
)
from explain_support import checked, part, settle, went
from market_support import CONTRIBUTORS, CREATOR, Stage
from panel_support import commit, deliver, finding, hand_key, judge, release, reveal, send

from decentralml.chain import calls
from decentralml.chain.api import Chain
from decentralml.chain.commitment import gold_commitment
from decentralml.chain.errors import UnknownSubmission, UnknownTask
from decentralml.chain.substrate.embedded import EmbeddedTransport
from decentralml.config import Config
from decentralml.market.explaining.explain import Explanation, explain, explain_task
from decentralml.market.explaining.steps import TREASURY
from decentralml.market.session import Session
from decentralml.types import (
    UNIT,
    Gold,
    Outcome,
    Replay,
    SubmissionStatus,
    TaskId,
    TaskStatus,
    Trace,
    ValidationStrategy,
    Verdict,
)
from decentralml.validation.segments import drawn_segments


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return new_home(tmp_path_factory.mktemp("explain"))


@pytest.fixture(scope="module")
def chain(home: Path) -> Iterator[Chain]:
    with embedded(home) as chain:
        elect(chain)
        yield chain


@pytest.fixture
def session(home: Path, chain: Chain) -> Iterator[Session]:
    """Who was no party to anything: it has no key."""
    with Session(Config(home)) as session:
        yield session


@pytest.fixture(autouse=True)
def treasury(chain: Chain) -> Iterator[list[Explanation]]:
    """What a test explains; all that the treasury got meanwhile has to be in it."""
    found: list[Explanation] = []
    before = chain.balance(TREASURY).total
    yield found
    if found:
        told = [
            line.amount
            for each in found
            for part in each.sums
            for line in part.went
            if line.who == TREASURY
        ]
        assert chain.balance(TREASURY).total - before == sum(told)


def test_a_paid_result_is_told_from_its_first_block_to_its_last(
    session: Session, chain: Chain, treasury: list[Explanation]
) -> None:
    task = post(chain)
    sent = deliver(chain, task, BOB)
    near, far, wrong = (seat.member for seat in chain.submission(task, 0).committee)
    said = {
        near: replace(finding(Verdict.PASS), score=900_000),
        far: replace(finding(Verdict.PASS), score=700_000),
        wrong: finding(Verdict.FAIL),
    }
    for member, attestation in said.items():
        commit(chain, sent, member, attestation)
    for member, attestation in said.items():
        reveal(chain, sent, member, attestation)
    paid = release(chain, sent)
    found = checked(session, task)
    treasury.append(found)
    assert (found.paid, found.status, found.outcome) == (
        True,
        SubmissionStatus.ACCEPTED,
        Outcome.ACCEPTED,
    )
    assert found.finding is not None
    assert (found.finding.verdict, found.finding.score) == (Verdict.PASS, 800_000)
    # The median is the mean of 70 % and 90 %, and neither is within one per cent of it.
    assert [(judge.member, judge.within, judge.fee) for judge in found.judges] == [
        (near, False, 0),
        (far, False, 0),
        (wrong, False, 0),
    ]
    assert [judge.verdict for judge in found.judges] == [Verdict.PASS, Verdict.PASS, Verdict.FAIL]
    steps = found.history.steps
    assert [step.block for step in steps] == sorted({step.block for step in steps})
    assert (steps[-1].transaction, steps[-1].block) == (paid.extrinsic_hash, paid.block)
    assert (steps[-1].signer, steps[0].signer) == (BOB.address, BOB.address)
    assert went(found, "escrow of the slot") == [
        ("refunded", ALICE.address, 3 * UNIT // 2),
        ("reward", BOB.address, 5 * UNIT),
    ]
    assert went(found, "bond") == [("returned", BOB.address, 2 * UNIT)]
    assert part(found, "deposit").still > 0


def test_the_bond_of_a_failed_result_pays_its_committee(
    session: Session, chain: Chain, treasury: list[Explanation]
) -> None:
    task = post(chain)
    judge(chain, deliver(chain, task, BOB), Verdict.FAIL)
    found = checked(session, task)
    treasury.append(found)
    assert (found.paid, found.outcome) == (False, Outcome.FAILED)
    assert [(judge.within, judge.fee) for judge in found.judges] == [(True, UNIT // 2)] * 3
    assert [line[0] for line in went(found, "bond")] == ["fee"] * 3 + ["returned"]
    assert part(found, "escrow of the slot").still == 13 * UNIT // 2, "the slot is open again"
    whole = explain_task(session, task)
    assert [(ended.index, ended.how, ended.fees) for ended in whole.ended] == [
        (0, "Failed", 3 * UNIT // 2)
    ]


def test_an_appeal_is_told_with_its_jury_and_who_paid_for_it(
    session: Session, chain: Chain, treasury: list[Explanation]
) -> None:
    task = post(chain, strategy=ValidationStrategy.MANUAL_ACCEPT, slots=1)
    sent = deliver(chain, task, BOB)
    judge(chain, sent, Verdict.PASS)
    chain.submit(calls.RejectResult(task, 0, "no"), ALICE)
    open_still = checked(session, task)
    assert part(open_still, "appeals and slashes").still == 3 * UNIT // 2
    chain.submit(calls.AppealResult(task, 0), BOB)
    assert part(checked(session, task), "appeals and slashes").still == 3 * UNIT
    judge(chain, sent, Verdict.PASS)
    release(chain, sent)
    found = checked(session, task)
    treasury.append(found)
    assert found.jury == found.finding
    assert [judge.jury for judge in found.judges] == [False] * 3 + [True] * 3
    assert {judge.fee for judge in found.judges} == {UNIT // 2}
    assert [line[0] for line in went(found, "appeals and slashes")] == [
        *["fee of the jury"] * 3,
        "returned",
    ]
    assert explain_task(session, task).status is TaskStatus.COMPLETED


def test_a_jury_that_nobody_lost_to_is_paid_from_the_slot(
    session: Session, chain: Chain, treasury: list[Explanation]
) -> None:
    task = post(chain, slots=1, challenge_time=HOUR)
    sent = deliver(chain, task, BOB)
    judge(chain, sent, Verdict.CRASHED)
    chain.submit(calls.AppealResult(task, 0), BOB)
    judge(chain, sent, Verdict.PASS)
    release(chain, sent)
    found = checked(session, task)
    treasury.append(found)
    assert [(judge.jury, judge.fee) for judge in found.judges] == [
        *[(False, 0)] * 3,
        *[(True, UNIT // 2)] * 3,
    ]
    assert [line[0] for line in went(found, "escrow of the slot")] == [
        *["fee of the jury"] * 3,
        "reward",
    ]


def test_a_creator_that_was_not_appealed_against_fills_the_escrow_up_again(
    session: Session, chain: Chain, treasury: list[Explanation]
) -> None:
    task = post(
        chain, strategy=ValidationStrategy.MANUAL_ACCEPT, expires_at=chain.now() + 99 * HOUR
    )
    judge(chain, deliver(chain, task, BOB), Verdict.PASS)
    chain.submit(calls.RejectResult(task, 0, "I have enough"), ALICE)
    settle(chain, task, 0)
    found = checked(session, task)
    treasury.append(found)
    assert (found.outcome, found.reason) == (Outcome.OVERRULED, "I have enough")
    assert [line.what for line in part(found, "escrow of the slot").held] == [
        "held when the task was posted",
        "filled up again",
    ]
    assert went(found, "appeals and slashes") == [("returned", ALICE.address, 3 * UNIT // 2)]


def test_a_member_that_judged_a_gold_wrongly_pays_the_jury_and_the_treasury(
    session: Session, chain: Chain, treasury: list[Explanation]
) -> None:
    gold = Gold(CHARLIE.address, Verdict.FAIL, 0, 100_000, bytes(range(32)))
    terms = {"committee_size": 1, "challenge_time": HOUR, "golds": (gold_commitment(gold),)}
    task = post(chain, slots=1, **terms)
    sent = deliver(chain, task, CHARLIE)
    judge(chain, sent, Verdict.PASS)
    (seat,) = chain.submission(task, 0).committee
    chain.submit(calls.OpenGold(task, 0, gold), ALICE)
    hand_key(chain, sent)
    judge(chain, sent, Verdict.FAIL)
    found = checked(session, task)
    treasury.append(found)
    half = chain.constants().aggregator_bond // 2
    assert [(judge.member, judge.slashed) for judge in found.judges if judge.slashed] == [
        (seat.member, half)
    ]
    lines = went(found, "appeals and slashes")
    jury = sum(amount for what, _, amount in lines if what == "fee of the jury")
    assert ("of what was slashed", TREASURY, half - jury) in lines
    chain.submit(calls.TopUp(), by_address(seat.member))


def test_who_hides_its_finding_is_told_and_so_is_what_it_lost(
    session: Session, chain: Chain, treasury: list[Explanation]
) -> None:
    task = post(chain)
    sent = deliver(chain, task, BOB)
    members = [seat.member for seat in chain.submission(task, 0).committee]
    for member in members:
        commit(chain, sent, member, finding(Verdict.PASS))
    for member in members[:2]:
        reveal(chain, sent, member, finding(Verdict.PASS))
    settle(chain, task, 0)
    release(chain, sent)
    found = checked(session, task)
    treasury.append(found)
    lost = chain.constants().aggregator_bond // 5
    assert [(judge.unrevealed, judge.fee, judge.slashed) for judge in found.judges] == [
        (False, UNIT // 2, 0),
        (False, UNIT // 2, 0),
        (True, 0, lost),
    ]
    assert went(found, "appeals and slashes") == [("of what was slashed", TREASURY, lost)]
    chain.submit(calls.TopUp(), by_address(members[2]))


def test_absent_members_and_a_key_that_nobody_released_are_told(
    session: Session, chain: Chain, treasury: list[Explanation]
) -> None:
    task = post(chain, expires_at=chain.now() + 999 * HOUR)
    sent = deliver(chain, task, BOB)
    members = [seat.member for seat in chain.submission(task, 0).committee]
    for member in members[:2]:
        commit(chain, sent, member, finding(Verdict.PASS))
    settle(chain, task, 0)
    settle(chain, task, 0)  # Nobody is left to come for the absent one.
    for member in members[:2]:
        reveal(chain, sent, member, finding(Verdict.PASS))
    settle(chain, task, 0)
    found = checked(session, task)
    treasury.append(found)
    assert (found.paid, found.outcome) == (False, Outcome.ACCEPTED)
    assert [judge.absent for judge in found.judges] == [False, False, True]
    assert [judge.slashed > 0 for judge in found.judges] == [True, True, False]
    assert went(found, "bond") == [("returned", BOB.address, 2 * UNIT)]
    for member in members[:2]:
        chain.submit(calls.TopUp(), by_address(member))


def test_a_missed_deadline_costs_the_bond_and_refunds_of_other_slots_are_not_its_own(
    session: Session, chain: Chain, treasury: list[Explanation]
) -> None:
    task = post(chain, slots=3, working_time=2 * HOUR)
    chain.submit(calls.AcceptTask(task), BOB)
    settle(chain, task, 0)
    found = checked(session, task)
    treasury.append(found)
    assert (found.paid, found.status, found.result) == (False, SubmissionStatus.EXPIRED, None)
    assert went(found, "bond") == [("forfeited", TREASURY, 2 * UNIT)]
    # The task's time was over, too: the same call refunded the two slots that nobody took.
    assert went(found, "escrow of the slot") == [("refunded", ALICE.address, 13 * UNIT // 2)]
    whole = explain_task(session, task)
    assert [line.amount for line in whole.sums[0].went] == [13 * UNIT // 2, 13 * UNIT]
    assert whole.status is TaskStatus.EXPIRED


def test_a_slot_given_back_leaves_no_trace_in_storage_and_is_told_all_the_same(
    session: Session, chain: Chain, treasury: list[Explanation]
) -> None:
    task = post(chain)
    chain.submit(calls.AcceptTask(task), BOB)
    chain.advance(milliseconds=HOUR // 4)
    chain.submit(calls.Abandon(task), BOB)
    chain.submit(calls.AcceptTask(task), BOB)
    with pytest.raises(UnknownSubmission):
        chain.submission(task, 0)
    found = checked(session, task)
    treasury.append(found)
    assert (found.status, found.paid, found.history.stored) == (None, False, False)
    lines = {what: amount for what, _, amount in went(found, "bond")}
    assert lines["forfeited"] + lines["returned"] == 2 * UNIT
    assert lines["forfeited"] >= UNIT // 2
    assert part(found, "deposit").still == 0
    assert checked(session, task, 1).status is SubmissionStatus.ASSIGNED


def test_calls_of_one_batch_are_told_apart(
    session: Session, chain: Chain, treasury: list[Explanation]
) -> None:
    tasks = [post(chain, slots=1), post(chain, slots=1, reward=3 * UNIT)]
    sent = [deliver(chain, task, BOB) for task in tasks]
    for each in sent:
        judge(chain, each, Verdict.PASS)
    both = tuple(calls.ReleaseKey(each.task, 0, each.release) for each in sent)
    receipt = chain.submit(calls.Batch(both), BOB)
    for task, reward in zip(tasks, (5 * UNIT, 3 * UNIT), strict=True):
        found = checked(session, task)
        treasury.append(found)
        last = found.history.steps[-1]
        assert (last.transaction, last.block) == (receipt.extrinsic_hash, receipt.block)
        assert went(found, "escrow of the slot")[-1] == ("reward", BOB.address, reward)


def test_a_reward_in_an_asset_has_a_sum_of_its_own(session: Session, chain: Chain) -> None:
    number = chain.info().block
    made = (
        calls.CreateAsset(number, ALICE.address, 5),
        calls.MintAsset(number, ALICE.address, 1_000_000),
    )
    chain.submit(calls.Batch(made), ALICE)
    task = post(chain, slots=1, asset=number, reward=1_000)
    sent = deliver(chain, task, BOB)
    judge(chain, sent, Verdict.PASS)
    chain.submit(calls.FreezeAsset(number), ALICE)
    release(chain, sent)
    owed = checked(session, task)
    assert (owed.paid, owed.status) == (False, SubmissionStatus.ACCEPTED)
    assert (part(owed, "reward").asset, part(owed, "reward").still) == (number, 1_000)
    chain.submit(calls.ThawAsset(number), ALICE)
    chain.submit(calls.Claim(task, 0), CHARLIE)
    found = checked(session, task)
    assert found.paid
    assert went(found, "reward") == [("reward, claimed later", BOB.address, 1_000)]


def test_the_segments_that_were_drawn_are_named(session: Session, chain: Chain) -> None:
    task = post(chain, replay=Replay(20, 3))
    judge(chain, deliver(chain, task, BOB, Trace(bytes(32), 20)), Verdict.PASS)
    seed = chain.submission(task, 0).seed
    assert seed is not None
    assert explain(session, task, 0).segments == drawn_segments(seed, 20, 3)


def test_what_the_members_measured_and_why_is_read_from_their_reports(stage: Stage) -> None:
    task = stage.post()
    stage.contribute(CONTRIBUTORS[0], task)
    stage.conclude(task)
    found = explain(stage.as_(CREATOR), task, 0)
    assert found.paid
    assert all(each.adds_up for each in found.sums)
    for each in found.judges:
        assert each.within
        assert each.opinion is not None
        assert (each.opinion.member, each.opinion.report) == (each.member, each.report)
        assert each.opinion.problem is None
        assert each.opinion.reasons
        assert each.opinion.metrics["accuracy"] == 1.0


def test_what_is_under_way_is_told_so_far(session: Session, chain: Chain) -> None:
    task = post(chain)
    send(chain, task, BOB)
    found = checked(session, task)
    assert (found.paid, found.outcome, found.judges) == (False, None, ())
    assert part(found, "bond").still == 2 * UNIT
    assert part(found, "escrow of the slot").still == 13 * UNIT // 2


def test_what_was_cleared_is_told_from_the_blocks_alone(
    session: Session, chain: Chain, treasury: list[Explanation]
) -> None:
    task = post(chain, slots=1)
    sent = deliver(chain, task, BOB)
    judge(chain, sent, Verdict.PASS)
    release(chain, sent)
    before = checked(session, task)
    chain.advance(milliseconds=chain.constants().retention_period + 1)
    chain.submit(calls.Clear(task, 0), CHARLIE)
    chain.submit(calls.Clear(task), CHARLIE)
    with pytest.raises(UnknownTask):
        chain.task(task)
    found = checked(session, task)
    treasury.append(found)
    assert not found.history.stored
    assert replace(found, sums=(), history=before.history) == replace(before, sums=())
    assert went(found, "deposit") == [("returned", BOB.address, part(found, "deposit").total)]
    whole = explain_task(session, task)
    assert [each.still for each in whole.sums] == [0, 0]
    with pytest.raises(UnknownSubmission):
        explain(session, task, 1)


def test_what_never_was_is_unknown(session: Session, chain: Chain) -> None:
    task = post(chain)
    with pytest.raises(UnknownSubmission):
        explain(session, task, 0)
    with pytest.raises(UnknownTask):
        explain_task(session, TaskId(task + 1))
    with pytest.raises(UnknownTask):
        explain(session, TaskId(2**64 - 1), 0)


def test_looking_back_costs_hardly_more_on_a_longer_chain(
    session: Session, chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    query = EmbeddedTransport.query

    def counted(
        self: EmbeddedTransport, keys: list[bytes], at: bytes | None = None
    ) -> list[bytes | None]:
        asked.append(at)
        return query(self, keys, at)

    monkeypatch.setattr(EmbeddedTransport, "query", counted)
    task = post(chain)
    send(chain, task, BOB)
    counts = []
    for blocks in (0, 500):
        chain.advance(blocks=blocks)
        asked.clear()
        explain(session, task, 0)
        counts.append(len(asked))
    # Twice the chain, or a hundred times: one more block to look at for each doubling.
    assert counts[1] - counts[0] <= 2 * 10, counts
