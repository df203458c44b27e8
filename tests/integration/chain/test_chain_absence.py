"""Deadlines that pass, as the client tells of them: only an embedded clock can be moved."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from chain_support import (
    AGGREGATORS,
    ALICE,
    BOB,
    HOUR,
    by_address,
    elect,
    embedded,
    new_home,
    pass_time,
    post,
)
from panel_support import (
    Sent,
    commit,
    deliver,
    draw,
    finding,
    hand_key,
    judge,
    release,
    reveal,
    send,
)

from decentralml.chain import calls, errors, events
from decentralml.chain.api import Chain, Receipt
from decentralml.chain.substrate.accounts import reputation
from decentralml.chain.substrate.client import SubstrateChain
from decentralml.chain.substrate.embedded import EmbeddedTransport
from decentralml.types import (
    Outcome,
    Phase,
    Role,
    SubmissionStatus,
    TaskStatus,
    Verdict,
    Window,
)


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    with embedded(new_home(tmp_path_factory.mktemp("chain"))) as chain:
        elect(chain)
        yield chain


def settle_in_time(chain: Chain, sent: Sent) -> Receipt:
    """Let the present deadline pass, and settle."""
    deadline = chain.submission(sent.task, sent.index).deadline
    assert deadline is not None
    with pytest.raises(errors.NothingToSettle):
        chain.submit(calls.Settle(sent.task, sent.index), ALICE)
    pass_time(chain, deadline)
    return chain.submit(calls.Settle(sent.task, sent.index), ALICE)


def test_a_contributor_that_hands_no_key_loses_its_bond(chain: Chain) -> None:
    sent = send(chain, post(chain, slots=1, expires_at=chain.now() + 24 * HOUR), BOB)
    draw(chain, sent)
    waiting = chain.submission(sent.task, sent.index)
    assert waiting.phase is Phase.SEALING
    expired = settle_in_time(chain, sent).find(events.AssignmentExpired)
    assert expired is not None
    assert expired.forfeited == waiting.bond
    done = chain.submission(sent.task, sent.index)
    assert (done.status, done.bond) == (SubmissionStatus.EXPIRED, 0)
    assert chain.task(sent.task).open_slots == 1


def test_an_absent_member_is_replaced_and_who_replaces_it_needs_the_key(chain: Chain) -> None:
    sent = deliver(chain, post(chain, slots=1, committee_size=1), BOB)
    (seat,) = chain.submission(sent.task, sent.index).committee
    absent = settle_in_time(chain, sent)
    assert absent.find(events.MemberAbsent) == events.MemberAbsent(
        sent.task, sent.index, seat.member
    )
    misconduct = absent.find(events.Misconducted)
    assert misconduct is not None
    assert (misconduct.who, misconduct.misconduct) == (seat.member, "Absent")
    waiting = chain.submission(sent.task, sent.index)
    assert (waiting.phase, waiting.round) == (Phase.DRAWING, 1)
    drawn = draw(chain, sent).find(events.MemberReplaced)
    assert drawn is not None
    assert drawn.absent == seat.member
    (second,) = chain.submission(sent.task, sent.index).committee
    assert second.member == drawn.replacement != seat.member
    assert second.wrap is None
    hand_key(chain, sent)
    judge(chain, sent, Verdict.PASS)
    assert release(chain, sent).find(events.ResultAccepted) is not None


def test_who_does_not_reveal_is_slashed_and_the_others_decide(chain: Chain) -> None:
    sent = deliver(chain, post(chain, slots=1), BOB)
    members = [seat.member for seat in chain.submission(sent.task, sent.index).committee]
    for member in members:
        commit(chain, sent, member, finding(Verdict.PASS))
    for member in members[1:]:
        reveal(chain, sent, member, finding(Verdict.PASS))
    receipt = settle_in_time(chain, sent)
    assert receipt.find(events.MemberUnrevealed) == events.MemberUnrevealed(
        sent.task, sent.index, members[0]
    )
    misconduct = receipt.find(events.Misconducted)
    assert misconduct is not None
    assert misconduct.misconduct == "Unrevealed"
    assert misconduct.slashed == chain.constants().aggregator_bond // 5
    chain.submit(calls.TopUp(), by_address(members[0]))
    paid = [
        event.member for event in release(chain, sent).events if isinstance(event, events.FeePaid)
    ]
    assert paid == members[1:]


def test_a_key_that_nobody_releases_costs_those_who_kept_it(chain: Chain) -> None:
    sent = deliver(chain, post(chain, slots=1), BOB)
    judge(chain, sent, Verdict.PASS)
    receipt = settle_in_time(chain, sent)
    slashed = [event for event in receipt.events if isinstance(event, events.Misconducted)]
    assert [event.misconduct for event in slashed] == ["Withheld"] * 3
    done = chain.submission(sent.task, sent.index)
    assert (done.status, done.outcome) == (SubmissionStatus.REJECTED, Outcome.ACCEPTED)
    for event in slashed:
        chain.submit(calls.TopUp(), by_address(event.who))


def test_a_committee_whose_machines_crash_finds_nothing_and_loses_nothing(chain: Chain) -> None:
    sent = deliver(chain, post(chain, slots=1), BOB)
    receipt = judge(chain, sent, Verdict.CRASHED)
    assert receipt.find(events.Misconducted) is None
    done = chain.submission(sent.task, sent.index)
    assert (done.verdict, done.outcome) == (Verdict.INCONCLUSIVE, Outcome.INCONCLUSIVE)
    assert not any(seat.paid for seat in done.committee)


def test_an_appeal_without_its_key_ends_by_time(chain: Chain) -> None:
    task = post(chain, slots=1, committee_size=1, challenge_time=HOUR)
    sent = deliver(chain, task, BOB)
    judge(chain, sent, Verdict.FAIL)
    waiting = chain.submission(task, sent.index)
    assert (waiting.window, waiting.outcome) == (Window.CHALLENGE, Outcome.FAILED)
    chain.submit(calls.AppealResult(task, sent.index), BOB)
    ended = settle_in_time(chain, sent).find(events.AppealEnded)
    assert ended == events.AppealEnded(task, sent.index, BOB.address, False)
    assert chain.submission(task, sent.index).outcome is Outcome.FAILED


def test_what_has_ended_is_cleared_after_a_while_and_its_deposits_return(chain: Chain) -> None:
    before = {key: chain.balance(key.address).held for key in (ALICE, BOB)}
    sent = deliver(chain, post(chain, slots=1), BOB)
    shares = ((by_address(chain.election().members[0]).address, bytes(80)),)
    chain.submit(calls.ShareKey(sent.task, shares), ALICE)
    judge(chain, sent, Verdict.PASS)
    release(chain, sent)
    task = chain.task(sent.task)
    assert (task.status, task.stored) == (TaskStatus.COMPLETED, 2)
    assert task.ended_at is not None
    chain.submit(calls.ClearAccess(sent.task, (shares[0][0],)), BOB)
    pass_time(chain, task.ended_at + chain.constants().retention_period)
    cleared = chain.submit(calls.Clear(sent.task, sent.index), BOB)
    assert cleared.find(events.SubmissionCleared) is not None
    returned = cleared.find(events.DepositReturned)
    assert returned is not None
    assert returned.who == BOB.address
    chain.submit(calls.Clear(sent.task), BOB)
    with pytest.raises(errors.UnknownTask):
        chain.task(sent.task)
    assert {key: chain.balance(key.address).held for key in (ALICE, BOB)} == before
    assert sent.task not in {each.id for each in chain.tasks()}


@pytest.mark.parametrize("days", [0, 1, 44, 90, 91, 400])
def test_reputations_fade_in_the_client_as_on_the_chain(chain: Chain, days: int) -> None:
    chain.advance(milliseconds=1 + days * 24 * HOUR)
    assert isinstance(chain, SubstrateChain)
    assert isinstance(chain.transport, EmbeddedTransport)
    file, runtime = chain.transport.chain, chain.runtime()
    entry = runtime.entry("Reputation", "Records")
    half_life = chain.constants().half_life
    for key in (ALICE, BOB, *AGGREGATORS):
        for place, role in enumerate(Role):
            stored = runtime.value(
                entry, file.storage(runtime.key(entry, key.public_key, role.value))
            )
            found = reputation(role, stored, file.now(), half_life)
            asked = key.public_key + bytes([place])
            known = runtime.codec.decode(entry.value, file.call("ReputationApi_record", asked))
            for count in ("accepted", "rejected", "expired", "overturned", "earned"):
                assert getattr(found, count) == known[count]
            standing = file.call("ReputationApi_standing", asked)
            assert found.standing == int.from_bytes(standing, "little")
            assert chain.reputation(key.address, role).earned == found.earned
