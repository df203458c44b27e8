"""One client, three kinds of chain: draws, commitments, appeals and gold, against each of them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from chain_support import (
    AGGREGATORS,
    ALICE,
    BOB,
    BUNDLE,
    CHARLIE,
    HOUR,
    by_address,
    pass_time,
    post,
)
from panel_support import (
    DIGEST,
    commit,
    deliver,
    digest,
    draw,
    finding,
    hand_key,
    judge,
    release,
    reveal,
    send,
    wrap_for,
)

from decentralml.chain import calls, errors, events
from decentralml.chain.api import Chain
from decentralml.chain.commitment import gold_commitment
from decentralml.learning.replay.order import order_seed
from decentralml.types import (
    Expected,
    Gold,
    Outcome,
    Phase,
    Replay,
    Seal,
    SubmissionStatus,
    Trace,
    ValidationStrategy,
    Verdict,
    Window,
)
from decentralml.validation.segments import drawn_segments


def test_a_creator_that_rejects_against_its_committee_pays_for_the_appeal_it_loses(
    chain: Chain,
) -> None:
    task = post(chain, strategy=ValidationStrategy.MANUAL_ACCEPT, slots=1)
    sent = deliver(chain, task, BOB)
    judge(chain, sent, Verdict.PASS)
    receipt = chain.submit(calls.RejectResult(task, sent.index, "no"), ALICE)
    overruled = receipt.find(events.Overruled)
    assert overruled is not None
    waiting = chain.submission(task, sent.index)
    assert (waiting.window, waiting.outcome) == (Window.CHALLENGE, Outcome.OVERRULED)
    assert (waiting.reason, waiting.counter) == ("no", overruled.counter)
    appealed = chain.submit(calls.AppealResult(task, sent.index), BOB).find(events.Appealed)
    assert appealed is not None
    assert (appealed.appellant, appealed.gold) == (BOB.address, False)
    assert set(appealed.jury) == {key.address for key in AGGREGATORS}
    submission = chain.submission(task, sent.index)
    # All in office sat on the committee and have the key.
    assert (submission.status, submission.phase) == (SubmissionStatus.APPEALED, Phase.COMMITTING)
    assert submission.appeal is not None
    assert submission.appeal.bond == appealed.bond
    assert submission.appeal.counter == overruled.counter
    assert chain.submissions(task) == [submission]
    receipt = judge(chain, sent, Verdict.PASS)
    assert receipt.find(events.AppealEnded) == events.AppealEnded(
        task, sent.index, BOB.address, True
    )
    paid = [event for event in receipt.events if isinstance(event, events.FeePaid)]
    assert {event.source for event in paid} == {"Appeal"}
    assert chain.submission(task, sent.index).window is Window.RELEASE
    release(chain, sent)
    assert chain.submission(task, sent.index).status is SubmissionStatus.ACCEPTED
    assert chain.balance(BOB.address).held.get("market.Appeal", 0) == 0


def test_a_creator_shows_by_gold_that_its_committee_was_wrong(chain: Chain) -> None:
    gold = Gold(CHARLIE.address, Verdict.FAIL, 0, 100_000, bytes(range(32)))
    task = post(
        chain, slots=1, committee_size=1, challenge_time=HOUR, golds=(gold_commitment(gold),)
    )
    sent = deliver(chain, task, CHARLIE)
    judge(chain, sent, Verdict.PASS)
    (seat,) = chain.submission(task, sent.index).committee
    with pytest.raises(errors.UnknownGold):
        chain.submit(calls.OpenGold(task, sent.index, replace(gold, low=1)), ALICE)
    with pytest.raises(errors.CannotAppeal):
        chain.submit(calls.AppealResult(task, sent.index), CHARLIE)
    with pytest.raises(errors.NotParty):
        chain.submit(calls.AppealResult(task, sent.index), BOB)
    receipt = chain.submit(calls.OpenGold(task, sent.index, gold), ALICE)
    appealed = receipt.find(events.Appealed)
    assert appealed is not None
    assert appealed.gold
    jury = chain.submission(task, sent.index)
    assert jury.phase is Phase.SEALING
    assert jury.appeal is not None
    assert jury.appeal.gold == Expected(Verdict.FAIL, 0, 100_000)
    assert all(each.on_duty for each in (*jury.appeal.jury, *jury.committee))
    hand_key(chain, sent)
    receipt = judge(chain, sent, Verdict.FAIL)
    slashed = receipt.find(events.Misconducted)
    assert slashed is not None
    assert (slashed.who, slashed.misconduct) == (seat.member, "FailedGold")
    bond = chain.constants().aggregator_bond
    assert slashed.slashed == bond // 2
    profile = chain.profile(seat.member)
    assert profile is not None
    assert profile.bond == bond - bond // 2
    assert chain.submission(task, sent.index).outcome is Outcome.FAILED
    topped = chain.submit(calls.TopUp(), by_address(seat.member)).find(events.ToppedUp)
    assert topped == events.ToppedUp(seat.member, bond // 2)
    with pytest.raises(errors.BondComplete):
        chain.submit(calls.TopUp(), by_address(seat.member))


def test_a_challenge_can_be_waived(chain: Chain) -> None:
    task = post(chain, challenge_time=HOUR)
    sent = deliver(chain, task, BOB)
    judge(chain, sent, Verdict.PASS)
    waiting = chain.submission(task, sent.index)
    assert (waiting.window, waiting.outcome) == (Window.CHALLENGE, Outcome.ACCEPTED)
    chain.submit(calls.AcceptResult(task, sent.index), ALICE)
    assert chain.submission(task, sent.index).window is Window.RELEASE
    release(chain, sent)


def test_a_challenge_that_nobody_makes_ends_by_time(chain: Chain) -> None:
    task = post(chain, challenge_time=1_500)
    sent = deliver(chain, task, BOB)
    judge(chain, sent, Verdict.FAIL)
    deadline = chain.submission(task, sent.index).deadline
    assert deadline is not None
    pass_time(chain, deadline)
    with pytest.raises(errors.DeadlinePassed):
        chain.submit(calls.AppealResult(task, sent.index), BOB)
    chain.submit(calls.Settle(task, sent.index), ALICE)
    assert chain.submission(task, sent.index).outcome is Outcome.FAILED


def test_the_draws_can_be_computed_by_anyone(chain: Chain) -> None:
    trace = Trace(bytes(range(32)), 40)
    task = post(chain, slots=1, committee_size=1, replay=Replay(40, 5))
    with pytest.raises(errors.WrongCheckpoints):
        send(chain, task, BOB, replace(trace, checkpoints=39))
    chain.submit(calls.Abandon(task), BOB)
    sent = send(chain, task, BOB, trace)
    anchor = chain.submission(task, sent.index).draw_after
    assert anchor is not None
    draw(chain, sent)
    hand_key(chain, sent)
    submission = chain.submission(task, sent.index)
    assert submission.trace == trace
    anchor_hash = chain.block_hash(anchor)
    assert anchor_hash is not None
    place = task.to_bytes(8, "little") + sent.index.to_bytes(4, "little")
    seed = digest(anchor_hash + place + bytes(1))
    assert submission.seed == seed
    pool = sorted(AGGREGATORS, key=lambda key: key.public_key)
    first = int.from_bytes(digest(seed + bytes(4))[:16], "little") % len(pool)
    (seat,) = submission.committee
    assert seat.member == pool[first].address
    # What orders the training's data is the hash of the block after the acceptance.
    after = chain.block_hash(submission.accepted_in + 1)
    assert after is not None
    assert order_seed(after, task, sent.index) == digest(after + place)
    drawn = drawn_segments(seed, 40, 5)
    assert len(set(drawn)) == 5
    undrawn = next(segment for segment in range(39) if segment not in drawn)
    lie, truth = finding(Verdict.FAIL, undrawn), finding(Verdict.FAIL, drawn[-1])
    commit(chain, sent, seat.member, truth)
    with pytest.raises(errors.SegmentOutsideRun):
        reveal(chain, sent, seat.member, lie)
    receipt = reveal(chain, sent, seat.member, truth)
    revealed = receipt.find(events.Revealed)
    assert revealed is not None
    assert revealed.segment == drawn[-1]
    attestation = chain.submission(task, sent.index).committee[0].attestation
    assert attestation == truth


def test_every_step_of_a_panel_that_comes_wrong_or_too_soon_has_its_error(chain: Chain) -> None:
    task = post(chain, slots=1)
    chain.submit(calls.AcceptTask(task), BOB)
    good = Seal(bytes(32), bytes(32))
    for wrong, call in (
        (errors.SealMissing, calls.SubmitResult(task, BUNDLE, DIGEST, None)),
        (
            errors.TraceUnexpected,
            calls.SubmitResult(task, BUNDLE, DIGEST, good, Trace(DIGEST, 2)),
        ),
    ):
        with pytest.raises(wrong):
            chain.submit(call, BOB)
    chain.submit(calls.Abandon(task), BOB)
    sent = send(chain, task, BOB)
    with pytest.raises(errors.NotSealing):
        chain.submit(calls.HandKey(task, sent.index, ()), BOB)
    draw(chain, sent)
    members = [seat.member for seat in chain.submission(task, sent.index).committee]
    wraps = tuple((member, wrap_for(chain, sent, member)) for member in members)
    with pytest.raises(errors.WrapMissing):
        chain.submit(calls.HandKey(task, sent.index, wraps[:2]), BOB)
    with pytest.raises(errors.WrongRecipient):
        chain.submit(calls.HandKey(task, sent.index, (*wraps, (ALICE.address, bytes(80)))), BOB)
    said = finding(Verdict.PASS)
    with pytest.raises(errors.NotCommitting):
        commit(chain, sent, members[0], said)
    chain.submit(calls.HandKey(task, sent.index, wraps), BOB)
    commit(chain, sent, members[0], said)
    with pytest.raises(errors.AlreadyCommitted):
        commit(chain, sent, members[0], said)
    with pytest.raises(errors.NotRevealing):
        reveal(chain, sent, members[0], said)
    with pytest.raises(errors.NotCommitteeMember):
        chain.submit(calls.Commit(task, sent.index, bytes(32)), CHARLIE)
    for member in members[1:]:
        commit(chain, sent, member, said)
    with pytest.raises(errors.CommitmentMismatch):
        reveal(chain, sent, members[0], replace(said, score=said.score + 1))
    reveal(chain, sent, members[0], said)
    with pytest.raises(errors.AlreadyRevealed):
        reveal(chain, sent, members[0], said)
    with pytest.raises(errors.NotReleasing):
        release(chain, sent)
    for member in members[1:]:
        reveal(chain, sent, member, said)
    with pytest.raises(errors.WrongKey):
        chain.submit(calls.ReleaseKey(task, sent.index, bytes(80)), BOB)
    with pytest.raises(errors.NotParty):
        chain.submit(calls.ReleaseKey(task, sent.index, sent.release), CHARLIE)
    with pytest.raises(errors.NotChallengeable):
        chain.submit(calls.AppealResult(task, sent.index), BOB)
    release(chain, sent)
    with pytest.raises(errors.TooEarly):
        chain.submit(calls.Clear(task, sent.index), BOB)
    with pytest.raises(errors.StillStored):
        chain.submit(calls.Clear(task), BOB)
