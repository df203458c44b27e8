"""What goes wrong in a swarm, and what happens then: nobody hangs, all have one model."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from swarm_support import (
    NAMES,
    SPECS,
    Crowd,
    Killed,
    Member,
    Saboteur,
    crowd,
    killed,
    once,
    together,
    until,
    values,
    write_model,
)

from decentralml.chain.api import Chain
from decentralml.chain.swarm.calls import Arrive, Publish, RevokeSeat
from decentralml.chain.swarm.words import Fault, Presence
from decentralml.errors import NodeRefused, NodeUnreachable, NotRegistered
from decentralml.learning.tensors import TensorWriter
from decentralml.swarm.leading import Leader
from decentralml.swarm.link import Link, Synced


def update(member: Member, value: float, name: str = "update") -> Path:
    return write_model(member.home.updates / f"{name}-{value}.safetensors", value)


def sync(member: Member, value: float, deadline: float | None = 50.0) -> Synced:
    """One training process that begins, syncs once, and goes."""
    with member.link() as link:
        link.begin()
        return link.sync(update(member, value), deadline=deadline)


def sabotaged(swarm: Crowd, on: Callable[[Any], Any]) -> Callable[[], Chain]:
    return lambda: cast(Chain, Saboteur(swarm.connect(), on))


def two(swarm: Crowd) -> list[Callable[[], Synced]]:
    """The first two members' parts in a round: their mean is 2."""
    first, second = swarm.members[:2]
    return [lambda: sync(first, 1.0), lambda: sync(second, 3.0)]


def one_model(found: list[Synced]) -> set[float]:
    assert len({each.path.read_bytes() for each in found}) == 1
    return values(found[0].path)


@pytest.fixture
def swarm(tmp_path: Path) -> Any:
    with crowd(tmp_path, 3, start=False, min_peers=2, leader_timeout=4000) as found:
        yield found


# -- a node is killed


