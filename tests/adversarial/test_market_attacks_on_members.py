"""What a panel's member can lose through the misconduct of others, in planck; what silence costs.

The bounds are those of "What the protocol promises" in ``docs/protocol.md``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from attack_support import (
    BOND,
    FEE,
    JURY_FEES,
    MEMBERS,
    Books,
    Row,
    elected,
    give_key,
    looking,
    members,
    print_table,
    settle,
    unless,
    vote,
)
from chain_support import ALICE, BOB, CHARLIE, HOUR, VOTERS, by_address, pass_time, post
from panel_support import (
    SALT,
    Sent,
    commit,
    deliver,
    draw,
    finding,
    judge,
    release,
    reveal,
    send,
)

from decentralml.chain import calls, errors
from decentralml.chain.api import Chain, Constants
from decentralml.chain.commitment import commitment, gold_commitment
from decentralml.types import (
    PPM,
    Gold,
    Outcome,
    Phase,
    TaskId,
    ValidationStrategy,
    Verdict,
    Window,
)

VICTIM = "member"
MANUAL = ValidationStrategy.MANUAL_ACCEPT


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


def day(chain: Chain, **terms: object) -> TaskId:
    """A task of one slot that lives longer than any deadline of its results."""
    return post(chain, **{"slots": 1, "expires_at": chain.now() + 48 * HOUR, **terms})


def test_who_copies_a_commitment_cannot_open_it(chain: Chain, books: Books) -> None:
    sent = deliver(chain, day(chain), BOB)
    victim, copier, third = members(chain, sent)
    found = finding(Verdict.PASS)
    commit(chain, sent, victim, found)
    seen = chain.submission(sent.task, sent.index).committee[0].commitment
    assert seen is not None
    chain.submit(calls.Commit(sent.task, sent.index, seen), by_address(copier))
    commit(chain, sent, third, found)
    reveal(chain, sent, victim, found)
    with pytest.raises(errors.CommitmentMismatch):
        reveal(chain, sent, copier, found)  # the very words and salt of the other
    reveal(chain, sent, third, found)
    settle(chain, sent)
    release(chain, sent)
    paid = books.lost(by_address(copier))
    assert paid == chain.constants().aggregator_bond // 5
    lost = FEE + books.lost(by_address(victim))
    books.check(VICTIM, "another copies its commitment", lost, 0, paid)


def test_who_reveals_something_else_than_it_committed_to_is_slashed(
    chain: Chain, books: Books
) -> None:
    sent = deliver(chain, day(chain), BOB)
    *victims, turncoat = members(chain, sent)
    for member in members(chain, sent):
        said = Verdict.FAIL if member == turncoat else Verdict.PASS
        commit(chain, sent, member, finding(said))
    for member in victims:
        reveal(chain, sent, member, finding(Verdict.PASS))
    # It has seen what the others said, and would rather have said so, too.
    for wanted in (finding(Verdict.PASS), replace(finding(Verdict.FAIL), score=1)):
        with pytest.raises(errors.CommitmentMismatch):
            reveal(chain, sent, turncoat, wanted)
    settle(chain, sent)
    release(chain, sent)
    paid = books.lost(by_address(turncoat))
    assert paid == chain.constants().aggregator_bond // 5
    lost = 2 * FEE + books.lost(*map(by_address, victims))
    books.check(VICTIM, "another reveals something else than it said", lost, 0, paid)


def test_members_whose_colleagues_are_silent_are_paid(chain: Chain, books: Books) -> None:
    sent = deliver(chain, day(chain), BOB)
    victim = members(chain, sent)[0]
    commit(chain, sent, victim, finding(Verdict.PASS))
    settle(chain, sent)
    draw(chain, sent)
    give_key(chain, sent)
    settle(chain, sent)
    reveal(chain, sent, victim, finding(Verdict.PASS))
    release(chain, sent)
    lost = FEE + books.lost(by_address(victim))
    books.check(VICTIM, "all others are silent, twice", lost)


def test_an_outvoted_member_goes_without_its_fee(chain: Chain, books: Books) -> None:
    sent = deliver(chain, day(chain), BOB)
    *friends, victim = members(chain, sent)
    vote(chain, sent, unless(friends, Verdict.FAIL))
    release(chain, sent)
    lost = FEE + books.lost(by_address(victim))
    books.check(VICTIM, "2 of 3 lie, no challenge time", lost, FEE)


def test_an_outvoted_member_is_paid_once_all_in_office_agree_with_it(
    chain: Chain, books: Books
) -> None:
    sent = deliver(chain, day(chain, challenge_time=HOUR), BOB)
    *friends, victim = members(chain, sent)
    vote(chain, sent, unless(friends, Verdict.FAIL))
    chain.submit(calls.AppealResult(sent.task, sent.index), ALICE)
    give_key(chain, sent)
    vote(chain, sent, unless(friends, Verdict.FAIL))
    lost = 2 * FEE + books.lost(by_address(victim))
    paid = books.lost(*map(by_address, friends))
    books.check(VICTIM, "2 of 3 lie; an appeal", lost, 0, paid)


def test_a_score_that_two_made_up_costs_the_third_its_fee(chain: Chain, books: Books) -> None:
    sent = deliver(chain, day(chain), BOB)
    *friends, victim = members(chain, sent)
    found = finding(Verdict.PASS)
    made_up = replace(found, score=PPM // 2)
    vote(chain, sent, lambda member: made_up if member in friends else found)
    release(chain, sent)
    lost = FEE + books.lost(by_address(victim))
    books.check(VICTIM, "2 of 3 pass it with a score of their own", lost, FEE)


def test_a_contributor_cannot_have_members_blamed_for_its_key(chain: Chain, books: Books) -> None:
    sent = deliver(chain, day(chain), BOB)
    judge(chain, sent, Verdict.PASS)
    # The contributor keeps its key: one member that does its duty is enough.
    call = calls.ReleaseKey(sent.task, sent.index, sent.release)
    chain.submit(call, by_address(members(chain, sent)[0]))
    lost = 3 * FEE + books.lost(*map(by_address, members(chain, sent)))
    books.check(VICTIM, "the contributor keeps its key", lost)


def test_who_did_not_pass_a_result_is_not_blamed_for_its_key(chain: Chain, books: Books) -> None:
    sent = deliver(chain, day(chain), BOB)
    *friends, victim = members(chain, sent)
    vote(chain, sent, unless(friends, Verdict.FAIL))
    settle(chain, sent)
    paid = books.lost(*map(by_address, friends))
    assert paid == 2 * chain.constants().aggregator_bond // 5
    attack = "2 of 3 pass what has no good key"
    books.check(VICTIM, attack, books.lost(by_address(victim)), 0, paid)


def test_a_creator_that_appeals_against_a_right_pass_slashes_nobody(
    chain: Chain, books: Books
) -> None:
    sent = deliver(chain, day(chain, challenge_time=HOUR), BOB)
    judge(chain, sent, Verdict.PASS)
    chain.submit(calls.AppealResult(sent.task, sent.index), ALICE)
    give_key(chain, sent)
    vote(chain, sent, lambda member: Verdict.PASS)
    release(chain, sent)
    due = JURY_FEES + 3 * FEE
    attack = "the creator appeals against a right Pass"
    books.check(VICTIM, attack, due + books.lost(*MEMBERS))


def test_a_false_gold_slashes_nobody(chain: Chain, books: Books) -> None:
    lie = Gold(BOB.address, Verdict.FAIL, 0, PPM, bytes(32))
    task = day(chain, challenge_time=HOUR, golds=(gold_commitment(lie),))
    sent = deliver(chain, task, BOB)
    judge(chain, sent, Verdict.PASS)
    chain.submit(calls.OpenGold(task, sent.index, lie), ALICE)
    give_key(chain, sent)
    vote(chain, sent, lambda member: Verdict.PASS)
    release(chain, sent)
    due = JURY_FEES + 3 * FEE
    books.check(VICTIM, "the creator plants a lie", due + books.lost(*MEMBERS))


@pytest.mark.parametrize("friendly", [1, 3], ids=["one", "three of seven"])
def test_an_appeal_with_a_minority_of_the_office_slashes_nobody_honest(
    chain: Chain, books: Books, friendly: int
) -> None:
    """The contributor's friends say Pass to junk that an honest committee failed."""
    sent = deliver(chain, day(chain, challenge_time=HOUR), BOB)
    committee = members(chain, sent)
    judge(chain, sent, Verdict.FAIL)
    chain.submit(calls.AppealResult(sent.task, sent.index), BOB)
    give_key(chain, sent)
    friends = [key.address for key in MEMBERS if key.address not in committee][:friendly]
    vote(chain, sent, unless(friends, Verdict.FAIL))
    honest = [key for key in MEMBERS if key.address not in friends]
    due = 3 * FEE + len(honest) * FEE
    attack = f"an appeal against a right Fail, {friendly} of 7 bought"
    books.check(VICTIM, attack, due + books.lost(*honest), 0, books.lost(BOB))


