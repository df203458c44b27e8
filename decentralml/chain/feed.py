"""A chain block by block, for those who keep an index of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from decentralml.chain.events import Event
from decentralml.chain.swarm.words import Node, Seat, Swarm, SwarmId
from decentralml.types import Address, Submission, Task, TaskId


@dataclass(frozen=True, slots=True)
class Place:
    """A block, as a chain names it."""

    number: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class Block:
    """A block and what happened in it that concerns the marketplace."""

    number: int
    hash: bytes
    time: int
    """Unix milliseconds; 0 of the first block."""
    events: tuple[tuple[int, Event], ...]
    """Those of the pallets Market, Aggregators, Reputation and Swarm, each with its position in
    the block."""
    count: int
    """How many events it has in all."""


class Feed(Protocol):
    """Blocks, and what was in storage after one.

    Raises ``StatePruned`` where a node has forgotten a state, and what else a chain raises.
    """

    def head(self) -> Place:
        """The newest block; a node may still take it back."""
        ...

    def places(self, first: int, last: int) -> list[Place]:
        """Blocks by number, as far as the chain has them, all of the same chain of parents."""
        ...

    def block(self, place: Place) -> Block: ...

    def tasks(self, numbers: Sequence[TaskId], at: Place) -> list[Task | None]:
        """Tasks as they were after a block; None where there was none, or one that only an older
        runtime could read."""
        ...

    def submissions(
        self, numbers: Sequence[tuple[TaskId, int]], at: Place
    ) -> list[Submission | None]:
        """Submissions, likewise."""
        ...

    def swarms(self, numbers: Sequence[SwarmId], at: Place) -> list[Swarm | None]: ...

    def seats(self, keys: Sequence[tuple[SwarmId, Address]], at: Place) -> list[Seat | None]: ...

    def nodes(self, keys: Sequence[tuple[SwarmId, Address]], at: Place) -> list[Node | None]: ...
