"""Swarms on any chain: made, joined, and their rounds gone through, call by call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from chain_support import ALICE, BOB, BUNDLE, CHARLIE, by_address, pass_time

from decentralml.chain.api import Chain, Receipt
from decentralml.chain.keys import Key
from decentralml.chain.swarm import calls, events
from decentralml.chain.swarm.words import MergeMethod, Stage, SwarmId, SwarmTerms
from decentralml.types import Cid

WAIT = 1_000
"""The shortest wait that terms can set."""


def update(number: int, who: Key) -> Cid:
    """What somebody brings to a round."""
    letter = "abcdefgh"[sum(who.public_key) % 8]
    return Cid(f"bafk{letter}{'234567'[number % 6]}")


def model(number: int) -> Cid:
    return Cid(f"bafkmodel{'234567'[number % 6]}")


@dataclass
class OnChain:
    """One swarm of Alice's."""

    chain: Chain
    id: SwarmId

    @property
    def number(self) -> int:
        return self.chain.swarm(self.id).round

    @property
    def base(self) -> int:
        newest = self.chain.swarm(self.id).newest
        return 0 if newest is None else newest.round

    def grant(self, who: Key) -> Receipt:
        return self.chain.submit(calls.GrantSeat(self.id, who.address), ALICE)

    def register(self, who: Key, willing: bool = True) -> Receipt:
        certificate = b"certificate of " + who.public_key
        call = calls.RegisterNode(self.id, certificate, "node.example:4433", 3, willing)
        return self.chain.submit(call, who)

    def join(self, who: Key, willing: bool = True) -> None:
        """From nothing to ready."""
        self.grant(who)
        self.register(who, willing)
        self.chain.submit(calls.Ready(self.id), who)

    def arrive(self, who: Key) -> Receipt:
        number = self.number
        return self.chain.submit(calls.Arrive(self.id, number, self.base, update(number, who)), who)

    def advance(self) -> Receipt:
        """What is due, by somebody who has no part in it."""
        return self.chain.submit(calls.Advance(self.id), CHARLIE)

    def pass_deadline(self) -> None:
        under_way = self.chain.round(self.id)
        assert under_way is not None and under_way.deadline is not None
        pass_time(self.chain, under_way.deadline)

    def draw(self) -> Key:
        """The leader, once its round is collected."""
        under_way = self.chain.round(self.id)
        assert under_way is not None and under_way.anchor is not None
        assert under_way.stage is Stage.DRAWING
        self.chain.wait_block(under_way.anchor + 1)
        drawn = self.advance().find(events.LeaderDrawn)
        assert drawn is not None
        return key_of(drawn.leader)

    def publish(self, leader: Key, merged: int = 2) -> Receipt:
        number = self.number
        return self.chain.submit(calls.Publish(self.id, number, model(number), merged), leader)

    def merge(self, nodes: Sequence[Key]) -> Key:
        """A whole round in which all arrive; its leader."""
        for node in nodes:
            self.arrive(node)
        leader = self.draw()
        self.publish(leader)
        return leader


def key_of(address: str) -> Key:
    return BOB if address == BOB.address else by_address(address)


def terms(**changes: object) -> SwarmTerms:
    wanted: dict[str, object] = {
        "config": BUNDLE,
        "merge": MergeMethod.MEAN,
        "min_peers": 2,
        "max_peers": 4,
        "quorum_wait": WAIT,
        "leader_timeout": WAIT,
        **changes,
    }
    return SwarmTerms(**wanted)  # type: ignore[arg-type]


def create(chain: Chain, nodes: Sequence[Key] = (), **changes: object) -> OnChain:
    """A new swarm with these nodes, ready."""
    created = chain.submit(calls.CreateSwarm(terms(**changes)), ALICE).find(events.SwarmCreated)
    assert created is not None
    swarm = OnChain(chain, created.swarm)
    for node in nodes:
        swarm.join(node)
    return swarm
