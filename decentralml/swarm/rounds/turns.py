"""What is enough for a round, what is due, and whose turn it is to say so: pure rules.

Anyone may send ``Advance``, and whoever does pays for it. So that not all do, nodes take turns: the
arrivals of the round in an order that is drawn anew for each step of each round, then all others.
Each leaves the one before it a little time.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256

from decentralml.chain.swarm.words import Node, Presence, Stage
from decentralml.swarm.board import View
from decentralml.types import Address

WAITED_FOR = frozenset({Presence.READY, Presence.ACTIVE})
"""Nodes for which a round waits."""
MISSED = 3
"""Rounds after whose missing nobody waits for a node."""


def quorum(least: int, snapshots: int) -> int:
    """Arrivals that a round needs beside so many snapshots: one at least, which leads it."""
    return max(1, least - snapshots)


def enough(least: int, arrivals: int, snapshots: int) -> int:
    """Arrivals that a leader has to reach before it merges.

    Every node keeps copies of the snapshots, so that they say nothing of which side of a split
    network it is on: it has to reach most of the arrivals, where they are fewer than ``least``.
    """
    return min(arrivals, max(quorum(least, snapshots), min(least, arrivals // 2 + 1)))


def is_deserted(view: View) -> bool:
    """Whether nobody has gone on from the newest model for as long as a leader has."""
    swarm = view.swarm
    over = view.now > swarm.since + swarm.terms.leader_timeout
    return swarm.newest is not None and view.round is None and over


def may_object(view: View) -> bool:
    """Whether this node may object to the newest model, and has not yet."""
    me, swarm = view.me, view.swarm
    if me is None or swarm.newest is None or me.objected == swarm.turn:
        return False
    took_part = me.round == swarm.newest.round
    return took_part or (me.presence in WAITED_FOR and is_deserted(view))


def is_rejected(view: View) -> bool:
    """Whether so many object to a model which nobody goes on from that it has to go."""
    swarm = view.swarm
    objections = swarm.objections + swarm.others
    needed = quorum(swarm.terms.min_peers, swarm.snapshots)
    return is_deserted(view) and objections >= needed


def is_due(view: View) -> bool:
    """Whether ``Advance`` would do something."""
    stands = view.round
    if stands is None:
        return is_rejected(view)
    if stands.stage is Stage.DRAWING:
        return True
    return stands.deadline is not None and view.now > stands.deadline


def step_of(view: View) -> tuple[int, str, int]:
    """Names the step that a round is in; between rounds, the newest model."""
    stands = view.round
    if stands is None:
        return view.number, "Idle", view.swarm.turn
    return stands.number, stands.stage.value, stands.attempt


def place(view: View, nodes: Mapping[Address, Node], me: Address) -> int:
    """How many nodes come before this one, in the step that the round is in."""

    def order(node: Node) -> tuple[bool, bytes]:
        told = f"{view.swarm.id}:{step_of(view)}:{node.account}".encode()
        return node.round != view.number, sha256(told).digest()

    known = [n for n in nodes.values() if n.presence in WAITED_FOR or n.round == view.number]
    accounts = [node.account for node in sorted(known, key=order)]
    return accounts.index(me) if me in accounts else len(accounts)


def awaited(view: View, nodes: Mapping[Address, Node]) -> list[Node]:
    """Nodes that a round waits for while it collects."""
    return [
        node for node in nodes.values() if node.presence in WAITED_FOR and node.round != view.number
    ]
