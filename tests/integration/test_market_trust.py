"""Nobody has to believe anybody: sealed results, and what panels do at which visit."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from market_support import (
    AGGREGATORS,
    BY_CHANCE,
    CONTRIBUTORS,
    CREATOR,
    GOOD,
    WEAK,
    Stage,
    opened,
)

from decentralml.chain.calls import (
    Call,
    Commit,
    HandKey,
    ReleaseKey,
    Reveal,
)
from decentralml.chain.errors import (
    AlreadyCommitted,
    CommitmentMismatch,
    NotAssigned,
    NotReleasing,
    NotRevealing,
    NotSealing,
    SegmentOutsideRun,
    WrapMissing,
    WrongKey,
    WrongRecipient,
)
from decentralml.errors import (
    DecentralMLError,
    ResultSealed,
)
from decentralml.market.contributing.contributor import accept_task
from decentralml.market.contributing.running import run_task
from decentralml.market.contributing.sending import send_results
from decentralml.market.creating.deciding import accept_task_results
from decentralml.market.creating.offer import HOUR
from decentralml.market.judging.judgements import commitment_to, salt_for
from decentralml.market.judging.review import validate_task_results
from decentralml.market.merging.federation import federate
from decentralml.market.node import advance
from decentralml.market.session import Session
from decentralml.types import (
    Attestation,
    SubmissionStatus,
    ValidationStrategy,
    Verdict,
)

BOB, CHARLIE = CONTRIBUTORS


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
        patch.setattr("decentralml.market.contributing.sending.hand_key", interrupt)
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
