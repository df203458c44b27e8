"""Each fault by name, at each step of a task's life: it ends as if nothing had happened."""

from __future__ import annotations

from functools import cache

import pytest
from faults.life import Life, endure
from faults.plan import LEAPS, Calm, Fault, Once
from market_support import AGGREGATORS, CONTRIBUTORS, CREATOR

from decentralml.chain.keys import development_key
from decentralml.market.elections import vote
from decentralml.market.tokens import transfer
from decentralml.types import UNIT

STEPS = (
    "CreateTask",
    "ShareKey",
    "AcceptTask",
    "SubmitResult",
    "DrawCommittee",
    "HandKey",
    "Commit",
    "Reveal",
    "ReleaseKey",
    "PublishModel",
)
"""The transactions of a life, in order."""
REMOTE: dict[str, tuple[str, Fault]] = {
    "killed-writing-the-note": ("file", Fault.KILLED),
    "killed-before-sending": ("submit", Fault.KILLED),
    "killed-after-sending": ("submit", Fault.KILLED_AFTER),
    "killed-while-waiting": ("wait", Fault.KILLED),
    "killed-when-in-a-block": ("submit", Fault.KILLED_ONCE_IN),
    "disk-full-under-the-note": ("file", Fault.DISK_FULL),
    "message-lost": ("submit", Fault.LOST),
    "message-late": ("submit", Fault.LATE),
    "message-doubled": ("submit", Fault.DOUBLED),
    "answer-lost": ("submit", Fault.CUT),
    "no-answer": ("submit", Fault.SILENCE),
    "transaction-forgotten": ("submit", Fault.FORGOTTEN),
    "node-errs": ("submit", Fault.NONSENSE),
    "node-errs-having-taken-it": ("submit", Fault.NONSENSE_AFTER),
    "node-away": ("submit", Fault.AWAY),
    "node-away-while-waiting": ("wait", Fault.AWAY),
    "node-restarted-without-its-pool": ("wait", Fault.RESTARTED),
    "another-chain-at-the-address": ("submit", Fault.ELSEWHERE),
    "machine-clock-back": ("submit", Fault.WALL_BACK),
    "machine-clock-ahead": ("submit", Fault.WALL_AHEAD),
    "fork": ("wait", Fault.FORKED),
    "fork-losing-transactions": ("submit", Fault.FORKED_FORGETTING),
    "fork-when-in-a-block": ("submit", Fault.FORKED_ONCE_IN),
    "leap-past-a-deadline": ("submit", Fault.LEAP_HOURS),
    "leap-past-the-expiry": ("wait", Fault.LEAP_TASK),
}
"""By name, where a fault strikes and which it is."""
EMBEDDED: dict[str, tuple[str, Fault]] = {
    "killed-writing-the-note": ("file", Fault.KILLED),
    "killed-before-sending": ("embedded", Fault.KILLED),
    "killed-after-sending": ("embedded", Fault.KILLED_AFTER),
    "disk-full-under-the-note": ("file", Fault.DISK_FULL),
    "disk-full-under-the-chain": ("embedded", Fault.CHAIN_FULL),
    "leap-past-a-deadline": ("embedded", Fault.LEAP_HOURS),
}
ANYBODYS = {"DrawCommittee", "ReleaseKey"}
"""What one does not see another about to do: whoever comes second pays a fee for nothing."""
AFRESH = {Fault.FORKED, Fault.FORKED_FORGETTING, Fault.FORKED_ONCE_IN, *LEAPS}
"""After these, some of what was done has to be done anew."""


@cache
def undisturbed(embedded: bool) -> tuple[int, int]:
    """Transactions of a life in which nothing goes wrong, and how many fail: none."""
    return endure(Calm(embedded), small=True).transactions


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("name", REMOTE)
def test_a_life_with_a_node_goes_on_after(name: str, step: str) -> None:
    strikes_once(*REMOTE[name], step, embedded=False)


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("name", EMBEDDED)
def test_a_life_with_a_chain_of_its_own_goes_on_after(name: str, step: str) -> None:
    strikes_once(*EMBEDDED[name], step, embedded=True)


def strikes_once(seam: str, fault: Fault, step: str, embedded: bool) -> None:
    """One fault, once: nothing is lost, nothing is done twice."""
    plan = Once(fault, seam, step, embedded)
    life = endure(plan, small=True)
    assert plan.struck
    if fault not in AFRESH:
        sent, failed = life.transactions
        assert sent - failed == undisturbed(embedded)[0], life.told()
        assert failed == 0 or step in ANYBODYS, life.told()


def test_nothing_fails_where_nothing_goes_wrong() -> None:
    for embedded in (False, True):
        with Life(Calm(embedded)) as life:
            life.live()
            assert life.world.said == []
            assert life.sent()[1] == 0
            life.check()


@pytest.mark.parametrize("name", [name for name in REMOTE if REMOTE[name][1] not in AFRESH])
def test_a_transfer_repeated_until_it_succeeds_arrives_once(name: str) -> None:
    seam, fault = REMOTE[name]
    with Life(Once(fault, seam, "Transfer")) as life:
        world = life.world
        receiver = development_key(CONTRIBUTORS[0]).address
        before = world.observer().balance(receiver).total
        for _ in range(10):
            if world.command(CREATOR, lambda session: transfer(session, receiver, UNIT)):
                break
            world.clock.sleep(20)
        assert world.trace
        world.clock.sleep(60)
        world.clock.sleep(60)
        assert world.observer().balance(receiver).total == before + UNIT


def test_a_fork_at_any_moment_of_a_vote_leaves_it_on_the_chain_or_is_told() -> None:
    bob, told = CONTRIBUTORS[0], []
    candidates = [development_key(name).address for name in AGGREGATORS]
    while True:
        fork = Once(Fault.FORKED_FORGETTING, "request", "Vote", after=len(told))
        with Life(fork) as life:
            world = life.world
            succeeded = world.command(bob, lambda session: vote(session, candidates, UNIT))
            if not fork.struck:
                break
            assert succeeded == (world.observer().ballot(development_key(bob).address) is not None)
            told.append("" if succeeded else world.said[-1])
    assert any("TakenBack: the vote" in each for each in told)
    assert "" in told
