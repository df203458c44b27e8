"""Nobody has to believe anybody: sealed results, keys handed on, appeals, planted results."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
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

from decentralml.chain.calls import (
    Call,
    Commit,
    DiscardShare,
    HandKey,
    ReleaseKey,
    RenounceCandidacy,
    Reveal,
    ShareKey,
    Transfer,
)
from decentralml.chain.errors import (
    AlreadyCommitted,
    AppealUnaffordable,
    CannotAppeal,
    CommitmentMismatch,
    DeadlinePassed,
    GoldAgrees,
    NotAssigned,
    NotChallengeable,
    NotInvited,
    NotParty,
    NotReleasing,
    NotRevealing,
    NotSealing,
    ReputationTooLow,
    SegmentOutsideRun,
    TooEarly,
    UnknownGold,
    WrapMissing,
    WrongKey,
    WrongRecipient,
)
from decentralml.config import Config
from decentralml.errors import (
    DecentralMLError,
    GoldFileInvalid,
    ResultSealed,
    TermsInvalid,
    ValidationSetSealed,
)
from decentralml.market import elections
from decentralml.market.access import invite, uninvite
from decentralml.market.assets import create_asset, mint_asset
from decentralml.market.clearing import clear
from decentralml.market.contributor import accept_task
from decentralml.market.deciding import accept_task_results, appeal, reject_task_results
from decentralml.market.federation import federate
from decentralml.market.fetch import fetch_result, fetch_task
from decentralml.market.golds import commitments, read_gold, write_gold
from decentralml.market.handover import hand_over, hand_over_all
from decentralml.market.judgements import commitment_to, salt_for
from decentralml.market.node import advance
from decentralml.market.offer import HOUR
from decentralml.market.progress import brought_on
from decentralml.market.rehearsal import rehearse
from decentralml.market.review import validate_task_results
from decentralml.market.running import run_task
from decentralml.market.sending import send_results
from decentralml.market.session import Session
from decentralml.market.standings import reputation
from decentralml.market.tasks import settle, withdraw_task
from decentralml.types import (
    UNIT,
    Attestation,
    Outcome,
    Phase,
    Role,
    SubmissionStatus,
    TaskId,
    ValidationStrategy,
    Verdict,
    Window,
)

BOB, CHARLIE = CONTRIBUTORS
BY_CHANCE = "bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy"


def opened(session: Session, task: TaskId, index: int = 0) -> Path:
    found = fetch_task(session, session.chain.task(task))
    return fetch_result(session, found, session.chain.submission(task, index)).folder


# --- fair exchange


def test_a_result_opens_to_the_creator_only_in_the_moment_that_pays(
    stage: Stage, tmp_path: Path
) -> None:
    task = stage.post(results=2)
    stage.contribute(BOB, task)
    creator = stage.as_(CREATOR)
    found = creator.chain.submission(task, 0)
    assert found.result is not None
    sealed = creator.objects.get(found.result, tmp_path / "sealed").read_bytes()
    assert sealed.startswith(b"age-encryption.org/v1")
    assert GOOD.tobytes() not in sealed
    stage.validate(task)
    with pytest.raises(ResultSealed, match="list-task-results"):
        opened(creator, task)
    with pytest.raises(ResultSealed):
        opened(stage.as_(CHARLIE), task)
    stage.validate(task, AGGREGATORS[0])
    with pytest.raises(ResultSealed):
        opened(creator, task)
    stage.validate(task, AGGREGATORS[1])
    assert creator.chain.submission(task, 0).status is SubmissionStatus.ACCEPTED
    assert (opened(creator, task) / "model.safetensors").is_file()
    with pytest.raises(ResultSealed):
        opened(stage.as_(CHARLIE), task)
    assert federate(creator, task, tmp_path / "next").published


def test_a_rejected_result_stays_sealed_to_the_creator(stage: Stage) -> None:
    task = stage.post()
    stage.contribute(BOB, task, WEAK)
    stage.conclude(task)
    creator = stage.as_(CREATOR)
    assert creator.chain.submission(task, 0).status is SubmissionStatus.REJECTED
    with pytest.raises(ResultSealed):
        opened(creator, task)


def test_a_member_does_what_is_due_at_each_visit_and_says_what_it_waits_for(stage: Stage) -> None:
    task = stage.post()
    stage.contribute(BOB, task)
    first, second, third = AGGREGATORS
    (duty,) = stage.validate(task, first)[0].duties
    assert (duty.done, duty.verdict) == (("committed",), Verdict.PASS)
    assert duty.awaited is not None and duty.awaited.what == "commitments"
    session = stage.as_(first)
    assert set(duty.awaited.who) == {session.resolve(second), session.resolve(third)}
    (again,) = stage.validate(task, first)[0].duties
    assert (again.done, again.verdict) == ((), None)
    stage.validate(task, second)
    (last,) = stage.validate(task, third)[0].duties
    assert last.done == ("committed", "revealed")
    stage.validate(task, first)
    (final,) = stage.validate(task, second)[0].duties
    assert final.done == ("revealed", "released its key")
    assert (final.status, final.awaited) == (SubmissionStatus.ACCEPTED, None)


def test_what_is_revealed_must_be_what_was_committed_to(stage: Stage) -> None:
    task = stage.post(committee=1)
    stage.contribute(BOB, task)
    found = stage.as_(BOB).chain.submission(task, 0)
    (name,) = [n for n in AGGREGATORS if stage.as_(n).address == found.committee[0].member]
    session = stage.as_(name)
    said = Attestation(Verdict.PASS, 900_000, BY_CHANCE)
    session.chain.submit(Commit(task, 0, commitment_to(session, found, said)), session.key)
    other = Attestation(Verdict.FAIL, 0, BY_CHANCE)
    with pytest.raises(CommitmentMismatch):
        session.chain.submit(Reveal(task, 0, other, salt_for(session, found)), session.key)
    (duty,) = stage.validate(task, name)[0].duties
    assert "DECENTRALML_HOME" in (duty.note or "")
    session.chain.submit(Reveal(task, 0, said, salt_for(session, found)), session.key)
    assert session.chain.submission(task, 0).verdict is Verdict.PASS


def test_a_member_that_is_early_double_or_beside_the_point_is_named(stage: Stage) -> None:
    task = stage.post()
    stage.contribute(BOB, task)
    session = stage.as_(AGGREGATORS[0])
    found = session.chain.submission(task, 0)
    said = Attestation(Verdict.FAIL, 0, BY_CHANCE, segment=3)
    commit = Commit(task, 0, commitment_to(session, found, said))
    reveal = Reveal(task, 0, said, salt_for(session, found))
    refused(session, reveal, NotRevealing)
    session.chain.submit(commit, session.key)
    refused(session, commit, AlreadyCommitted)
    refused(session, reveal, NotRevealing)
    stage.validate(task, *AGGREGATORS[1:])
    refused(session, reveal, SegmentOutsideRun)
    stranger = stage.as_(CHARLIE)
    refused(stranger, commit, DecentralMLError)


def test_keys_for_nobody_in_particular_and_keys_of_something_else_are_named(stage: Stage) -> None:
    task = stage.post(committee=1, strategy=ValidationStrategy.MANUAL_ACCEPT)
    bob = stage.as_(BOB)
    accept_task(bob, task)
    run_task(bob, task, stage.work(BOB))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("decentralml.market.sending.hand_key", interrupt)
        with pytest.raises(KeyboardInterrupt):
            send_results(bob, task)
    (seat,) = bob.chain.submission(task, 0).committee
    to_stranger = HandKey(task, 0, ((bob.address, bytes(80)),))
    refused(bob, to_stranger, WrongRecipient)
    refused(bob, HandKey(task, 0, ()), WrapMissing)
    refused(stage.as_(CHARLIE), HandKey(task, 0, ((seat.member, bytes(80)),)), NotAssigned)
    send_results(bob, task)
    refused(bob, HandKey(task, 0, ()), NotSealing)
    refused(bob, ReleaseKey(task, 0, bytes(80)), NotReleasing)
    stage.validate(task)
    accept_task_results(stage.as_(CREATOR), task, [0])
    refused(bob, ReleaseKey(task, 0, bytes(80)), WrongKey)
    assert send_results(bob, task).done == ("released its key",)


def interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def refused(session: Session, call: Call, kind: type[DecentralMLError]) -> None:
    """One error of this kind, in one line."""
    with pytest.raises(kind) as caught:
        session.chain.submit(call, session.key)
    assert "\n" not in str(caught.value)


def test_two_visits_of_one_member_at_once_commit_to_one_finding(stage: Stage) -> None:
    task = stage.post()
    stage.contribute(BOB, task)
    name = AGGREGATORS[0]
    with ThreadPoolExecutor(2) as pool:
        runs = [pool.submit(lambda: validate_task_results(stage.as_(name), task)) for _ in "ab"]
        duties = [run.result().duties[0] for run in runs]
    assert [duty.note for duty in duties] == [None, None]
    stage.validate(task, *AGGREGATORS[1:])
    stage.validate(task)
    assert stage.as_(BOB).chain.submission(task, 0).status is SubmissionStatus.ACCEPTED


def test_who_comes_for_an_absent_member_gets_the_key_by_the_same_command(stage: Stage) -> None:
    task = stage.post(committee=1)
    stage.contribute(BOB, task)
    bob = stage.as_(BOB)
    (absent,) = bob.chain.submission(task, 0).committee
    advance(bob, milliseconds=3 * HOUR)
    sent = send_results(bob, task)
    assert (sent.resumed, sent.done) == (True, ("handed its key to the committee",))
    (seat,) = bob.chain.submission(task, 0).committee
    assert seat.member != absent.member
    visits = stage.validate(task)
    assert sum("released its key" in d.done for visit in visits for d in visit.duties) == 1
    profile = bob.chain.profile(absent.member)
    assert profile is not None and profile.missed == 1
    assert bob.chain.submission(task, 0).status is SubmissionStatus.ACCEPTED


# --- keys outlive elections


def office_without(stage: Stage, leaving: str, coming: str) -> None:
    """One member leaves office and another comes in."""
    with Session(Config(stage.home, key=CREATOR)) as session:
        session.chain.submit(Transfer(session.resolve(coming), 1000 * UNIT), session.key)
    with Session(Config(stage.home, key=coming)) as session:
        elections.apply(session, "https://new.example")
    with Session(Config(stage.home, key=leaving)) as session:
        session.chain.submit(RenounceCandidacy(), session.key)
    with Session(Config(stage.home, key=CREATOR)) as session:
        staying = [name for name in AGGREGATORS if name != leaving]
        names = [session.resolve(name) for name in (*staying, coming)]
        elections.vote(session, names, 100 * UNIT)
        advance(session, to_election=True)
        assert set(session.chain.election().members) == set(names)


def test_whoever_has_the_key_of_the_validation_set_gives_it_to_who_comes_into_office(
    stage: Stage,
) -> None:
    task = stage.post()
    leaving, coming = AGGREGATORS[0], "//George"
    office_without(stage, leaving, coming)
    newcomer = stage.as_(coming)
    with pytest.raises(ValidationSetSealed, match="hand-over"):
        hand_over(newcomer, task)
    assert hand_over_all(newcomer) == {}
    given = hand_over_all(stage.as_(AGGREGATORS[1]))
    assert given == {task: (newcomer.address,)}
    assert hand_over(stage.as_(CREATOR), task) == ()
    stage.contribute(BOB, task)
    office = (*AGGREGATORS[1:], coming)
    for _ in range(2):
        stage.validate(task, *office)
    found = newcomer.chain.submission(task, 0)
    assert found.status is SubmissionStatus.ACCEPTED
    assert all(seat.paid for seat in found.committee)


def test_validating_hands_keys_over_by_the_way(stage: Stage) -> None:
    task = stage.post()
    office_without(stage, AGGREGATORS[0], "//George")
    newcomer = stage.as_("//George")
    assert validate_task_results(stage.as_(CREATOR), task).shared == (newcomer.address,)
    assert newcomer.chain.share(task, newcomer.address) is not None


def test_a_share_that_does_not_hold_the_key_is_discarded_and_given_anew(stage: Stage) -> None:
    task = stage.post(committee=1)
    dave, eve = (stage.as_(name) for name in AGGREGATORS[:2])
    dave.chain.submit(DiscardShare(task), dave.key)
    eve.chain.submit(ShareKey(task, ((dave.address, bytes(80)),)), eve.key)
    with pytest.raises(ValidationSetSealed):
        hand_over(dave, task)
    assert dave.chain.share(task, dave.address) is None
    assert hand_over(stage.as_(CREATOR), task) == (dave.address,)
    assert hand_over(dave, task) == ()


# --- appeals


def rejected_after_passing(stage: Stage) -> TaskId:
    task = stage.post(strategy=ValidationStrategy.MANUAL_ACCEPT, committee=1)
    stage.contribute(BOB, task)
    stage.validate(task)
    rejected = reject_task_results(stage.as_(CREATOR), task, [0], "I do not like it")
    assert rejected.counters == {0: 3 * UNIT}
    return task


def test_a_contributor_appeals_against_an_unfair_rejection_and_is_paid(stage: Stage) -> None:
    task = rejected_after_passing(stage)
    bob, creator = stage.as_(BOB), stage.as_(CREATOR)
    before = bob.chain.balance(bob.address).total
    with pytest.raises(CannotAppeal):
        appeal(creator, task, 0)
    with pytest.raises(NotParty):
        appeal(stage.as_(CHARLIE), task, 0)
    made = appeal(bob, task, 0)
    assert set(made.jury) == {bob.resolve(name) for name in AGGREGATORS}
    assert made.awaited is not None and made.awaited.what == "commitments"
    assert appeal(bob, task, 0).bond == made.bond
    stage.conclude(task)
    found = bob.chain.submission(task, 0)
    assert (found.status, found.outcome) == (SubmissionStatus.ACCEPTED, Outcome.ACCEPTED)
    gained = bob.chain.balance(bob.address).total - before
    assert 10 * UNIT - UNIT // 4 < gained < 10 * UNIT
    assert (opened(creator, task) / "model.safetensors").is_file()
    assert creator.chain.reputation(creator.address, Role.CREATOR).overturned > 0


def test_an_appeal_without_its_bond_is_refused(stage: Stage) -> None:
    task = rejected_after_passing(stage)
    bob = stage.as_(BOB)
    everything = bob.chain.balance(bob.address).free - UNIT
    bob.chain.submit(Transfer(bob.resolve(CREATOR), everything), bob.key)
    with pytest.raises(AppealUnaffordable, match="decentralml transfer") as caught:
        appeal(bob, task, 0)
    assert "\n" not in str(caught.value)


def test_nobody_appeals_too_late(stage: Stage) -> None:
    task = rejected_after_passing(stage)
    bob = stage.as_(BOB)
    advance(bob, milliseconds=25 * HOUR)
    with pytest.raises(DeadlinePassed):
        appeal(bob, task, 0)
    settle(bob, task, 0)
    assert bob.chain.submission(task, 0).outcome is Outcome.OVERRULED
    with pytest.raises(NotChallengeable):
        appeal(bob, task, 0)


def test_a_creator_appeals_and_the_contributor_hands_the_jury_its_key(stage: Stage) -> None:
    """The creator of a result that passed rightly loses the appeal and pays the jury."""
    task = stage.post(challenge_time=HOUR, committee=1)
    stage.contribute(BOB, task)
    stage.validate(task)
    creator = stage.as_(CREATOR)
    assert creator.chain.submission(task, 0).window is Window.CHALLENGE
    made = appeal(creator, task, 0)
    assert made.awaited is not None and made.awaited.who == (creator.resolve(BOB),)
    assert send_results(stage.as_(BOB), task).done == ("handed its key to the jury",)
    stage.conclude(task)
    found = creator.chain.submission(task, 0)
    assert (found.status, found.verdict) == (SubmissionStatus.ACCEPTED, Verdict.PASS)
    assert creator.chain.balance(creator.address).held.get("market.Appeal", 0) == 0


def test_a_creator_may_waive_the_time_to_challenge(stage: Stage) -> None:
    task = stage.post(challenge_time=24 * HOUR)
    stage.contribute(BOB, task)
    stage.conclude(task)
    creator = stage.as_(CREATOR)
    assert creator.chain.submission(task, 0).window is Window.CHALLENGE
    accept_task_results(creator, task, [0])
    assert send_results(stage.as_(BOB), task).done == ("released its key",)
    assert creator.chain.submission(task, 0).status is SubmissionStatus.ACCEPTED


# --- golds


def lie(stage: Stage, task: TaskId, verdict: Verdict, score: int) -> None:
    """The whole committee says without looking that a result is so and so."""
    bob = stage.as_(BOB)
    found = brought_on(bob, bob.chain.submission(task, 0))
    members = [stage.as_(n) for n in AGGREGATORS]
    seated = [m for m in members if m.address in {seat.member for seat in found.committee}]
    said = Attestation(verdict, score, BY_CHANCE)
    for session in seated:
        session.chain.submit(Commit(task, 0, commitment_to(session, found, said)), session.key)
    for session in seated:
        session.chain.submit(Reveal(task, 0, said, salt_for(session, found)), session.key)


def test_a_lazy_committee_is_caught_by_a_planted_result(stage: Stage, tmp_path: Path) -> None:
    creator = stage.as_(CREATOR)
    planted = write_gold(tmp_path / "g.toml", creator.resolve(BOB), Verdict.FAIL, 0, 300_000)
    assert read_gold(tmp_path / "g.toml") == planted
    task = stage.post(golds=(planted,), challenge_time=HOUR, committee=1)
    assert len(creator.chain.task(task).terms.golds) == 4
    stage.contribute(BOB, task, WEAK)
    lie(stage, task, Verdict.PASS, 900_000)
    (seat,) = creator.chain.submission(task, 0).committee
    unknown = write_gold(tmp_path / "u.toml", creator.resolve(BOB), Verdict.FAIL, 0, 100_000)
    with pytest.raises(UnknownGold):
        appeal(creator, task, 0, unknown)
    made = appeal(creator, task, 0, planted)
    assert len(made.jury) == 3
    send_results(stage.as_(BOB), task)
    stage.conclude(task)
    found = creator.chain.submission(task, 0)
    assert (found.status, found.outcome) == (SubmissionStatus.REJECTED, Outcome.FAILED)
    profile = creator.chain.profile(seat.member)
    assert profile is not None
    assert profile.bond == creator.chain.constants().aggregator_bond // 2


def test_a_gold_that_agrees_is_refused(stage: Stage, tmp_path: Path) -> None:
    creator = stage.as_(CREATOR)
    planted = write_gold(tmp_path / "g.toml", creator.resolve(BOB), Verdict.PASS, 0, 1_000_000)
    task = stage.post(golds=(planted,), challenge_time=HOUR, committee=1)
    stage.contribute(BOB, task)
    stage.validate(task)
    with pytest.raises(GoldAgrees):
        appeal(creator, task, 0, planted)


def test_tasks_with_and_without_golds_look_alike(stage: Stage) -> None:
    assert len(commitments(())) == 4
    assert commitments(()) != commitments(())
    with pytest.raises(TermsInvalid, match="at most 4"):
        stage.post(golds=(None,) * 5)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("verdict = ", "TOML"),
        ('verdict = "Pass"\nlow = 0\nhigh = 1', "contributor"),
        ('contributor = "x"\nverdict = "Pass"\nlow = 0\nhigh = 1\nsalt = "0x00"', "contributor"),
        ("contributor = 3", "text"),
    ],
)
def test_a_gold_file_that_is_none_is_named(tmp_path: Path, text: str, word: str) -> None:
    (tmp_path / "g.toml").write_text(text)
    with pytest.raises(GoldFileInvalid, match=word) as caught:
        read_gold(tmp_path / "g.toml")
    assert "\n" not in str(caught.value)


# --- who may work, and for what


def test_only_the_invited_take_slots_of_a_task_that_invites(stage: Stage) -> None:
    creator, bob = stage.as_(CREATOR), stage.as_(BOB)
    task = stage.post(invited=(bob.address,), results=2)
    with pytest.raises(NotInvited):
        accept_task(stage.as_(CHARLIE), task)
    assert accept_task(bob, task).index == 0
    invite(creator, task, [stage.as_(CHARLIE).address])
    assert uninvite(creator, task, [stage.as_(CHARLIE).address]) is not None
    assert uninvite(creator, task, [stage.as_(CHARLIE).address]) is None
    with pytest.raises(NotInvited):
        accept_task(stage.as_(CHARLIE), task)


def test_more_accounts_are_invited_and_cleared_than_one_call_takes(stage: Stage) -> None:
    creator = stage.as_(CREATOR)
    many = tuple(creator.resolve(f"//guest/{number}") for number in range(20))
    task = stage.post(invited=many, invited_only=True)
    assert all(creator.chain.invited(task, guest) for guest in many)
    withdraw_task(creator, task)
    assert clear(creator, task).access == 24
    assert creator.chain.admitted(task) == []


def test_a_task_may_ask_for_a_standing_which_is_earned_by_good_work(stage: Stage) -> None:
    first = stage.post(committee=1)
    asking = stage.post(minimum_reputation=600_000)
    bob = stage.as_(BOB)
    with pytest.raises(ReputationTooLow):
        accept_task(bob, asking)
    stage.contribute(BOB, first)
    stage.validate(first)
    by_role = {record.role: record for record in reputation(bob, bob.address)}
    assert by_role[Role.CONTRIBUTOR].standing == 750_000
    assert by_role[Role.CONTRIBUTOR].earned == 10 * UNIT
    accept_task(bob, asking)


def test_a_reward_can_be_paid_in_ones_own_asset(stage: Stage) -> None:
    creator, bob = stage.as_(CREATOR), stage.as_(BOB)
    create_asset(creator, 7, "Credit", "MED", 2, 1)
    mint_asset(creator, 7, creator.address, 100_000)
    task = stage.post(asset=7, reward=2_500, results=2, committee=1)
    assert creator.chain.asset_balance(7, creator.address).free == 95_000
    stage.contribute(BOB, task)
    stage.validate(task)
    assert bob.chain.submission(task, 0).status is SubmissionStatus.ACCEPTED
    assert bob.chain.asset_balance(7, bob.address).free == 2_500


def test_what_has_ended_is_cleared_after_its_time_and_its_deposits_return(stage: Stage) -> None:
    task = stage.post(committee=1)
    stage.contribute(BOB, task)
    stage.validate(task)
    creator, bob = stage.as_(CREATOR), stage.as_(BOB)
    with pytest.raises(TooEarly):
        clear(creator, task, 0)
    early = clear(creator, task)
    assert (early.submissions, early.access, early.whole) == ((), 4, False)
    assert early.refused
    advance(creator, milliseconds=31 * 24 * HOUR)
    done = clear(stage.as_(CHARLIE), task)
    assert (done.submissions, done.access, done.whole, done.refused) == ((0,), 0, True, ())
    for session in (creator, bob):
        assert "market.Deposit" not in session.chain.balance(session.address).held
    assert creator.chain.tasks() == []


# --- before sending, and copies


def test_a_rehearsal_finds_what_the_committee_will_and_sends_nothing(stage: Stage) -> None:
    task = stage.post()
    bob = stage.as_(BOB)
    accept_task(bob, task)
    run_task(bob, task, stage.work(BOB))
    before = bob.chain.balance(bob.address).total
    tried = rehearse(bob, task, validation_path=stage.validation_set)
    assert (tried.finding.verdict, tried.finding.score) == (Verdict.PASS, 1_000_000)
    assert rehearse(bob, task).note is not None
    assert bob.chain.balance(bob.address).total == before
    assert bob.chain.submission(task, 0).status is SubmissionStatus.ASSIGNED
    bad = stage.work("bad", np.zeros((3, 2), np.float32))
    assert rehearse(bob, task, bad).finding.verdict is Verdict.FAIL


def test_a_near_copy_is_pointed_out_and_not_judged_for_it(stage: Stage) -> None:
    task = stage.post(results=2, committee=3)
    stage.contribute(BOB, task, GOOD)
    stage.contribute(CHARLIE, task, GOOD * np.float32(1.01))
    visits = stage.validate(task)
    for visit in visits:
        own, copied = visit.duties
        assert not any("near copy" in reason for reason in own.reasons)
        assert copied.verdict is Verdict.PASS
        assert any("near copy" in reason and "result 0" in reason for reason in copied.reasons)


def test_phases_that_nobody_serves_end_by_settling(stage: Stage) -> None:
    """A contributor that hands no key: as if nothing had been sent."""
    task = stage.post()
    bob = stage.as_(BOB)
    accept_task(bob, task)
    run_task(bob, task, stage.work(BOB))
    real = bob.chain.wait_block
    bob.chain.wait_block = lambda *a, **k: (_ for _ in ()).throw(KeyboardInterrupt)  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        send_results(bob, task)
    bob.chain.wait_block = real  # type: ignore[method-assign]
    session = stage.as_(AGGREGATORS[0])
    validate_task_results(session, task)
    assert session.chain.submission(task, 0).phase is Phase.SEALING
    advance(session, milliseconds=7 * HOUR)
    validate_task_results(session, task)
    assert session.chain.submission(task, 0).status is SubmissionStatus.EXPIRED
