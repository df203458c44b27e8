"""What is due of a round, and whose turn it is to say so: pure rules.

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


def is_due(view: View) -> bool:
    """Whether ``Advance`` would do something."""
    stands = view.round
    if stands is None:
        return False
    if stands.stage is Stage.DRAWING:
        return True
    return stands.deadline is not None and view.now > stands.deadline


def step_of(view: View) -> tuple[int, str, int]:
    """Names the step that a round is in."""
    assert view.round is not None
    return view.round.number, view.round.stage.value, view.round.attempt


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
