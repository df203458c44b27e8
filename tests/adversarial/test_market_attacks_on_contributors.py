"""What a contributor can lose through the misconduct of others, in planck: attack by attack.

The bounds are those of "What the protocol promises" in ``docs/protocol.md``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from attack_support import (
    BOND,
    FEE,
    JURY_FEES,
    MEMBERS,
    REWARD,
    Books,
    Row,
    elected,
    give_key,
    members,
    print_table,
    settle,
    unless,
    vote,
)
from chain_support import ALICE, BOB, CHARLIE, HOUR, READER, VOTERS, by_address, post
from panel_support import Sent, deliver, draw, finding, judge, release, send

from decentralml.bundles.wraps import open_wrap, wrap
from decentralml.chain import calls, errors, events
from decentralml.chain.api import Chain
from decentralml.errors import WrongWrap
from decentralml.types import (
    Outcome,
    Replay,
    SubmissionStatus,
    Trace,
    ValidationStrategy,
    Verdict,
    Window,
)
from decentralml.validation.segments import drawn_segments

VICTIM = "contributor"
MANUAL = {"strategy": ValidationStrategy.MANUAL_ACCEPT, "slots": 1}


@pytest.fixture(scope="module")
def rows() -> Iterator[list[Row]]:
    noted: list[Row] = []
    yield noted
    print_table(noted)


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[Chain]:
    with elected(tmp_path) as chain:
        yield chain


@pytest.fixture
def books(chain: Chain, rows: list[Row]) -> Books:
    return Books(chain, (ALICE, BOB, CHARLIE, *MEMBERS), rows)


def ended(chain: Chain, sent: Sent) -> tuple[SubmissionStatus, Outcome | None]:
    submission = chain.submission(sent.task, sent.index)
    return submission.status, submission.outcome


def test_a_creator_that_is_silent_pays_all_the_same(chain: Chain, books: Books) -> None:
    sent = deliver(chain, post(chain, **MANUAL), BOB)
    judge(chain, sent, Verdict.PASS)
    settle(chain, sent)
    release(chain, sent)
    books.check(VICTIM, "the creator is silent", REWARD + books.lost(BOB))


def test_a_creator_that_rejects_what_passed_pays_for_the_appeal(chain: Chain, books: Books) -> None:
    sent = deliver(chain, post(chain, **MANUAL), BOB)
    judge(chain, sent, Verdict.PASS)
    chain.submit(calls.RejectResult(sent.task, sent.index, "no"), ALICE)
    chain.submit(calls.AppealResult(sent.task, sent.index), BOB)
    give_key(chain, sent)
    vote(chain, sent, lambda member: Verdict.PASS)
    release(chain, sent)
    paid = books.lost(ALICE)
    assert paid == REWARD + 3 * FEE + JURY_FEES
    attack = "the creator rejects what passed; an appeal"
    books.check(VICTIM, attack, REWARD + books.lost(BOB), 0, paid)


def test_a_creator_that_appeals_against_what_passed_pays_for_it(chain: Chain, books: Books) -> None:
    sent = deliver(chain, post(chain, slots=1, challenge_time=HOUR), BOB)
    judge(chain, sent, Verdict.PASS)
    chain.submit(calls.AppealResult(sent.task, sent.index), ALICE)
    give_key(chain, sent)
    vote(chain, sent, lambda member: Verdict.PASS)
    release(chain, sent)
    paid = books.lost(ALICE)
    assert paid == REWARD + 3 * FEE + JURY_FEES
    attack = "the creator appeals against what passed"
    books.check(VICTIM, attack, REWARD + books.lost(BOB), 0, paid)


def test_a_creator_cannot_have_the_key_before_it_pays(chain: Chain, books: Books) -> None:
    sent = deliver(chain, post(chain, **MANUAL), BOB)
    judge(chain, sent, Verdict.PASS)
    submission = chain.submission(sent.task, sent.index)
    wraps = [seat.wrap for seat in submission.committee]
    for handed in wraps:
        assert handed is not None
        with pytest.raises(WrongWrap):
            open_wrap(handed, ALICE.encryption_secret())
    assert submission.key is None
    # Neither before the decision nor after it is there a way to it but the release.
    demand = calls.ReleaseKey(sent.task, sent.index, bytes(80))
    with pytest.raises(errors.NotReleasing):
        chain.submit(demand, ALICE)
    chain.submit(calls.AcceptResult(sent.task, sent.index), ALICE)
    with pytest.raises(errors.NotParty):
        chain.submit(demand, ALICE)
    with pytest.raises(errors.NotAssigned):
        chain.submit(calls.HandKey(sent.task, sent.index, ((ALICE.address, bytes(80)),)), ALICE)
    with pytest.raises(errors.WrongKey):
        chain.submit(demand, by_address(members(chain, sent)[0]))
    assert chain.submission(sent.task, sent.index).key is None
    receipt = release(chain, sent)
    key = chain.submission(sent.task, sent.index).key
    assert key is not None
    assert open_wrap(key, ALICE.encryption_secret()) == sent.key
    accepted = receipt.find(events.ResultAccepted)
    assert accepted is not None
    assert accepted.paid, "the transaction that tells the key is the one that pays"
    books.check(VICTIM, "the creator wants the key first", REWARD + books.lost(BOB))


def test_a_creator_in_office_never_judges_its_own_task(chain: Chain, books: Books) -> None:
    creator = MEMBERS[0]
    terms = calls.CreateTask(chain.task(post(chain, committee_size=7, bond=7 * FEE)).terms)
    created = chain.submit(terms, creator).find(events.TaskCreated)
    assert created is not None
    sent = deliver(chain, created.task, BOB)
    seated = members(chain, sent)
    assert len(seated) == 5, "the largest odd number of the six others"
    assert creator.address not in seated
    judge(chain, sent, Verdict.PASS)
    release(chain, sent)
    books.check(VICTIM, "the creator is in office itself", REWARD + books.lost(BOB))


def test_a_majority_of_its_committee_is_overturned_where_one_can_appeal(
    chain: Chain, books: Books
) -> None:
    sent = deliver(chain, post(chain, slots=1, challenge_time=HOUR), BOB)
    friends = members(chain, sent)[:2]
    vote(chain, sent, unless(friends, Verdict.PASS))
    assert chain.submission(sent.task, sent.index).outcome is Outcome.FAILED
    chain.submit(calls.AppealResult(sent.task, sent.index), BOB)
    give_key(chain, sent)
    vote(chain, sent, unless(friends, Verdict.PASS))
    release(chain, sent)
    paid = books.lost(*map(by_address, friends))
    assert paid == chain.constants().aggregator_bond, "half of the bond of each"
    attack = "most of its committee fail what is good; an appeal"
    books.check(VICTIM, attack, REWARD + books.lost(BOB), 0, paid)


@pytest.mark.parametrize("bought", [2, 3], ids=["most", "all"])
def test_a_majority_of_its_committee_takes_its_bond_where_one_cannot(
    chain: Chain, books: Books, bought: int
) -> None:
    sent = deliver(chain, post(chain, slots=1), BOB)
    friends = members(chain, sent)[:bought]
    vote(chain, sent, unless(friends, Verdict.PASS))
    assert ended(chain, sent) == (SubmissionStatus.REJECTED, Outcome.FAILED)
    assert chain.submission(sent.task, sent.index).key is None, "nobody has its work for nothing"
    attack = f"{bought} of 3 fail what is good, no challenge time"
    books.check(VICTIM, attack, books.lost(BOB), BOND)


def test_a_committee_that_is_silent_costs_nothing(chain: Chain, books: Books) -> None:
    expires = chain.now() + 48 * HOUR
    sent = deliver(chain, post(chain, slots=1, expires_at=expires), BOB)
    settle(chain, sent)
    draw(chain, sent)
    give_key(chain, sent)
    settle(chain, sent)
    assert ended(chain, sent) == (SubmissionStatus.REJECTED, Outcome.INCONCLUSIVE)
    books.check(VICTIM, "two committees are silent", books.lost(BOB))


def test_members_that_keep_the_key_are_not_needed(chain: Chain, books: Books) -> None:
    sent = deliver(chain, post(chain, slots=1), BOB)
    judge(chain, sent, Verdict.PASS)
    assert chain.submission(sent.task, sent.index).window is Window.RELEASE
    release(chain, sent)  # by the contributor
    books.check(VICTIM, "all members keep the key", REWARD + books.lost(BOB))


def test_a_segment_that_nobody_drew_cannot_be_held_against_it(chain: Chain, books: Books) -> None:
    task = post(chain, slots=1, replay=Replay(40, 4))
    sent = deliver(chain, task, BOB, Trace(bytes(range(32)), 40))
    submission = chain.submission(task, sent.index)
    assert submission.seed is not None
    drawn = drawn_segments(submission.seed, 40, 4)
    outside = next(segment for segment in range(39) if segment not in drawn)
    liar, *others = members(chain, sent)
    said = {member: finding(Verdict.PASS) for member in others}
    with pytest.raises(errors.SegmentOutsideRun):
        vote(chain, sent, {liar: finding(Verdict.FAIL, outside), **said}.__getitem__)
    for member in others:
        call = calls.Reveal(task, sent.index, said[member], bytes(range(32)))
        chain.submit(call, by_address(member))
    settle(chain, sent)
    release(chain, sent)
    paid = books.lost(by_address(liar))
    assert paid == chain.constants().aggregator_bond // 5
    attack = "a member replays a segment that nobody drew"
    books.check(VICTIM, attack, REWARD + books.lost(BOB), 0, paid)


def test_who_submits_its_ciphertext_as_its_own_takes_nothing(chain: Chain, books: Books) -> None:
    task = post(chain, slots=2)
    sent = send(chain, task, BOB)
    original = chain.submission(task, sent.index)
    assert original.result is not None and original.digest is not None
    # All that the chain tells of the result, word for word.
    chain.submit(calls.AcceptTask(task), CHARLIE)
    copied = calls.SubmitResult(task, original.result, original.digest, original.seal)
    chain.submit(copied, CHARLIE)
    copy = Sent(task, chain.open_assignment(task, CHARLIE.address) or 0, CHARLIE, bytes(32))
    assert copy.index != sent.index
    for each in (sent, copy):
        draw(chain, each)
    give_key(chain, sent)
    give_key(chain, copy)
    judge(chain, copy, Verdict.FAIL)
    judge(chain, sent, Verdict.PASS)
    release(chain, sent)
    paid = books.lost(CHARLIE)
    assert paid == 3 * FEE
    attack = "another sends its ciphertext, with any key"
    books.check(VICTIM, attack, REWARD + books.lost(BOB), 0, paid)


@pytest.mark.parametrize("frozen", ["the asset", "another's account"])
def test_a_frozen_reward_waits_and_keeps_nobody_else_waiting(
    chain: Chain, books: Books, frozen: str
) -> None:
    asset = 7
    made = (
        calls.CreateAsset(asset, ALICE.address, 1),
        calls.MintAsset(asset, ALICE.address, 4 * REWARD),
        calls.MintAsset(asset, CHARLIE.address, 1),
    )
    chain.submit(calls.Batch(made), ALICE)
    task = post(chain, slots=2, asset=asset, reward=REWARD)
    both = [deliver(chain, task, key) for key in (BOB, CHARLIE)]
    for sent in both:
        judge(chain, sent, Verdict.PASS)
    whom = None if frozen == "the asset" else CHARLIE.address
    chain.submit(calls.FreezeAsset(asset, whom), ALICE)
    for sent in reversed(both):
        # Everything native is paid, whatever the asset does: fees are, and the bond returns.
        paid = [e for e in release(chain, sent).events if isinstance(e, events.FeePaid)]
        assert len(paid) == 3
        assert ended(chain, sent)[0] is SubmissionStatus.ACCEPTED
    unpaid = [chain.submission(task, sent.index).unpaid for sent in both]
    if whom is None:
        assert unpaid == [True, True]
        # Who takes an asset has to do with its issuer: here that is the creator, who has the key.
        attack = "the reward's issuer freezes it for good (of the asset)"
        books.check(VICTIM, attack, books.lost(BOB) + REWARD, REWARD)
        chain.advance(milliseconds=chain.constants().retention_period + 1)
        with pytest.raises(errors.StillUnpaid):
            chain.submit(calls.Clear(task, both[0].index), VOTERS[0])
    else:
        assert not unpaid[0], "what is wrong with another's account is not its own trouble"
    chain.submit(calls.ThawAsset(asset, whom), ALICE)
    for sent, waits in zip(both, unpaid, strict=True):
        if waits:
            chain.submit(calls.Claim(task, sent.index), VOTERS[0])
    got = chain.asset_balance(asset, BOB.address).free
    assert got == REWARD
    books.check(VICTIM, f"{frozen} is frozen, and thawed later", books.lost(BOB) + REWARD - got)


def test_a_released_key_is_the_creators_alone(chain: Chain, books: Books) -> None:
    sent = deliver(chain, post(chain, slots=1), BOB)
    judge(chain, sent, Verdict.PASS)
    release(chain, sent)
    key = chain.submission(sent.task, sent.index).key
    assert key == wrap(sent.key, READER)
    for reader in (CHARLIE, *MEMBERS):
        with pytest.raises(WrongWrap):
            open_wrap(key, reader.encryption_secret())
    books.check(VICTIM, "others read the released key", REWARD + books.lost(BOB))


def test_a_creator_whose_code_crashes_on_appeal_pays_all_the_same(
    chain: Chain, books: Books
) -> None:
    """Its validator works for the committee, and crashes from tomorrow on."""
    sent = deliver(chain, post(chain, slots=1, challenge_time=HOUR), BOB)
    judge(chain, sent, Verdict.PASS)
    chain.submit(calls.AppealResult(sent.task, sent.index), ALICE)
    give_key(chain, sent)
    vote(chain, sent, lambda member: Verdict.INCONCLUSIVE)
    if chain.submission(sent.task, sent.index).window is Window.RELEASE:
        release(chain, sent)
    lost = REWARD + books.lost(BOB)
    attack = "the creator's code crashes on its appeal"
    books.check(VICTIM, attack, lost, 0, books.lost(ALICE))