def test_a_creator_whose_code_crashes_on_appeal_slashes_nobody(chain: Chain, books: Books) -> None:
    """Its validator works for the committee, and crashes from tomorrow on: an honest jury can only
    say Inconclusive, which proves nothing against those who said Pass."""
    sent = deliver(chain, day(chain, challenge_time=HOUR), BOB)
    judge(chain, sent, Verdict.PASS)
    chain.submit(calls.AppealResult(sent.task, sent.index), ALICE)
    give_key(chain, sent)
    vote(chain, sent, lambda member: Verdict.INCONCLUSIVE)
    lost = books.lost(*map(by_address, members(chain, sent)))
    books.check(VICTIM, "the creator's code crashes on its appeal", lost, 0, books.lost(ALICE))


def test_a_gold_within_the_tolerance_slashes_nobody(chain: Chain, books: Books) -> None:
    """All are honest, on machines that differ in the last digit; the creator has picked that of
    the jury's."""
    found = finding(Verdict.PASS)
    close = replace(found, score=found.score - 1)
    narrow = Gold(CHARLIE.address, Verdict.PASS, close.score, close.score, bytes(32))
    task = day(chain, challenge_time=HOUR, golds=(gold_commitment(narrow),))
    sent = deliver(chain, task, CHARLIE)
    vote(chain, sent, lambda member: found)
    judges = [by_address(member) for member in members(chain, sent)]
    try:
        chain.submit(calls.OpenGold(task, sent.index, narrow), ALICE)
    except errors.GoldAgrees:
        pass  # as it should: the committee's score is within the tolerance of it
    else:
        give_key(chain, sent)
        vote(chain, sent, lambda member: close)
    lost = books.lost(*judges)
    attack = "a gold that is narrower than the tolerance"
    books.check(VICTIM, attack, lost, 0, books.lost(ALICE))


