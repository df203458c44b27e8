"""Who may work, for what, and who gets the keys of test sets; what is known before sending."""

from __future__ import annotations

import numpy as np
import pytest
from market_support import (
    AGGREGATORS,
    CONTRIBUTORS,
    CREATOR,
    GOOD,
    Stage,
)

from decentralml.chain.calls import (
    DiscardShare,
    RenounceCandidacy,
    ShareKey,
    Transfer,
)
from decentralml.chain.errors import (
    NotInvited,
    ReputationTooLow,
    TooEarly,
)
from decentralml.config import Config
from decentralml.errors import (
    ValidationSetSealed,
)
from decentralml.market import elections
from decentralml.market.assets import create_asset, mint_asset
from decentralml.market.contributing.contributor import accept_task
from decentralml.market.contributing.rehearsal import rehearse
from decentralml.market.contributing.running import run_task
from decentralml.market.contributing.sending import send_results
from decentralml.market.creating.access import invite, uninvite
from decentralml.market.creating.clearing import clear
from decentralml.market.creating.offer import HOUR
from decentralml.market.exchange.handover import hand_over, hand_over_all
from decentralml.market.judging.review import validate_task_results
from decentralml.market.node import advance
from decentralml.market.session import Session
from decentralml.market.standings import reputation
from decentralml.market.tasks import withdraw_task
from decentralml.types import (
    UNIT,
    Phase,
    Role,
    SubmissionStatus,
    Verdict,
)

BOB, CHARLIE = CONTRIBUTORS


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
