"""One client, three kinds of chain: the whole life of tasks, against each of them."""

from __future__ import annotations

from contextlib import suppress

import pytest
from chain_support import (
    AGGREGATORS,
    ALICE,
    BOB,
    BUNDLE,
    CHARLIE,
    HOUR,
    REPORT,
    VOTERS,
    by_address,
    early_in_round,
    encryption_key,
    pass_time,
    post,
    soon,
    terms,
)
from panel_support import (
    DIGEST,
    deliver,
    digest,
    judge,
    release,
)

from decentralml.bundles.wraps import open_wrap
from decentralml.chain import calls, errors, events
from decentralml.chain.api import Chain
from decentralml.chain.keys import development_key
from decentralml.errors import CallInvalid, CannotPayFee
from decentralml.types import (
    PPM,
    UNIT,
    Access,
    Outcome,
    Phase,
    Replay,
    Seal,
    SubmissionStatus,
    TaskId,
    TaskStatus,
    ValidationStrategy,
    Verdict,
    Window,
)

SEAL = Seal(digest(b"key"), digest(b"wrap"))


def post_expiring(chain: Chain) -> TaskId:
    """A task that expires soon, but not before it is there, however slow the machine is."""
    for blocks in (5, 10, 20, 40):
        with suppress(errors.InvalidExpiry):
            return post(chain, expires_at=soon(chain, blocks))
    raise AssertionError("40 blocks went by while a task was posted")


def test_those_with_most_stake_are_in_office(chain: Chain) -> None:
    block = chain.info().block
    election = chain.election()
    assert set(election.members) == {key.address for key in AGGREGATORS}
    assert election.candidates == ()
    assert election.round_ends > block
    profile = chain.profile(AGGREGATORS[0].address)
    assert profile is not None
    assert profile.endpoint == "https://example.org"
    assert profile.encryption_key == encryption_key(AGGREGATORS[0])
    assert profile.bond == chain.constants().aggregator_bond
    assert {each.account for each in chain.profiles()} == set(election.members)
    ballot = chain.ballot(VOTERS[0].address)
    assert ballot is not None
    assert set(ballot.candidates) == set(election.members)
    assert ballot.stake == 1000 * UNIT
    assert chain.balance(VOTERS[0].address).locked == 1000 * UNIT
    assert chain.ballot(BOB.address) is None
    assert chain.profile(BOB.address) is None


def test_a_task_reads_back_as_it_was_posted(chain: Chain) -> None:
    offer = terms(
        chain,
        slots=3,
        review_time=7_000,
        challenge_time=9_000,
        tolerance=123,
        access=Access.INVITED,
        minimum_reputation=450_000,
        replay=Replay(17, 4),
        golds=(bytes(range(32)), bytes(32)),
    )
    before = chain.balance(ALICE.address).held
    created = chain.submit(calls.CreateTask(offer), ALICE).find(events.TaskCreated)
    assert created is not None
    assert created.escrow == 3 * offer.slot_hold
    task = chain.task(created.task)
    assert task.terms == offer
    assert task.creator == ALICE.address
    assert (task.open_slots, task.active, task.status) == (3, 0, TaskStatus.CREATED)
    assert chain.tasks(limit=1) == [task]
    held = chain.balance(ALICE.address).held
    assert held["market.Escrow"] == before.get("market.Escrow", 0) + created.escrow
    assert held["market.Deposit"] == before.get("market.Deposit", 0) + task.deposit
    assert task.deposit > chain.constants().deposit_base


