"""Reading the state of swarms; see :mod:`.reader`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from decentralml.chain import ss58
from decentralml.chain.errors import UnknownSwarm
from decentralml.chain.substrate import swarm_records as records
from decentralml.chain.substrate.reader import Reader
from decentralml.chain.substrate.values import EncodeError
from decentralml.chain.swarm.words import Meeting, Node, Round, Seat, Swarm, SwarmId
from decentralml.types import Address

T = TypeVar("T")
_AT_ONCE = 64
"""The fewest numbers that are looked up together where some have no swarm any more."""


class SwarmReader(Reader):
    """The chain's swarms in its newest state, through one runtime's eyes."""

    def swarm(self, swarm: SwarmId) -> Swarm:
        value = self._named("Swarm", "Swarms", swarm)
        if value is None:
            raise UnknownSwarm("Swarm", "UnknownSwarm", swarm=swarm)
        return self._record(records.swarm, swarm, value)

    def swarms(self, limit: int, before: SwarmId | None) -> list[Swarm]:
        """Numbers are given out in order and never again; removed swarms leave gaps."""
        end = int(self._value("Swarm", "NextSwarm"))
        end = end if before is None else min(end, before)
        found: list[Swarm] = []
        while end > 0 and len(found) < limit:
            start = max(0, end - max(limit - len(found), _AT_ONCE))
            numbers = range(end - 1, start - 1, -1)
            values = self._values("Swarm", "Swarms", [(number,) for number in numbers])
            found += [
                self._record(records.swarm, number, value)
                for number, value in zip(numbers, values, strict=True)
                if value is not None
            ]
            end = start
        return found[:limit]

    def seat(self, swarm: SwarmId, who: Address) -> Seat | None:
        account, value = self._of_account("Seats", swarm, who)
        return None if value is None else self._record(records.seat, account, value)

    def seats(self, swarm: SwarmId, limit: int) -> list[Seat]:
        return self._of_accounts("Seats", swarm, limit, records.seat)

    def node(self, swarm: SwarmId, who: Address) -> Node | None:
        account, value = self._of_account("Nodes", swarm, who)
        return None if value is None else self._record(records.node, account, value)

    def nodes(self, swarm: SwarmId, limit: int) -> list[Node]:
        return self._of_accounts("Nodes", swarm, limit, records.node)

    def certificate(self, swarm: SwarmId, who: Address) -> bytes | None:
        _, value = self._of_account("Certificates", swarm, who)
        return None if value is None else bytes(value)

    def round(self, swarm: SwarmId) -> Round | None:
        value = self._named("Swarm", "Rounds", swarm)
        return None if value is None else self._record(records.round_of, value)

    def meeting(self, swarm: SwarmId, who: Address) -> Meeting:
        account = ss58.decode(who)
        try:
            found, under_way, node, stored = self._several(
                ("Swarm", "Swarms", (swarm,)),
                ("Swarm", "Rounds", (swarm,)),
                ("Swarm", "Nodes", (swarm, account)),
                ("Timestamp", "Now", ()),
            )
        except EncodeError:
            found = None
        if found is None:
            raise UnknownSwarm("Swarm", "UnknownSwarm", swarm=swarm)
        return Meeting(
            self._record(records.swarm, swarm, found),
            None if under_way is None else self._record(records.round_of, under_way),
            None if node is None else self._record(records.node, account, node),
            self.transport.clock(stored),
        )

    def _of_account(self, item: str, swarm: SwarmId, who: Address) -> tuple[bytes, Any]:
        """An account's value under a swarm that a person named: None where there is none."""
        account = ss58.decode(who)
        try:
            return account, self._value("Swarm", item, swarm, account)
        except EncodeError:
            return account, None

    def _of_accounts(
        self, item: str, swarm: SwarmId, limit: int, make: Callable[[bytes, Any], T]
    ) -> list[T]:
        entry = self.runtime.entry("Swarm", item)
        try:
            prefix = self.runtime.key(entry, swarm)
        except EncodeError:
            return []
        keys = self.transport.keys(prefix, limit)
        found = []
        for key, data in zip(keys, self.transport.query(keys), strict=True):
            value = self.runtime.value(entry, data)
            if value is not None:
                _, account = self._record(self.runtime.keys_of, entry, key)
                found.append(self._record(make, bytes(account), value))
        return found
