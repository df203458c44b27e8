"""Blocks of a Substrate chain, read one after another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from decentralml.chain import ss58
from decentralml.chain.feed import Block, Place
from decentralml.chain.substrate import records, swarm_records
from decentralml.chain.substrate.events import named
from decentralml.chain.substrate.runtime import Runtime
from decentralml.chain.swarm.words import Node, Seat, Swarm, SwarmId
from decentralml.devchain.codec import Reader
from decentralml.errors import RuntimeMismatch
from decentralml.types import Address, Submission, Task, TaskId

if TYPE_CHECKING:
    from decentralml.chain.substrate.transport import Transport

T = TypeVar("T")
_TOLD = frozenset({"Market", "Aggregators", "Reputation", "Swarm"})


class SubstrateFeed:
    """See :class:`~decentralml.chain.feed.Feed`.

    Parameters
    ----------
    present : the runtime of now.
    older : the runtime that made a block, where it was of another version.
    """

    def __init__(
        self, transport: Transport, present: Runtime, older: Callable[[int], Runtime]
    ) -> None:
        self._transport = transport
        self._present = present
        self._older = older
        self._runtimes = {present.version.spec_version: present}
        self._keys = [
            present.key(present.entry(pallet, item))
            for pallet, item in (
                ("System", "Events"),
                ("Timestamp", "Now"),
                ("System", "LastRuntimeUpgrade"),
            )
        ]

    def head(self) -> Place:
        head = self._transport.head()
        return Place(head.number, head.hash)

    def places(self, first: int, last: int) -> list[Place]:
        found = self._transport.block_hashes(range(first, last + 1))
        return [Place(first + n, block) for n, block in enumerate(found) if block is not None]

    def block(self, place: Place) -> Block:
        stored, now, upgrade = self._transport.query(self._keys, place.hash)
        runtime = self._runtime(place.number, upgrade)
        found = runtime.value(runtime.entry("System", "Events"), stored)
        told = tuple(
            (position, named(runtime, record["event"]))
            for position, record in enumerate(found)
            if record["event"].name in _TOLD
        )
        time = int.from_bytes(now or b"", "little")
        return Block(place.number, place.hash, time, told, len(found))

    def tasks(self, numbers: Sequence[TaskId], at: Place) -> list[Task | None]:
        values = self._values("Market", "Tasks", [(number,) for number in numbers], at)
        return [
            None if value is None else self._record(records.task, number, value)
            for number, value in zip(numbers, values, strict=True)
        ]

    def submissions(
        self, numbers: Sequence[tuple[TaskId, int]], at: Place
    ) -> list[Submission | None]:
        values = self._values("Market", "Submissions", numbers, at)
        # Of an appeal the index keeps nothing but what the result itself says.
        return [
            None if value is None else self._record(records.submission, task, index, value, None)
            for (task, index), value in zip(numbers, values, strict=True)
        ]

    def swarms(self, numbers: Sequence[SwarmId], at: Place) -> list[Swarm | None]:
        values = self._values("Swarm", "Swarms", [(number,) for number in numbers], at)
        return [
            None if value is None else self._record(swarm_records.swarm, number, value)
            for number, value in zip(numbers, values, strict=True)
        ]

    def seats(self, keys: Sequence[tuple[SwarmId, Address]], at: Place) -> list[Seat | None]:
        return self._of_members("Seats", keys, at, swarm_records.seat)

    def nodes(self, keys: Sequence[tuple[SwarmId, Address]], at: Place) -> list[Node | None]:
        return self._of_members("Nodes", keys, at, swarm_records.node)

    def _of_members(
        self,
        item: str,
        keys: Sequence[tuple[SwarmId, Address]],
        at: Place,
        make: Callable[[bytes, Any], T],
    ) -> list[T | None]:
        named = [(swarm, ss58.decode(account)) for swarm, account in keys]
        values = self._values("Swarm", item, named, at)
        return [
            None if value is None else self._record(make, account, value)
            for (_, account), value in zip(named, values, strict=True)
        ]

    def _runtime(self, block: int, upgrade: bytes | None) -> Runtime:
        """The runtime that made a block."""
        version = Reader(upgrade or b"\0").compact()
        if version not in self._runtimes:
            self._runtimes[version] = self._older(block)
        return self._runtimes[version]

    def _values(
        self, pallet: str, item: str, keys: Sequence[tuple[Any, ...]], at: Place
    ) -> list[Any]:
        if not keys:
            return []
        present = self._present
        entry = present.entry(pallet, item)
        upgrade, *found = self._transport.query(
            [self._keys[2], *(present.key(entry, *key) for key in keys)], at.hash
        )
        runtime = self._runtime(at.number, upgrade)
        # What an older runtime does not know at all, it has not stored.
        return [
            None if data is None else runtime.value(runtime.entry(pallet, item), data)
            for data in found
        ]

    def _record(self, make: Callable[..., T], *values: Any) -> T | None:
        """A record; None of one with another layout, which a later runtime has migrated."""
        try:
            return make(*values)
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            if len(self._runtimes) > 1:
                return None
            present = self._present.version
            missing = f"what it stores has another layout ({error!r})"
            raise RuntimeMismatch(present.spec_name, present.spec_version, missing) from None