def test_commitments_cannot_be_guessed_from_the_few_findings_there_are(
    chain: Chain, books: Books
) -> None:
    sent = deliver(chain, day(chain), BOB)
    victim, *others = members(chain, sent)
    found = finding(Verdict.PASS)
    own_salt = bytes(reversed(SALT))
    hashed = commitment(sent.task, sent.index, by_address(victim).address, found, own_salt)
    chain.submit(calls.Commit(sent.task, sent.index, hashed), by_address(victim))
    address = by_address(victim).address
    guesses = (
        commitment(sent.task, sent.index, address, replace(found, score=score), SALT)
        for score in (found.score, 0, PPM)
    )
    assert hashed not in set(guesses), "right words, but no salt"
    with pytest.raises(errors.NotRevealing):
        chain.submit(calls.Reveal(sent.task, sent.index, found, own_salt), by_address(victim))
    for member in others:
        commit(chain, sent, member, found)
        if member == others[0]:
            with pytest.raises(errors.NotRevealing):
                reveal(chain, sent, member, found)
    chain.submit(calls.Reveal(sent.task, sent.index, found, own_salt), by_address(victim))
    for member in others:
        reveal(chain, sent, member, found)
    release(chain, sent)
    lost = FEE + books.lost(by_address(victim))
    books.check(VICTIM, "others guess at its commitment", lost)


