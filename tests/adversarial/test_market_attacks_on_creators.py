"""What a creator can lose through the misconduct of others, in planck: attack by attack.

The bounds are those of "What the protocol promises" in ``docs/protocol.md``. What a creator pays
for a good result whose key it has is its price and no loss; all that it pays for junk is.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import comb
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
    looking,
    members,
    print_table,
    settle,
    unless,
    vote,
)
from chain_support import ALICE, BOB, CHARLIE, HOUR, by_address, encryption_key, post
from panel_support import DIGEST, Sent, deliver, draw, judge, release, send

from decentralml.bundles.wraps import WRAP_BYTES, wrap
from decentralml.chain import calls, errors
from decentralml.chain.api import Chain
from decentralml.chain.commitment import gold_commitment
from decentralml.learning.replay.order import order_seed
from decentralml.types import (
    Gold,
    Outcome,
    Replay,
    SubmissionStatus,
    TaskId,
    TaskStatus,
    Trace,
    Verdict,
    Window,
)

VICTIM = "creator"
PRICE = REWARD + 3 * FEE
"""Of one result, with the fees of its committee."""
TRACE = Trace(bytes(range(32)), 40)


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


def withdrawn(chain: Chain, task: TaskId) -> None:
    """Have the creator take back what is open: nothing of it is held any more."""
    if chain.task(task).status is not TaskStatus.COMPLETED:
        chain.submit(calls.WithdrawTask(task), ALICE)
    assert "market.Escrow" not in chain.balance(ALICE.address).held


def hand(chain: Chain, sent: Sent, good: set[str]) -> None:
    """Give the key to some members of the panel, and garbage to the others."""
    garbage = bytes(WRAP_BYTES)
    wraps = tuple(
        (
            seat.member,
            wrap(sent.key, encryption_key(by_address(seat.member)))
            if seat.member in good
            else garbage,
        )
        for seat in chain.submission(sent.task, sent.index).panel
        if seat.wrap is None
    )
    chain.submit(calls.HandKey(sent.task, sent.index, wraps), sent.contributor)


def test_junk_is_paid_for_by_who_sent_it(chain: Chain, books: Books) -> None:
    sent = deliver(chain, day(chain), BOB)
    vote(chain, sent, looking(chain, sent, Verdict.FAIL))
    withdrawn(chain, sent.task)
    paid = books.lost(BOB)
    assert paid == 3 * FEE
    books.check(VICTIM, "junk, or the base model sent back", books.lost(ALICE), 0, paid)


@pytest.mark.parametrize("handing", ["nothing", "a key of its own"])
def test_the_ciphertext_of_another_is_paid_for_by_who_sent_it(
    chain: Chain, books: Books, handing: str
) -> None:
    task = day(chain, slots=2)
    original = send(chain, task, BOB)
    seen = chain.submission(task, original.index)
    assert seen.result is not None and seen.seal is not None
    chain.submit(calls.AcceptTask(task), CHARLIE)
    chain.submit(calls.SubmitResult(task, seen.result, DIGEST, seen.seal), CHARLIE)
    copy = Sent(task, original.index + 1, CHARLIE, bytes(32))
    draw(chain, copy)
    if handing == "nothing":
        settle(chain, copy)
    else:
        give_key(chain, copy)
        vote(chain, copy, looking(chain, copy, Verdict.PASS))
    assert chain.submission(task, copy.index).status in (
        SubmissionStatus.EXPIRED,
        SubmissionStatus.REJECTED,
    )
    chain.submit(calls.WithdrawTask(task), ALICE)
    held = chain.balance(ALICE.address).held["market.Escrow"]
    assert held == PRICE, "for the original, which goes on"
    paid = books.lost(CHARLIE)
    assert paid == (BOND if handing == "nothing" else 3 * FEE)
    attack = f"the ciphertext of another, handing {handing}"
    books.check(VICTIM, attack, books.lost(ALICE), 0, paid)


@pytest.mark.parametrize("friendly", [1, 2], ids=["a minority", "most"])
def test_a_key_for_friends_and_garbage_for_the_others_fails(
    chain: Chain, books: Books, friendly: int
) -> None:
    """Friends say Pass whatever they see; where they are most, the creator appeals."""
    sent = send(chain, day(chain, challenge_time=HOUR), BOB)
    draw(chain, sent)
    friends = set(members(chain, sent)[:friendly])
    hand(chain, sent, friends)
    look = looking(chain, sent, Verdict.PASS)
    vote(chain, sent, lambda member: Verdict.PASS if member in friends else look(member))
    passed = chain.submission(sent.task, sent.index).outcome is Outcome.ACCEPTED
    assert passed == (friendly == 2)
    if passed:
        # One honest Fail is the creator's sign. The jury's committee keeps its old wraps.
        chain.submit(calls.AppealResult(sent.task, sent.index), ALICE)
        give_key(chain, sent)
        look = looking(chain, sent, Verdict.PASS)
        vote(chain, sent, lambda member: Verdict.PASS if member in friends else look(member))
    else:
        settle(chain, sent)
    assert chain.submission(sent.task, sent.index).outcome is Outcome.FAILED
    withdrawn(chain, sent.task)
    paid = books.lost(BOB, *map(by_address, friends))
    assert paid > 0
    attack = f"the key for {friendly} of 3 friends, garbage for the others"
    books.check(VICTIM, attack, books.lost(ALICE), 0, paid)


def test_trying_for_a_committee_of_friends_costs_a_bond_each_time(
    chain: Chain, books: Books
) -> None:
    task = day(chain)
    for _ in range(3):
        sent = send(chain, task, BOB)
        draw(chain, sent)
        settle(chain, sent)
        assert chain.submission(task, sent.index).status is SubmissionStatus.EXPIRED
    withdrawn(chain, task)
    paid = books.lost(BOB)
    assert paid == 3 * BOND
    books.check(VICTIM, "three committees refused the key", books.lost(ALICE), 0, paid)


def test_a_result_is_not_hidden_from_the_jury_that_friends_passed(
    chain: Chain, books: Books
) -> None:
    sent = deliver(chain, day(chain, challenge_time=HOUR), BOB)
    friends = members(chain, sent)[:2]
    vote(chain, sent, unless(friends, Verdict.FAIL))
    assert chain.submission(sent.task, sent.index).outcome is Outcome.ACCEPTED
    chain.submit(calls.AppealResult(sent.task, sent.index), ALICE)
    settle(chain, sent)  # no key for the jury
    assert chain.submission(sent.task, sent.index).status is SubmissionStatus.EXPIRED
    withdrawn(chain, sent.task)
    paid = books.lost(BOB, *map(by_address, friends))
    assert paid == BOND
    attack = "2 of 3 pass junk; its key is kept from the jury"
    books.check(VICTIM, attack, books.lost(ALICE), 0, paid)


def test_friends_that_pass_junk_are_overturned(chain: Chain, books: Books) -> None:
    sent = deliver(chain, day(chain, challenge_time=HOUR), BOB)
    friends = members(chain, sent)[:2]
    vote(chain, sent, unless(friends, Verdict.FAIL))
    chain.submit(calls.AppealResult(sent.task, sent.index), ALICE)
    give_key(chain, sent)
    vote(chain, sent, unless(friends, Verdict.FAIL))
    withdrawn(chain, sent.task)
    paid = books.lost(BOB, *map(by_address, friends))
    assert paid >= chain.constants().aggregator_bond
    books.check(VICTIM, "2 of 3 pass junk; an appeal", books.lost(ALICE), 0, paid)


@pytest.mark.parametrize("bought", [2, 3], ids=["most, no challenge time", "all"])
def test_a_bought_committee_takes_one_price(chain: Chain, books: Books, bought: int) -> None:
    """What the attack takes where it works. How often that is, the draw decides: with three of
    seven in office bought, all seats with probability 1/35, most with 13/35."""
    challenge = HOUR if bought == 3 else 0
    sent = deliver(chain, day(chain, challenge_time=challenge), BOB)
    friends = members(chain, sent)[:bought]
    vote(chain, sent, unless(friends, Verdict.FAIL))
    if challenge:
        settle(chain, sent)  # nobody has told the creator
    assert chain.submission(sent.task, sent.index).window is Window.RELEASE
    release(chain, sent)
    withdrawn(chain, sent.task)
    lost = books.lost(ALICE)
    assert lost == REWARD + bought * FEE
    ways = comb(3, 3) if bought == 3 else comb(3, 3) + comb(3, 2) * comb(4, 1)
    attack = f"the contributor bought {bought} of 3 seats (odds {ways}/{comb(7, 3)})"
    books.check(VICTIM, attack, lost, PRICE)


@pytest.mark.parametrize("ending", ["deadline", "abandon"])
def test_a_contributor_that_sends_nothing_costs_nothing(
    chain: Chain, books: Books, ending: str
) -> None:
    task = day(chain)
    chain.submit(calls.AcceptTask(task), BOB)
    if ending == "deadline":
        settle(chain, Sent(task, 0, BOB, b""))
    else:
        chain.advance(milliseconds=HOUR // 2)
        chain.submit(calls.Abandon(task), BOB)
    withdrawn(chain, task)
    paid = books.lost(BOB)
    assert paid >= BOND // 2
    attack = f"a slot taken, nothing sent, until its {ending}"
    books.check(VICTIM, attack, books.lost(ALICE), 0, paid)


def test_a_key_that_is_never_released_is_never_paid_for(chain: Chain, books: Books) -> None:
    sent = deliver(chain, day(chain), BOB)
    judge(chain, sent, Verdict.PASS)
    settle(chain, sent)
    withdrawn(chain, sent.task)
    paid = books.lost(*(by_address(member) for member in members(chain, sent)))
    assert paid == 3 * chain.constants().aggregator_bond // 5
    books.check(VICTIM, "contributor and members keep the key", books.lost(ALICE), 0, paid)


def test_a_worthless_key_cannot_be_released(chain: Chain, books: Books) -> None:
    sent = deliver(chain, day(chain), BOB)
    judge(chain, sent, Verdict.PASS)
    for wrapped in (bytes(WRAP_BYTES), wrap(bytes(32), bytes(31) + b"\x09")):
        with pytest.raises(errors.WrongKey):
            chain.submit(calls.ReleaseKey(sent.task, sent.index, wrapped), BOB)
    settle(chain, sent)
    withdrawn(chain, sent.task)
    books.check(VICTIM, "another key is released than was promised", books.lost(ALICE))


def test_a_result_that_crashes_the_tasks_code_costs_the_fees(chain: Chain, books: Books) -> None:
    sent = deliver(chain, day(chain), BOB)
    judge(chain, sent, Verdict.INCONCLUSIVE)
    withdrawn(chain, sent.task)
    lost = books.lost(ALICE)
    assert lost == 3 * FEE
    books.check(VICTIM, "the task's own code crashes on a result", lost, 3 * FEE)


def test_results_that_crash_the_tasks_code_cost_what_the_slots_hold_for_it(
    chain: Chain, books: Books
) -> None:
    """Each closes its slot, so that a contributor can use a task up but not drain its creator."""
    task = day(chain, slots=2)
    for _ in range(2):
        judge(chain, deliver(chain, task, BOB), Verdict.INCONCLUSIVE)
    with pytest.raises(errors.TaskCompleted):
        chain.submit(calls.AcceptTask(task), BOB)
    attack = "the same for all slots, by one contributor"
    books.check(VICTIM, attack, books.lost(ALICE), 2 * 3 * FEE, books.lost(BOB))


def test_one_training_sent_twice_is_found_where_it_is_replayed(chain: Chain, books: Books) -> None:
    task = day(chain, slots=2, replay=Replay(40, 4))
    first, second = (deliver(chain, task, key, TRACE) for key in (BOB, CHARLIE))
    orders = []
    for sent in (first, second):
        after = chain.block_hash(chain.submission(task, sent.index).accepted_in + 1)
        assert after is not None
        orders.append(order_seed(after, task, sent.index))
    # Both runs are the same, and can follow one order of the data only: the first one's.
    followed = orders[0]
    for sent, order in zip((first, second), orders, strict=True):
        found = Verdict.PASS if order == followed else Verdict.FAIL
        vote(chain, sent, looking(chain, sent, found))
    release(chain, first)
    withdrawn(chain, task)
    lost = books.lost(ALICE) - PRICE
    paid = books.lost(CHARLIE)
    assert paid == 3 * FEE
    books.check(VICTIM, "one training from two accounts, replayed", lost, 0, paid)


def test_one_training_sent_twice_is_paid_twice_where_nothing_is_replayed(
    chain: Chain, books: Books
) -> None:
    task = day(chain, slots=2)
    for key in (BOB, CHARLIE):
        sent = deliver(chain, task, key)
        vote(chain, sent, looking(chain, sent, Verdict.PASS))
        release(chain, sent)
    withdrawn(chain, task)
    lost = books.lost(ALICE) - PRICE
    books.check(VICTIM, "one training from two accounts, not replayed", lost, PRICE)


def test_a_contributor_that_appeals_against_every_fail_pays_for_it(
    chain: Chain, books: Books
) -> None:
    sent = deliver(chain, day(chain, challenge_time=HOUR), BOB)
    vote(chain, sent, looking(chain, sent, Verdict.FAIL))
    chain.submit(calls.AppealResult(sent.task, sent.index), BOB)
    give_key(chain, sent)
    vote(chain, sent, looking(chain, sent, Verdict.FAIL))
    withdrawn(chain, sent.task)
    paid = books.lost(BOB)
    assert paid == 3 * FEE + JURY_FEES
    books.check(VICTIM, "the contributor appeals against a right Fail", books.lost(ALICE), 0, paid)


def test_a_lazy_majority_is_found_out_by_gold(chain: Chain, books: Books) -> None:
    """The creator plants junk by an account of its own; two of three pass it unseen."""
    gold = Gold(CHARLIE.address, Verdict.FAIL, 0, 100_000, bytes(range(32)))
    task = day(chain, challenge_time=HOUR, golds=(gold_commitment(gold),))
    sent = deliver(chain, task, CHARLIE)
    lazy = members(chain, sent)[:2]
    vote(chain, sent, unless(lazy, Verdict.FAIL))
    chain.submit(calls.OpenGold(task, sent.index, gold), ALICE)
    give_key(chain, sent)
    vote(chain, sent, lambda member: Verdict.FAIL)
    withdrawn(chain, task)
    paid = books.lost(*map(by_address, lazy))
    assert paid > 0
    # What its own account's bond pays is the fee of the member that looked.
    attack = "2 of 3 pass a planted result unseen"
    books.check(VICTIM, attack, books.lost(ALICE, CHARLIE), 3 * FEE, paid)


def test_a_contributor_in_office_never_judges_its_own_result(chain: Chain, books: Books) -> None:
    sent = deliver(chain, day(chain, committee_size=7, bond=7 * FEE), MEMBERS[0])
    assert MEMBERS[0].address not in members(chain, sent)
    vote(chain, sent, looking(chain, sent, Verdict.FAIL))
    withdrawn(chain, sent.task)
    paid = books.lost(MEMBERS[0])
    books.check(VICTIM, "junk by a member in office", books.lost(ALICE), 0, paid)
