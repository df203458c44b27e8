"""What some blocks of a chain touched of its swarms."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from decentralml.chain.feed import Feed, Place
from decentralml.chain.swarm import events
from decentralml.chain.swarm.words import SwarmId
from decentralml.db.models import OfChain
from decentralml.db.swarm_models import NodeRow, SeatRow, SwarmRow
from decentralml.db.swarm_rows import Values, node_row, seat_row, swarm_row
from decentralml.db.touched import Touched
from decentralml.types import Address

K = TypeVar("K")
T = TypeVar("T")
Member = tuple[SwarmId, Address]


@dataclass
class SwarmBatch:
    """Swarms, seats and nodes in which something happened."""

    swarms: Touched[SwarmId] = field(default_factory=Touched)
    seats: Touched[Member] = field(default_factory=Touched)
    nodes: Touched[Member] = field(default_factory=Touched)
    overturned: list[tuple[SwarmId, int]] = field(default_factory=list)
    """Swarms whose newest model was overturned, and the blocks: its leader's node was changed."""

    def add(self, event: Any, block: int) -> None:
        """Take in an event of a swarm."""
        swarm: SwarmId = event.swarm
        if isinstance(event, events.SwarmRemoved):
            self.swarms.end(swarm, block)
            return
        self.swarms.touch(swarm, block)
        match event:
            case events.SeatGranted(_, who):
                self.seats.begin((swarm, who), block)
            case events.SeatEnded(_, who):
                self.seats.end((swarm, who), block)
                self.nodes.end((swarm, who), block)
            case events.PriceCollected(_, who):
                self.seats.touch((swarm, who), block)
            case events.NodeRegistered(_, who):
                self.nodes.begin((swarm, who), block)
            case (
                events.PresenceChanged(_, who) | events.Arrived(who=who) | events.Objected(who=who)
            ):
                self.nodes.touch((swarm, who), block)
            case events.MergedOverturned():
                self.overturned.append((swarm, block))
            case events.LeaderDrawn() | events.LeaderReplaced() | events.RoundMerged():
                self.nodes.touch((swarm, event.leader), block)

    def read(
        self, feed: Feed, end: Place, before: Mapping[int, Place]
    ) -> dict[type[OfChain], list[Values]]:
        """Rows of what was touched, but for the chain, as it was after ``end``."""
        for swarm, block in self.overturned:
            (found,) = feed.swarms([swarm], before[block])
            if found is not None and found.newest is not None:
                self.nodes.touch((swarm, found.newest.leader), block)
        return {
            SwarmRow: _rows(self.swarms, self.swarms.read(feed.swarms, end, before), swarm_row),
            SeatRow: _rows(self.seats, self.seats.read(feed.seats, end, before), seat_row),
            NodeRow: _rows(self.nodes, self.nodes.read(feed.nodes, end, before), node_row),
        }


def _rows(
    touched: Touched[K], found: Mapping[K, T | None], make: Callable[[K, T], Values]
) -> list[Values]:
    return [
        make(key, record) | touched.blocks(key)
        for key, record in found.items()
        if record is not None
    ]