def test_auto_accept_pays_contributor_and_committee_when_the_key_is_released(
    chain: Chain,
) -> None:
    task = post(chain, slots=1)
    sent = deliver(chain, task, BOB)
    index = sent.index
    assert chain.open_assignment(task, BOB.address) == index
    submission = chain.submission(task, index)
    assert (submission.status, submission.phase) == (
        SubmissionStatus.PENDING_VALIDATION,
        Phase.COMMITTING,
    )
    assert (submission.result, submission.digest) == (BUNDLE, DIGEST)
    assert submission.seal == Seal(digest(sent.key), digest(sent.release))
    assert len({seat.member for seat in submission.committee}) == 3
    for seat in submission.committee:
        assert seat.wrap is not None
        assert open_wrap(seat.wrap, by_address(seat.member).encryption_secret()) == sent.key
    receipt = judge(chain, sent, Verdict.PASS)
    found = receipt.find(events.ResultValidated)
    assert found == events.ResultValidated(task, index, Verdict.PASS, 900_000, False)
    waiting = chain.submission(task, index)
    assert (waiting.status, waiting.window) == (SubmissionStatus.VALIDATED, Window.RELEASE)
    assert waiting.deadline is not None
    before = chain.balance(BOB.address)
    receipt = release(chain, sent)
    assert receipt.find(events.ResultAccepted) == events.ResultAccepted(
        task, index, BOB.address, 5 * UNIT, None, True
    )
    paid = [event for event in receipt.events if isinstance(event, events.FeePaid)]
    assert {(event.amount, event.source) for event in paid} == {(UNIT // 2, "Escrow")}
    assert len(paid) == 3
    after = chain.balance(BOB.address)
    assert after.total == before.total + 5 * UNIT - receipt.fee
    assert after.free == before.free + 5 * UNIT + submission.bond - receipt.fee
    done = chain.submission(task, index)
    assert (done.status, done.outcome) == (SubmissionStatus.ACCEPTED, Outcome.ACCEPTED)
    assert (done.verdict, done.score) == (Verdict.PASS, 9 * PPM // 10)
    assert all(seat.paid for seat in done.committee)
    assert done.key is not None
    assert open_wrap(done.key, ALICE.encryption_secret()) == sent.key
    assert done.ended_at is not None
    assert chain.task(task).status is TaskStatus.COMPLETED
    assert chain.open_assignment(task, BOB.address) is None


def test_a_failing_verdict_is_paid_by_the_bond_and_opens_the_slot_again(chain: Chain) -> None:
    task = post(chain, slots=1)
    sent = deliver(chain, task, BOB)
    receipt = judge(chain, sent, Verdict.PASS, Verdict.FAIL)
    rejected = receipt.find(events.ResultRejected)
    assert rejected is not None
    assert (rejected.outcome, rejected.verdict) == (Outcome.FAILED, Verdict.FAIL)
    paid = [event for event in receipt.events if isinstance(event, events.FeePaid)]
    assert {event.source for event in paid} == {"Bond"}
    done = chain.submission(task, sent.index)
    assert done.status is SubmissionStatus.REJECTED
    assert [seat.paid for seat in done.committee] == [False, True, True]
    assert done.key is None
    assert chain.task(task).open_slots == 1


def test_manual_accept_lets_the_creator_accept_one_and_reject_one(chain: Chain) -> None:
    task = post(chain, strategy=ValidationStrategy.MANUAL_ACCEPT)
    first, second = deliver(chain, task, BOB), deliver(chain, task, CHARLIE)
    judge(chain, first, Verdict.PASS)
    judge(chain, second, Verdict.FAIL)
    for sent in (first, second):
        submission = chain.submission(task, sent.index)
        assert (submission.status, submission.window) == (
            SubmissionStatus.VALIDATED,
            Window.REVIEW,
        )
        assert submission.deadline is not None
        assert submission.deadline > chain.now()
    chain.submit(calls.AcceptResult(task, first.index), ALICE)
    chain.submit(calls.RejectResult(task, second.index, "zu klein — 小さい"), ALICE)
    release(chain, first)
    assert chain.submission(task, first.index).status is SubmissionStatus.ACCEPTED
    rejected = chain.submission(task, second.index)
    assert (rejected.status, rejected.outcome) == (SubmissionStatus.REJECTED, Outcome.FAILED)
    assert rejected.reason == "zu klein — 小さい"
    chain.submit(calls.PublishModel(task, REPORT), ALICE)
    assert chain.task(task).published == REPORT
    assert [each.index for each in chain.submissions(task)] == [second.index, first.index]
    child = post(chain, parent=task)
    assert chain.task(child).terms.parent == task


def test_a_silent_creator_cannot_keep_the_pay(chain: Chain) -> None:
    task = post(chain, strategy=ValidationStrategy.MANUAL_ACCEPT, review_time=1_000, slots=1)
    sent = deliver(chain, task, BOB)
    judge(chain, sent, Verdict.PASS)
    deadline = chain.submission(task, sent.index).deadline
    assert deadline is not None
    pass_time(chain, deadline)
    chain.submit(calls.Settle(task, sent.index), CHARLIE)
    # Whoever has the key may release it: here a member of the committee.
    member = by_address(chain.submission(task, sent.index).committee[0].member)
    receipt = chain.submit(calls.ReleaseKey(task, sent.index, sent.release), member)
    released = receipt.find(events.KeyReleased)
    assert released == events.KeyReleased(task, sent.index, member.address, sent.release)
    assert receipt.find(events.ResultAccepted) is not None


def test_a_late_contributor_loses_its_bond_and_its_slot(chain: Chain) -> None:
    task = post(chain, working_time=1_500)
    accepted = chain.submit(calls.AcceptTask(task), BOB).find(events.TaskAccepted)
    assert accepted is not None
    pass_time(chain, accepted.deadline)
    with pytest.raises(errors.DeadlinePassed):
        chain.submit(calls.SubmitResult(task, BUNDLE, DIGEST, SEAL), BOB)
    expired = chain.submit(calls.Settle(task, 0), CHARLIE).find(events.AssignmentExpired)
    assert expired is not None
    assert expired.forfeited == accepted.bond
    assert chain.submission(task, 0).status is SubmissionStatus.EXPIRED
    assert chain.task(task).open_slots == 2


def test_abandoning_costs_the_time_that_passed_and_leaves_no_record(chain: Chain) -> None:
    task = post(chain)
    bond = chain.task(task).terms.bond
    chain.submit(calls.AcceptTask(task), BOB)
    left = chain.submit(calls.Abandon(task), BOB)
    abandoned = left.find(events.AssignmentAbandoned)
    returned = left.find(events.BondReturned)
    assert abandoned is not None
    assert returned is not None
    assert abandoned.forfeited + returned.amount == bond
    assert abandoned.forfeited < bond // 100
    assert chain.task(task).open_slots == 2
    with pytest.raises(errors.UnknownSubmission):
        chain.submission(task, 0)
    again = chain.submit(calls.AcceptTask(task), BOB).find(events.TaskAccepted)
    assert again is not None
    assert [each.index for each in chain.submissions(task, limit=5)] == [again.index]


def test_withdrawing_refunds_the_open_slots_only(chain: Chain) -> None:
    task = post(chain)
    chain.submit(calls.AcceptTask(task), BOB)
    refund = chain.submit(calls.WithdrawTask(task), ALICE).find(events.EscrowRefunded)
    assert refund is not None
    assert refund.amount == chain.task(task).terms.slot_hold
    assert chain.task(task).status is TaskStatus.WITHDRAWN
    with pytest.raises(errors.TaskWithdrawn):
        chain.submit(calls.AcceptTask(task), CHARLIE)
    chain.submit(calls.Abandon(task), BOB)


def test_an_expired_task_refunds(chain: Chain) -> None:
    task = post_expiring(chain)
    pass_time(chain, chain.task(task).terms.expires_at)
    with pytest.raises(errors.TaskExpired):
        chain.submit(calls.AcceptTask(task), BOB)
    receipt = chain.submit(calls.Settle(task), CHARLIE)
    assert receipt.find(events.TaskExpired) is not None
    assert receipt.find(events.EscrowRefunded) is not None
    assert chain.task(task).status is TaskStatus.EXPIRED


def test_errors_of_the_market_arrive_by_name_with_what_was_asked(chain: Chain) -> None:
    task = post(chain, slots=1)
    with pytest.raises(errors.UnknownTask) as unknown:
        chain.submit(calls.AcceptTask(TaskId(10**6)), BOB)
    assert unknown.value.facts()["task"] == 10**6
    assert unknown.value.facts()["fee"] > 0
    with pytest.raises(errors.UnknownTask):
        chain.task(TaskId(10**6))
    with pytest.raises(errors.CreatorCannotContribute):
        chain.submit(calls.AcceptTask(task), ALICE)
    with pytest.raises(errors.NotAssigned):
        chain.submit(calls.SubmitResult(task, BUNDLE, DIGEST, SEAL), BOB)
    chain.submit(calls.AcceptTask(task), BOB)
    with pytest.raises(errors.AlreadyAssigned):
        chain.submit(calls.AcceptTask(task), BOB)
    with pytest.raises(errors.TaskFull) as full:
        chain.submit(calls.AcceptTask(task), CHARLIE)
    assert f"task {task}" in str(full.value)
    with pytest.raises(errors.NothingToSettle):
        chain.submit(calls.Settle(task, 0), CHARLIE)
    with pytest.raises(errors.InvalidExpiry):
        post(chain, expires_at=chain.now() - 1)
    with pytest.raises(errors.UnknownParent):
        post(chain, parent=10**6)
    for wrong, changes in (
        (errors.BondTooSmall, {"bond": UNIT}),
        (errors.InvalidReader, {"reader": bytes(32)}),
        (errors.InvalidTolerance, {"tolerance": PPM + 1}),
        (errors.InvalidReputation, {"minimum_reputation": PPM + 1}),
        (errors.InvalidReplay, {"replay": Replay(1, 1)}),
        (errors.InvalidReplay, {"replay": Replay(8, 17)}),
        (errors.InvalidReplay, {"replay": Replay(3, 3)}),
        (errors.InvalidChallengeTime, {"challenge_time": 366 * 24 * HOUR}),
    ):
        with pytest.raises(wrong):
            post(chain, **changes)
    with pytest.raises(errors.MarketRefused):
        chain.submit(calls.WithdrawTask(task), BOB)


def test_too_little_money_arrives_by_name(chain: Chain) -> None:
    with pytest.raises((errors.FundsUnavailable, errors.Underflow)):
        chain.submit(calls.Transfer(BOB.address, 2 * 10**18), ALICE)
    with pytest.raises(errors.FundsUnavailable):
        post(chain, reward=10**19)
    with pytest.raises(errors.AmountOverflow):
        post(chain, reward=2**127)
    poor = development_key(f"//poor/{chain.info().block}")
    with pytest.raises(CannotPayFee) as unpaid:
        chain.submit(calls.Transfer(BOB.address, 1), poor)
    assert unpaid.value.address == poor.address
    with pytest.raises(errors.BelowMinimum):
        chain.submit(calls.Transfer(poor.address, 1), ALICE)


def test_errors_of_the_election_and_of_aggregators_arrive_by_name(chain: Chain) -> None:
    with pytest.raises(errors.AlreadyRegistered):
        chain.submit(calls.RegisterAggregator("x", bytes(32)), AGGREGATORS[0])
    with pytest.raises(errors.InOffice):
        chain.submit(calls.Deregister(), AGGREGATORS[0])
    with pytest.raises(errors.NotRegistered):
        chain.submit(calls.Deregister(), BOB)
    with pytest.raises(errors.MemberSubmit):
        chain.submit(calls.SubmitCandidacy(), AGGREGATORS[0])
    with pytest.raises(errors.MustBeVoter):
        chain.submit(calls.RemoveVoter(), BOB)
    with pytest.raises(errors.NoVotes):
        chain.submit(calls.Vote((), UNIT), BOB)
    with pytest.raises(CallInvalid):
        chain.submit(calls.RenounceCandidacy(), BOB)


def test_a_batch_happens_whole_or_not_at_all(chain: Chain) -> None:
    before = chain.balance(CHARLIE.address)
    gift = calls.Transfer(CHARLIE.address, UNIT)
    with pytest.raises(errors.UnknownTask):
        chain.submit(calls.Batch((gift, calls.AcceptTask(TaskId(10**6)))), ALICE)
    assert chain.balance(CHARLIE.address) == before
    chain.submit(calls.Batch((gift, gift)), ALICE)
    assert chain.balance(CHARLIE.address).free == before.free + 2 * UNIT


def test_the_fee_is_what_was_estimated_and_the_tip_comes_on_top(chain: Chain) -> None:
    call = calls.Transfer(BOB.address, UNIT)
    estimate = chain.fee(call, ALICE, tip=1234)
    before = chain.balance(ALICE.address).free
    receipt = chain.submit(call, ALICE, tip=1234)
    # Weights are fixed; the fee's multiplier may drift by a block.
    assert abs(receipt.fee - estimate) <= estimate // 100
    assert before - chain.balance(ALICE.address).free == UNIT + receipt.fee


def test_a_receipt_names_the_block_whose_events_it_tells(chain: Chain) -> None:
    receipt = chain.submit(calls.Transfer(BOB.address, UNIT), ALICE)
    told = chain.events(receipt.block)
    assert all(event in told for event in receipt.events)
    transfers = [
        event.fields
        for event in receipt.events
        if isinstance(event, events.OtherEvent) and event.name == "Transfer"
    ]
    assert transfers == [{"from": ALICE.address, "to": BOB.address, "amount": UNIT}]
    assert chain.events(10**6) == ()


def test_two_that_stood_for_election_can_leave(chain: Chain) -> None:
    early_in_round(chain)
    chain.submit(calls.SubmitCandidacy(), BOB)
    with pytest.raises(errors.DuplicatedCandidate):
        chain.submit(calls.SubmitCandidacy(), BOB)
    assert BOB.address in chain.election().candidates
    chain.submit(calls.RenounceCandidacy(), BOB)
    assert BOB.address not in chain.election().candidates
    for voter in VOTERS[1:]:
        chain.submit(calls.RemoveVoter(), voter)
        assert chain.ballot(voter.address) is None
