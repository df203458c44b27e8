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
    one_model,
    sync,
    together,
    two,
    until,
    update,
    values,
    write_model,
)

from decentralml.chain.api import Chain
from decentralml.chain.swarm.calls import Arrive, Publish
from decentralml.chain.swarm.words import Fault
from decentralml.errors import NodeRefused, NodeUnreachable, StoreUnwritable
from decentralml.learning.tensors import TensorWriter
from decentralml.swarm.link import Synced
from decentralml.swarm.node.joining import join
from decentralml.swarm.rounds.leading import Leader


def sabotaged(swarm: Crowd, on: Callable[[Any], Any]) -> Callable[[], Chain]:
    return lambda: cast(Chain, Saboteur(swarm.connect(), on))


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


def test_a_chain_that_goes_away_at_any_question_loses_no_answer(swarm: Crowd) -> None:
    """Every question and every call of a node is in vain once before it is answered."""
    asked: set[tuple[str, str]] = set()

    class Forgetful(Saboteur):
        def __init__(self, chain: Chain, who: str) -> None:
            super().__init__(chain, lambda call: call)
            self.who = who

        def __getattr__(self, name: str) -> Any:
            found = super().__getattr__(name)
            return self.spoilt(name, found) if callable(found) and name != "close" else found

        def submit(self, call: Any, signer: Any, tip: int = 0) -> Any:
            return self.spoilt(type(call).__name__, super().submit)(call, signer, tip)

        def spoilt(self, name: str, found: Callable[..., Any]) -> Callable[..., Any]:
            def ask(*args: Any, **words: Any) -> Any:
                if (self.who, name) not in asked:
                    asked.add((self.who, name))
                    raise NodeUnreachable("ws://chain", "it is down")
                return found(*args, **words)

            return ask

    for member in swarm.members:
        member.connect = lambda m=member: cast(Chain, Forgetful(swarm.connect(), m.name))
        member.start()
    found = together([lambda m=m, n=n: sync(m, float(n)) for n, m in enumerate(swarm.members, 1)])
    assert one_model(found) == {2.0} and all(each.merged == 3 for each in found)
    for member in swarm.members:
        with member.link() as link:
            link.finish()
        until(lambda m=member: "finished" in m.log.names())
    names = {name for _, name in asked}
    assert {"meeting", "events", "Arrive", "Advance", "Publish", "FinishTraining"} <= names


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
    assert liar is not None and liar.barred


# -- full disks


def test_a_leader_whose_disk_is_full_leaves_it_to_another(
    swarm: Crowd, monkeypatch: pytest.MonkeyPatch
) -> None:
    full: list[str] = []
    real = Leader._merge

    def merge(leader: Leader, *args: Any) -> Any:
        who = NAMES[leader.newest.board.me]
        if who in full or not full:
            full[:] = [who]
            raise StoreUnwritable("the shelf", "no space left on the device")
        return real(leader, *args)

    monkeypatch.setattr(Leader, "_merge", merge)
    for member in swarm.members:
        member.start()
    found = together([lambda m=m, n=n: sync(m, float(n)) for n, m in enumerate(swarm.members, 1)])
    assert one_model(found) == {2.0} and all(each.round == 1 for each in found)
    told = [fact for name, _, fact in swarm.member(full[0]).log.events if name == "stepped-down"]
    assert "no space left" in told[0]["reason"]


def test_a_node_whose_disk_is_full_says_so_and_objects_to_nobody(
    swarm: Crowd, monkeypatch: pytest.MonkeyPatch
) -> None:
    for member in swarm.members:
        member.start()
    poor = swarm.members[2]
    assert poor.node is not None and poor.node.rounds is not None
    files: Any = poor.node.rounds.newest.files
    real, left = files.fetch, [3]

    def fetch(*args: Any) -> Any:
        if left[0]:
            left[0] -= 1
            raise StoreUnwritable("the shelf", "no space left on the device")
        return real(*args)

    # It must not lead, where the same would have it step down.
    join(swarm.chain, poor.key, swarm.swarm, poor.home, swarm.genesis, willing=False)
    monkeypatch.setattr(files, "fetch", fetch)
    found = together([lambda m=m, n=n: sync(m, float(n)) for n, m in enumerate(swarm.members, 1)])
    assert one_model(found) == {2.0}
    assert "trouble" in poor.log.names() and "objected" not in poor.log.names()