@dataclass(frozen=True)
class Silence:
    """Who says nothing, and for how long others wait at most."""

    who: str
    period: Callable[[Constants], int]
    begin: Callable[[Chain], Sent]


def accepted(chain: Chain) -> Sent:
    task = day(chain)
    chain.submit(calls.AcceptTask(task), BOB)
    return Sent(task, 0, BOB, b"")


def drawn(chain: Chain) -> Sent:
    sent = send(chain, day(chain), BOB)
    draw(chain, sent)
    return sent


def revealing(chain: Chain) -> Sent:
    sent = deliver(chain, day(chain), BOB)
    for member in members(chain, sent):
        commit(chain, sent, member, finding(Verdict.PASS))
    assert chain.submission(sent.task, sent.index).phase is Phase.REVEALING
    return sent


def judged(chain: Chain, **terms: object) -> Sent:
    sent = deliver(chain, day(chain, **terms), BOB)
    judge(chain, sent, Verdict.PASS)
    return sent


SILENCES = (
    Silence("the contributor sends nothing", lambda c: HOUR, accepted),
    Silence("nobody draws", lambda c: c.draw_period, lambda chain: send(chain, day(chain), BOB)),
    Silence("the contributor hands no key", lambda c: c.sealing_period, drawn),
    Silence(
        "no member commits",
        lambda c: c.commit_period,
        lambda chain: deliver(chain, day(chain), BOB),
    ),
    Silence("no member reveals", lambda c: c.reveal_period, revealing),
    Silence(
        "the creator does not decide", lambda c: HOUR, lambda chain: judged(chain, strategy=MANUAL)
    ),
    Silence(
        "nobody appeals", lambda c: HOUR // 2, lambda chain: judged(chain, challenge_time=HOUR // 2)
    ),
    Silence("nobody releases the key", lambda c: c.release_period, judged),
)


@pytest.mark.parametrize("silence", SILENCES, ids=lambda silence: silence.who)
def test_silence_costs_one_deadline(chain: Chain, books: Books, silence: Silence) -> None:
    sent = silence.begin(chain)
    before = chain.submission(sent.task, sent.index)
    assert before.deadline is not None
    wait = before.deadline - chain.now()
    pass_time(chain, before.deadline)
    chain.submit(calls.Settle(sent.task, sent.index), VOTERS[0])  # who is no party to it
    after = chain.submission(sent.task, sent.index)
    state = (before.status, before.phase, before.window, before.round)
    assert (after.status, after.phase, after.window, after.round) != state
    books.check("anyone", silence.who, wait, silence.period(chain.constants()), unit=HOUR)


def test_one_stuck_result_holds_up_no_other(chain: Chain, books: Books) -> None:
    """Of two results of one task one waits for a silent creator; the other is paid meanwhile."""
    task = day(chain, slots=2, strategy=MANUAL)
    stuck, other = deliver(chain, task, BOB), deliver(chain, task, CHARLIE)
    for sent in (stuck, other):
        vote(chain, sent, looking(chain, sent, Verdict.PASS))
    chain.submit(calls.AcceptResult(task, other.index), ALICE)
    release(chain, other)
    assert chain.submission(task, stuck.index).window is Window.REVIEW
    assert chain.submission(task, other.index).outcome is not Outcome.FAILED
    reward = chain.task(task).terms.reward
    books.check("contributor", "another's result is stuck", reward + books.lost(CHARLIE))
    assert books.lost(BOB) == 0
    assert chain.balance(BOB.address).held["market.Bond"] == BOND
