"""A whole state of a chain, as the runtime and the trie see it; and one that is held in memory."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping
from typing import Final, Protocol

from decentralml.devchain.trie import Value, state_root, stored
from decentralml.devchain.trie_update import Update

MAIN: Final = b""
"""The main trie, where child tries are called by their names."""


class State(Protocol):
    """Keys and values of the main trie and of child tries; never changes."""

    def get(self, trie: bytes, key: bytes) -> bytes | None: ...

    def next_key(self, trie: bytes, key: bytes) -> bytes | None:
        """The first key after `key`."""

    def keys(self, trie: bytes, prefix: bytes) -> Iterator[bytes]:
        """All keys with `prefix`, in order."""

    def update(self, trie: bytes, changes: Mapping[bytes, bytes | None], layout: int) -> Update:
        """What a trie becomes under `changes`, which are written in `layout`."""


class MemoryState:
    """A state in dictionaries: for a genesis, and as the oracle in tests."""

    def __init__(self, tries: Mapping[bytes, Mapping[bytes, bytes]], layout: int = 0) -> None:
        self._tries = {name: dict(items) for name, items in tries.items()}
        self._ordered = {name: sorted(items) for name, items in self._tries.items()}
        self._layout = layout

    def get(self, trie: bytes, key: bytes) -> bytes | None:
        return self._tries.get(trie, {}).get(key)

    def next_key(self, trie: bytes, key: bytes) -> bytes | None:
        ordered = self._ordered.get(trie, [])
        index = bisect_right(ordered, key)
        return ordered[index] if index < len(ordered) else None

    def keys(self, trie: bytes, prefix: bytes) -> Iterator[bytes]:
        ordered = self._ordered.get(trie, [])
        for index in range(bisect_left(ordered, prefix), len(ordered)):
            if not ordered[index].startswith(prefix):
                return
            yield ordered[index]

    def update(self, trie: bytes, changes: Mapping[bytes, bytes | None], layout: int) -> Update:
        values: dict[bytes, Value] = {
            key: stored(value, self._layout) for key, value in self._tries.get(trie, {}).items()
        }
        return whole_update(values, changes, layout)


def whole_update(
    values: dict[bytes, Value], changes: Mapping[bytes, bytes | None], layout: int
) -> Update:
    """An update by making the whole trie anew, where its branches are not at hand."""
    for key, value in changes.items():
        if value is None:
            values.pop(key, None)
        else:
            values[key] = stored(value, layout)
    return Update(state_root(values), {}, set())
