"""A swarm in memory: what nodes and a chain do for training processes, without either."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from decentralml.chain.swarm.words import MergeMethod, Presence
from decentralml.errors import NodeRefused
from decentralml.swarm.link import Begun, Link, Synced, Told
from decentralml.swarm.merging.merge import merge

T = TypeVar("T")
TERMS = {
    "min_peers": 1,
    "merge_method": "mean",
    "node_weightage": 1,
    "leader_failure_base_timeout": 600,
    "wait_for_full_quorum_seconds": 30,
}
LONGEST = 250.0


class MemorySwarm:
    """Rounds that wait for all nodes that are in training, and merge what they bring."""

    def __init__(
        self, folder: Path, terms: Mapping[str, Any] = TERMS, seats: int | None = None
    ) -> None:
        self.folder, self.terms = folder, dict(terms)
        self.round, self.newest = 0, None  # type: int, Path | None
        self.present = 0
        self.seats = seats
        """Nodes that the first round waits for."""
        self.arrived: dict[int, Path] = {}
        self.ended: dict[int, tuple[Presence, Path | None]] = {}
        self.changed = threading.Condition()

    def links(self, count: int) -> list[MemoryLink]:
        return [MemoryLink(self, number) for number in range(count)]

    def merge_if_all_are_here(self) -> None:
        waits = max(self.present, (self.seats or 0) - len(self.ended))
        if not self.arrived or len(self.arrived) < max(waits, self.terms["min_peers"]):
            return
        self.round += 1
        self.newest = self.folder / f"merged-{self.round}"
        snapshots = [p for kind, p in self.ended.values() if kind is Presence.SNAPSHOT and p]
        updates = [path for _, path in sorted(self.arrived.items())] + snapshots
        method = {m.value.lower(): m for m in MergeMethod}[self.terms["merge_method"]]
        merge(method, updates, [1] * len(updates), self.newest)
        self.arrived = {}
        self.changed.notify_all()


class MemoryLink(Link):
    """One node's end."""

    def __init__(self, swarm: MemorySwarm, number: int) -> None:
        super().__init__(Path("nowhere"))
        self.swarm, self.number = swarm, number
        self.folder = swarm.folder / f"node-{number}"
        self.closed = False
        self.last: Path | None = None
        self.deadlines: list[float | None] = []

    def begin(self, info: Mapping[str, Any] | None = None, *, told: Told | None = None) -> Begun:
        swarm = self.swarm
        with swarm.changed:
            swarm.present += 1
            return Begun(swarm.newest, swarm.round, self.folder, {}, swarm.terms)

    def sync(
        self, update: Path, *, deadline: float | None = None, told: Told | None = None
    ) -> Synced:
        swarm = self.swarm
        self.deadlines.append(deadline)
        with swarm.changed:
            mine, self.last = swarm.round + 1, update
            swarm.arrived[self.number] = update
            count = len(swarm.arrived)
            swarm.merge_if_all_are_here()
            if not swarm.changed.wait_for(lambda: swarm.round >= mine, deadline or LONGEST):
                del swarm.arrived[self.number]
                raise NodeRefused("SyncTimedOut", f"{count} of {swarm.present} have arrived")
            assert swarm.newest is not None
            return Synced(swarm.newest, swarm.round, count, terms=swarm.terms)

    def finish(self, presence: Presence = Presence.SNAPSHOT, update: Path | None = None) -> None:
        swarm = self.swarm
        with swarm.changed:
            swarm.present -= 1
            swarm.ended[self.number] = presence, update or self.last
            swarm.merge_if_all_are_here()

    def close(self) -> None:
        self.closed = True


def at_once(swarm: MemorySwarm, work: Callable[[int], T], count: int) -> Sequence[T]:
    """What ``work`` gives for each node, in threads of which one at a time is not in a sync.

    So they do not fight for the interpreter, and what they do does not depend on who is faster.
    """

    def alone(number: int) -> T:
        with swarm.changed:
            return work(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(alone, range(count)))
