"""What some blocks touched of the things that a chain stores, to be read once for all of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from decentralml.chain.feed import Place

K = TypeVar("K")
T = TypeVar("T")


@dataclass
class Touched(Generic[K]):
    """Things of one kind, by their keys, in which something happened."""

    changed: dict[K, int] = field(default_factory=dict)
    """And the last block in which it did."""
    gone: dict[K, int] = field(default_factory=dict)
    """Those that a block removed from storage, and none made again."""

    def touch(self, key: K, block: int) -> None:
        self.changed[key] = max(block, self.changed.get(key, block))

    def begin(self, key: K, block: int) -> None:
        """It is stored from this block on, perhaps once more."""
        self.touch(key, block)
        self.gone.pop(key, None)

    def end(self, key: K, block: int) -> None:
        self.touch(key, block)
        self.gone[key] = block

    def read(
        self,
        fetch: Callable[[Sequence[K], Place], list[T | None]],
        end: Place,
        before: Mapping[int, Place],
    ) -> dict[K, T | None]:
        """All of them as they were after ``end``; what is gone, before the block that removed it.

        Parameters
        ----------
        fetch : what a chain had stored under keys after a block.
        before : by the number of each block, the one before.
        """
        asked: dict[Place, list[K]] = defaultdict(list)
        for key in self.changed:
            asked[before[self.gone[key]] if key in self.gone else end].append(key)
        return {
            key: value
            for place, keys in asked.items()
            for key, value in zip(keys, fetch(keys, place), strict=True)
        }

    def blocks(self, key: K) -> dict[str, int | None]:
        """What its row says of blocks."""
        return {"changed_in": self.changed[key], "cleared_in": self.gone.get(key)}
