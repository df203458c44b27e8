"""Training processes of a swarm's nodes: they die, end, are two, and lose their node."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from swarm_support import (
    Crowd,
    Member,
    crowd,
    one_model,
    sync,
    together,
    until,
    update,
    values,
)

from decentralml.chain.swarm.calls import RevokeSeat
from decentralml.chain.swarm.words import Presence
from decentralml.errors import NodeAway, NodeRefused, NotRegistered
from decentralml.swarm.link import Link


@pytest.fixture
def swarm(tmp_path: Path) -> Iterator[Crowd]:
    with crowd(tmp_path, 3, start=False, min_peers=2, leader_timeout=4000) as found:
        yield found


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
    with pytest.raises(NodeAway):
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
