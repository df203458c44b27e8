"""Who was treated wrongly has all in office judge again; planted results catch the lazy."""

from __future__ import annotations

from pathlib import Path

import pytest
from market_support import (
    AGGREGATORS,
    BY_CHANCE,
    CONTRIBUTORS,
    CREATOR,
    WEAK,
    Stage,
    opened,
)

from decentralml.chain.calls import (
    Commit,
    Reveal,
    Transfer,
)
from decentralml.chain.errors import (
    AppealUnaffordable,
    CannotAppeal,
    DeadlinePassed,
    GoldAgrees,
    NotChallengeable,
    NotParty,
    UnknownGold,
)
from decentralml.errors import (
    GoldFileInvalid,
    TermsInvalid,
)
from decentralml.market.contributing.sending import send_results
from decentralml.market.creating.deciding import accept_task_results, appeal, reject_task_results
from decentralml.market.creating.golds import commitments, read_gold, write_gold
from decentralml.market.creating.offer import HOUR
from decentralml.market.judging.judgements import commitment_to, salt_for
from decentralml.market.node import advance
from decentralml.market.progress import brought_on
from decentralml.market.tasks import settle
from decentralml.types import (
    UNIT,
    Attestation,
    Outcome,
    Role,
    SubmissionStatus,
    TaskId,
    ValidationStrategy,
    Verdict,
    Window,
)

BOB, CHARLIE = CONTRIBUTORS


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
