"""The states of a chain file: the head's, with what was read kept in memory, and older ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Final

from decentralml.devchain.codec import DecodeError
from decentralml.devchain.proof import prove
from decentralml.devchain.state import MAIN, State, whole_update
from decentralml.devchain.store import Head, Store
from decentralml.devchain.trie import (
    Branch,
    Value,
    common_prefix,
    decode,
    nibbles,
    pack,
    stored,
)
from decentralml.devchain.trie_update import (
    Update,
    closest_descendant,
    merkle_value,
    name_of,
    update,
)
from decentralml.errors import ChainFileDamaged

_MOST_VALUES: Final = 10_000
_MOST_BRANCHES: Final = 5_000
_LONGEST_KEPT: Final = 4096
"""Values longer than this are read anew each time; the runtime's own code is one."""
_PAGE: Final = 256

Stored = tuple[bytes, int]
"""A value and the layout it was written under."""


class HeadState:
    """The head's state. :meth:`at` must be called first in each transaction: another process may
    have moved the head, and then what is in memory is forgotten."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._values: dict[tuple[bytes, bytes], Stored | None] = {}
        self._branches: dict[tuple[bytes, bytes], Branch | None] = {}
        self._head: bytes | None = None

    def at(self, head: Head) -> HeadState:
        if head.hash != self._head:
            self._values.clear()
            self._branches.clear()
            self._head = head.hash
        return self

    # -- as a State

    def get(self, trie: bytes, key: bytes) -> bytes | None:
        found = self.stored(trie, key)
        return None if found is None else found[0]

    def next_key(self, trie: bytes, key: bytes) -> bytes | None:
        return self._store.from_key(trie, key + b"\0")

    def keys(self, trie: bytes, prefix: bytes) -> Iterator[bytes]:
        page = self._store.keys(trie, prefix, prefix, _PAGE)
        while page:
            yield from page
            page = self._store.keys(trie, prefix, page[-1] + b"\0", _PAGE)

    def update(self, trie: bytes, changes: Mapping[bytes, bytes | None], layout: int) -> Update:
        real = self.real_changes(trie, changes, layout)
        wanted = {
            key: None if value is None else stored(value, layout) for key, value in real.items()
        }
        return update(_Head(self, trie), wanted)

    # -- what the trie and the file ask for

    def stored(self, trie: bytes, key: bytes) -> Stored | None:
        try:
            return self._values[trie, key]
        except KeyError:
            pass
        found = self._store.value(trie, key)
        if found is None or len(found[0]) <= _LONGEST_KEPT:
            if len(self._values) >= _MOST_VALUES:
                self._values.clear()
            self._values[trie, key] = found
        return found

    def branch(self, trie: bytes, path: bytes) -> Branch | None:
        try:
            return self._branches[trie, path]
        except KeyError:
            pass
        encoded = self._store.branch(trie, path)
        found = None if encoded is None else _branch(self._store, encoded)
        if len(self._branches) >= _MOST_BRANCHES:
            self._branches.clear()
        self._branches[trie, path] = found
        return found

    def first(self, trie: bytes, key: bytes) -> tuple[bytes, Stored] | None:
        """The first key at or after `key`, and what it holds."""
        found = self._store.from_key(trie, key)
        if found is None:
            return None
        held = self.stored(trie, found)
        return None if held is None else (found, held)

    def merkle_value(self, trie: bytes, key: bytes) -> bytes | None:
        """See :func:`decentralml.devchain.trie_update.merkle_value`."""
        return merkle_value(_Head(self, trie), key)

    def real_changes(
        self, trie: bytes, changes: Mapping[bytes, bytes | None], layout: int
    ) -> dict[bytes, bytes | None]:
        """Those of `changes` that make a difference."""
        real: dict[bytes, bytes | None] = {}
        for key, value in changes.items():
            old = self.stored(trie, key)
            if value is None:
                if old is not None:
                    real[key] = None
            elif old is None or old[0] != value or stored(value, old[1]) != stored(value, layout):
                real[key] = value
        return real

    def committed(
        self,
        head: Head,
        changes: Mapping[bytes, Mapping[bytes, bytes | None]],
        updates: Mapping[bytes, Update],
        layout: int,
    ) -> None:
        """A block was added by us: what is in memory follows."""
        for trie, values in changes.items():
            for key, value in values.items():
                if value is None:
                    self._values[trie, key] = None
                elif len(value) <= _LONGEST_KEPT:
                    self._values[trie, key] = (value, layout)
                else:
                    self._values.pop((trie, key), None)
        for trie, done in updates.items():
            for path in done.removed:
                self._branches[trie, path] = None
            for path, (node, _) in done.branches.items():
                self._branches[trie, path] = node
        self._head = head.hash


class _Head:
    """One trie of the head's state, for :func:`update`."""

    def __init__(self, state: HeadState, trie: bytes) -> None:
        self._state = state
        self._trie = trie

    def branch(self, path: bytes) -> Branch | None:
        return self._state.branch(self._trie, path)

    def leaf(self, path: bytes) -> tuple[bytes, Value] | None:
        # The least key below a path of odd length ends in a zero nibble.
        found = self._state.first(self._trie, pack(path + b"\0" if len(path) & 1 else path))
        if found is None:
            return None
        key, (value, layout) = found
        return nibbles(key), stored(value, layout)