@pytest.mark.parametrize("when", ["collecting", "merging", "publishing"])
def test_a_leader_that_is_killed_is_replaced(
    swarm: Crowd, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    """Whoever leads first is killed; the others go on with its update, and it comes back."""
    dead: list[str] = []
    lock = threading.Lock()

    def die(member: Member) -> None:
        with lock:
            if dead:
                return
            dead.append(member.name)
        raise Killed

    attribute = {"collecting": "_gather", "merging": "_merge"}.get(when)
    if attribute is not None:
        real = getattr(Leader, attribute)

        def deadly(leader: Leader, *args: Any) -> Any:
            key = leader.newest.board.key
            die(next(m for m in swarm.members if m.key.address == key.address))
            return real(leader, *args)

        monkeypatch.setattr(Leader, attribute, deadly)
    for member in swarm.members:
        if when == "publishing":

            def on(call: Any, member: Member = member) -> Any:
                if isinstance(call, Publish):
                    die(member)
                return call

            member.connect = sabotaged(swarm, on)
        member.start()

    def restart() -> None:
        until(lambda: bool(dead))
        fallen = swarm.member(dead[0])
        until(lambda: fallen.failure is not None)
        assert isinstance(fallen.failure, Killed)
        until(lambda: swarm.chain.swarm(swarm.swarm).newest is not None)
        fallen.start()

    syncs = [lambda m=m, n=n: sync(m, float(n)) for n, m in enumerate(swarm.members, 1)]
    *found, _ = together([*syncs, restart])
    # The fallen leader's update was on the chain and on its shelf; its server was away.
    merged = one_model(found)
    assert merged in ({2.0}, {1.5}, {2.5}), "of all three, or of the two that were there"
    record = swarm.chain.swarm(swarm.swarm)
    assert record.newest is not None and record.newest.round == 1
    assert NAMES[record.newest.leader] != dead[0]


def test_a_node_killed_before_and_after_it_arrives_counts_once(swarm: Crowd) -> None:
    for member in swarm.members[1:]:
        member.start()
    victim = swarm.members[0]
    victim.connect = sabotaged(swarm, once(Arrive, killed))
    victim.start()
    found: list[Synced] = []

    def train() -> None:
        found.append(sync(victim, 6.0))

    training = threading.Thread(target=train, daemon=True)
    training.start()
    until(lambda: isinstance(victim.failure, Killed))
    victim.connect = None
    victim.start()  # the training process finds it again, and its update arrives
    until(lambda: "arrived" in victim.log.names())
    victim.end()
    victim.start()  # once more, after it has arrived
    found += together([lambda m=m: sync(m, 3.0) for m in swarm.members[1:]])
    training.join(40)
    assert one_model(found) == {4.0}
    assert all(each.merged == 3 and each.counted for each in found)


# -- the chain, and time


def test_a_chain_that_is_down_is_waited_for(swarm: Crowd) -> None:
    gone = threading.Event()

    class Flaky(Saboteur):
        def __getattr__(self, name: str) -> Any:
            if gone.is_set():
                raise NodeUnreachable("ws://chain", "it is down")
            return super().__getattr__(name)

    def connect() -> Chain:
        if gone.is_set():
            raise NodeUnreachable("ws://chain", "it is down")
        return cast(Chain, Flaky(swarm.connect(), lambda call: call))

    for member in swarm.members:
        member.connect = connect
        member.start()
    told: list[str] = []

    def first() -> Synced:
        member = swarm.members[0]
        with member.link() as link:
            link.begin()
            return link.sync(update(member, 1.0), deadline=50, told=told.append)

    def outage() -> None:
        until(lambda: "arrived" in swarm.members[0].log.names())
        gone.set()
        until(lambda: any("it is down" in text for text in told))
        gone.clear()

    syncs = [lambda m=m: sync(m, 4.0) for m in swarm.members[1:]]
    one, _, *others = together([first, outage, *syncs])
    assert one_model([one, *others]) == {3.0}
    assert "back" in swarm.members[0].log.names()


def test_below_its_minimum_a_round_waits_and_says_for_whom(swarm: Crowd) -> None:
    alone = swarm.members[0].start()
    told: list[str] = []
    with alone.link() as link:
        link.begin()
        with pytest.raises(NodeRefused) as caught:
            link.sync(update(alone, 1.0), deadline=2.0, told=told.append)
        assert caught.value.kind == "SyncTimedOut"
        assert "1 of 2 needed have arrived" in str(caught.value)
        assert "bob (registered, not ready)" in str(caught.value)
        assert any("1 of 2 needed have arrived" in text for text in told)
        # The update stays: once another one comes, it counts.
        other = swarm.members[1].start()
        late = sync(other, 3.0)
        assert late.merged == 2 and values(late.path) == {2.0}
        after = link.sync(update(alone, 9.0), deadline=20)
        assert after.round == 1 and not after.counted, "trained past a merge: it takes the model"
        assert values(after.path) == {2.0}


def test_who_is_slow_is_not_waited_for_longer_than_the_deadline(swarm: Crowd) -> None:
    for member in swarm.members:
        member.start()
    slow = swarm.members[2]
    with slow.link() as link:
        link.begin()
        found = together(two(swarm))
        assert all(each.merged == 2 for each in found)
        late = link.sync(update(slow, 100.0), deadline=20)
    assert not late.counted and late.round == 1
    assert one_model([late, *found]) == {2.0}


def test_who_joins_late_begins_from_the_newest_model(swarm: Crowd) -> None:
    for member in swarm.members[:2]:
        member.start()
    found = together(two(swarm))
    late = swarm.members[2].start()
    with late.link() as link:
        begun = link.begin()
    assert begun.round == 1 and begun.newest is not None
    assert begun.newest.read_bytes() == found[0].path.read_bytes()
    assert begun.training == {"sync_frequency": 8}


# -- what members send


def no_safetensors(path: Path) -> None:
    path.write_bytes(b"garbage" * 100)


def not_finite(path: Path) -> None:
    write_model(path, float("nan"))


def another_structure(path: Path) -> None:
    with path.open("wb") as stream:
        writer = TensorWriter(stream, {"weight": SPECS["bias"], "other": SPECS["bias"]})
        writer.write(np.zeros(3, "<f4"))
        writer.write(np.zeros(3, "<f4"))


def too_large(path: Path) -> None:
    path.write_bytes(bytes(200_000))


@pytest.mark.parametrize(
    ("bad", "fault"),
    [
        (no_safetensors, Fault.DAMAGED),
        (not_finite, Fault.NOT_FINITE),
        (another_structure, Fault.STRUCTURE),
        (too_large, Fault.TOO_LARGE),
    ],
)
def test_what_cannot_be_merged_is_left_out_by_name(
    swarm: Crowd, bad: Callable[[Path], None], fault: Fault
) -> None:
    for member in swarm.members:
        member.start()
    mallory = swarm.members[2]
    with mallory.link() as link:
        link.begin()
        bad(mallory.home.updates / "own.safetensors")
        with pytest.raises(NodeRefused, match=f"cannot be merged \\({fault}\\)") as caught:
            link.sync(mallory.home.updates / "own.safetensors", deadline=20)
        assert caught.value.kind == "UpdateUnfit", "an honest node does not even offer it"
    assert mallory.node is not None
    mallory.node.desk.checks = False
    file = mallory.home.updates / "bad.safetensors"
    bad(file)

    def sends_garbage() -> Synced:
        with mallory.link() as link:
            link.begin()
            return link.sync(file, deadline=50)

    found = together([*two(swarm), sends_garbage])
    assert one_model(found) == {2.0}
    assert {each.left_out for each in found} == {((mallory.key.address, fault),)}
    assert [each.counted for each in found] == [True, True, False]
    assert "left-out" in mallory.log.names()


@pytest.mark.parametrize("what", ["NaN", "nothing"])
def test_a_leader_that_publishes_rubbish_is_overturned(swarm: Crowd, what: str) -> None:
    lied: list[str] = []
    for member in swarm.members:

        def on(call: Any, member: Member = member) -> Any:
            if not isinstance(call, Publish) or lied:
                return call
            lied.append(member.name)
            bad = write_model(member.home.folder / "rubbish.safetensors", float("nan"))
            assert member.node is not None and member.node.rounds is not None
            files = member.node.rounds.newest.files
            cid = files.put(bad)
            if what == "nothing":
                (member.home.shelf / cid).unlink()
            return Publish(call.swarm, call.round, cid, call.merged, call.left_out)

        member.connect = sabotaged(swarm, on)
        member.start()
    found = together([lambda m=m, n=n: sync(m, float(n)) for n, m in enumerate(swarm.members, 1)])
    assert one_model(found) == {2.0}
    assert all(each.round == 2 and each.merged == 3 and each.counted for each in found)
    liar = swarm.chain.node(swarm.swarm, swarm.member(lied[0]).key.address)
    assert liar is not None and not liar.willing


# -- the training process


def test_a_training_that_dies_begins_again_from_what_was_merged(swarm: Crowd) -> None:
    for member in swarm.members[:2]:
        member.start()
    first, second = swarm.members[:2]
    link = first.link()
    link.begin()

    def dies() -> None:
        until(lambda: "arrived" in first.log.names())
        assert link._socket is not None
        link._socket.shutdown(2)

    thread = threading.Thread(target=dies, daemon=True)
    thread.start()
    link.patience = 0.0
    with pytest.raises(Exception, match="no node of a swarm answers"):
        link.sync(update(first, 1.0), deadline=None)
    until(lambda: "training-gone" in first.log.names())
    assert values(sync(second, 3.0).path) == {2.0}, "what had arrived counts"
    with first.link() as again:
        begun = again.begin()
    assert begun.round == 1 and begun.newest is not None and values(begun.newest) == {2.0}


def test_the_ends_of_training(swarm: Crowd) -> None:
    """A snapshot goes on being merged, an inactive node's update does not, an active one leads."""
    for member in swarm.members:
        member.start()
    found = together([lambda m=m, n=n: sync(m, 3.0 * n) for n, m in enumerate(swarm.members, 1)])
    assert one_model(found) == {6.0}
    alice, bob, charlie = swarm.members

    def stands(member: Member, presence: Presence) -> bool:
        node = swarm.chain.node(swarm.swarm, member.key.address)
        return node is not None and node.presence is presence

    for member, presence in ((bob, Presence.SNAPSHOT), (charlie, Presence.ACTIVE)):
        with member.link() as link:
            link.finish(presence)
        until(lambda m=member, p=presence: stands(m, p))
    left = swarm.chain.node(swarm.swarm, bob.key.address)
    assert left is not None and left.cid is not None
    copy = alice.home.shelf / left.cid
    until(copy.exists)  # all keep what a snapshot is
    bob.end()
    again = sync(alice, 12.0)
    # Alice's 12, Bob's snapshot 6, and the newest model 6, with which Charlie arrived.
    assert again.round == 2 and values(again.path) == {8.0} and again.merged == 3
    with charlie.link() as link:
        link.finish(Presence.INACTIVE)
    until(lambda: stands(charlie, Presence.INACTIVE))


def test_two_training_processes_do_not_share_a_node(swarm: Crowd) -> None:
    alice = swarm.members[0].start()
    outcome: list[BaseException] = []

    def first() -> None:
        try:
            with alice.link() as link:
                link.begin()
                link.sync(update(alice, 1.0))
        except NodeRefused as error:
            outcome.append(error)

    thread = threading.Thread(target=first, daemon=True)
    thread.start()
    until(lambda: "arrived" in alice.log.names())
    with alice.link() as second:
        second.begin()
    thread.join(20)
    assert isinstance(outcome[0], NodeRefused) and outcome[0].kind == "TrainingReplaced"


def test_a_revoked_node_ends_and_says_so(swarm: Crowd) -> None:
    for member in swarm.members:
        member.start()
    bob = swarm.members[1]
    link: Link = bob.link()
    link.begin()
    swarm.chain.submit(RevokeSeat(swarm.swarm, bob.key.address), swarm.members[0].key)
    until(lambda: bob.failure is not None)
    assert isinstance(bob.failure, NotRegistered)
    link.close()
    found = together([lambda m=m: sync(m, 5.0) for m in (swarm.members[0], swarm.members[2])])
    assert all(each.merged == 2 for each in found)