class PastState:
    """The state after an older block. Its trie is not kept: roots take the whole of it."""

    def __init__(self, store: Store, number: int) -> None:
        self._store = store
        self._number = number

    def get(self, trie: bytes, key: bytes) -> bytes | None:
        found = self._store.past_value(trie, key, self._number)
        return None if found is None else found[0]

    def next_key(self, trie: bytes, key: bytes) -> bytes | None:
        found = self._store.past_keys(trie, b"", key + b"\0", 1, self._number)
        return found[0] if found else None

    def keys(self, trie: bytes, prefix: bytes) -> Iterator[bytes]:
        page = self._store.past_keys(trie, prefix, prefix, _PAGE, self._number)
        while page:
            yield from page
            page = self._store.past_keys(trie, prefix, page[-1] + b"\0", _PAGE, self._number)

    def update(self, trie: bytes, changes: Mapping[bytes, bytes | None], layout: int) -> Update:
        values: dict[bytes, Value] = {}
        for key in self.keys(trie, b""):
            found = self._store.past_value(trie, key, self._number)
            if found is not None:
                values[key] = stored(*found)
        return whole_update(values, changes, layout)


class _Past:
    """One trie of an older state: that of a `newer` one, the head's at first, taken back.

    Parameters
    ----------
    below : with this, only the part below this key is taken back, and can be asked for.
    """

    def __init__(
        self,
        store: Store,
        newer: _Head | _Past,
        trie: bytes,
        number: int,
        until: int,
        below: bytes = b"",
    ) -> None:
        self._store = store
        self._trie = trie
        self._number = number
        self._newer = newer
        self._below = below
        before = {
            key: None if found is None else stored(*found)
            for key, found in store.changed_since(trie, below, number, until)
        }
        self._undone = update(newer, before)

    def branch(self, path: bytes) -> Branch | None:
        if path in self._undone.removed:
            return None
        found = self._undone.branches.get(path)
        return self._newer.branch(path) if found is None else found[0]

    def leaf(self, path: bytes) -> tuple[bytes, Value] | None:
        least = pack(path + b"\0" if len(path) & 1 else path)
        keys = self._store.past_keys(self._trie, self._below, least, 1, self._number)
        held = self._store.past_value(self._trie, keys[0], self._number) if keys else None
        return None if held is None else (nibbles(keys[0]), stored(*held))


def past_merkle_value(
    store: Store, head: HeadState, trie: bytes, key: bytes, number: int
) -> bytes | None:
    """:meth:`HeadState.merkle_value` in the state after an older block: reads the history of what
    is below `key`, and what was beside it: that says where the node starts."""
    newest = store.head().number
    part = _Past(store, _Head(head, trie), trie, number, newest, key)
    found = closest_descendant(part, key)
    if found is None:
        return None
    stem = found[0] + found[1].partial
    beside = store.past_neighbours(trie, key, number)
    start = max((common_prefix(stem, nibbles(other)) + 1 for other in beside), default=0)
    return name_of(stem[:start], replace(found[1], partial=stem[start:]))


def proofs(
    store: Store, head: HeadState, wanted: Iterable[tuple[int, Iterable[bytes]]]
) -> list[bytes]:
    """The nodes that prove what keys hold after blocks, in the main trie; each node once.

    Of older blocks the history of all blocks since is read, once for all of them.
    """
    trie: _Head | _Past = _Head(head, MAIN)
    at = store.head().number
    found: dict[bytes, None] = {}
    for number, keys in sorted(wanted, key=lambda each: -each[0]):
        if number < at:
            trie, at = _Past(store, trie, MAIN, number, at), number
        state: State = head if number == store.head().number else PastState(store, number)
        found.update(dict.fromkeys(prove(trie, partial(state.get, MAIN), keys)))
    return list(found)


def _branch(store: Store, encoded: bytes) -> Branch:
    try:
        node = decode(encoded)
    except DecodeError as error:
        raise ChainFileDamaged(store.path, f"a trie node: {error}") from error
    if not isinstance(node, Branch):
        raise ChainFileDamaged(store.path, "a trie node that is no branch")
    return node
