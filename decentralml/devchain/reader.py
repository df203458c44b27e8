"""Reading a chain file: what the chain is, its blocks and its states, old and new.

Nothing here loads the state or imports WebAssembly.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from decentralml.devchain.block import Block
from decentralml.devchain.keys import TIMESTAMP
from decentralml.devchain.state import MAIN, State
from decentralml.devchain.states import HeadState, PastState, past_merkle_value, proofs
from decentralml.devchain.store import RuntimeRecord, Store
from decentralml.devchain.version import RuntimeVersion
from decentralml.errors import UnknownBlock

_MOST_REMEMBERED: Final = 1024


class ChainReader:
    """An open chain file, for reading. Thread-safe.

    Every `at` is a block hash (32 bytes); None is the head. Reading at a hash is stable while
    blocks are added, by whatever process. A hash that the chain does not have raises
    :class:`~decentralml.errors.UnknownBlock`.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._guard = threading.RLock()
        self._state = HeadState(store)
        self._records: dict[int, RuntimeRecord] = {}
        self._since: dict[int, int] = {}
        self._genesis: bytes | None = None
        self._own_blocks = 0
        self._seen: tuple[int, int] | None = None

    # -- what it is

    @property
    def name(self) -> str:
        with self._guard:
            return str(self._store.meta("name"))

    @property
    def properties(self) -> dict[str, Any]:
        with self._guard:
            return dict(self._store.meta("properties"))

    @property
    def genesis(self) -> bytes:
        if self._genesis is None:
            self._genesis = self.block_hash(0)
        assert self._genesis is not None, "an open chain has a genesis block"
        return self._genesis

    @property
    def head(self) -> bytes:
        with self._guard:
            return self._store.head().hash

    @property
    def finalized(self) -> bytes:
        """Always the head: nothing is ever taken back."""
        return self.head

    @property
    def height(self) -> int:
        with self._guard:
            return self._store.head().number

    @property
    def runtime_version(self) -> RuntimeVersion:
        """At the head."""
        return self.runtime_version_at()

    def runtime_version_at(self, at: bytes | None = None) -> RuntimeVersion:
        with self._guard, self._store.reading():
            return RuntimeVersion.decode(self._record(self._number(at)).version)

    def metadata(self, at: bytes | None = None) -> bytes:
        """Version 14, starting with ``b"meta"``."""
        with self._guard, self._store.reading():
            return self._record(self._number(at)).metadata

    def changed(self) -> bool:
        """Whether blocks were added, by any process, since the last call: cheap, for polling.

        True the first time."""
        with self._guard:
            now = (self._own_blocks, self._store.data_version())
            before, self._seen = self._seen, now
            return now != before

    def now(self) -> int:
        """Unix milliseconds on the chain: the head's timestamp (0 at genesis)."""
        return int.from_bytes(self.storage(TIMESTAMP) or b"", "little")

    # -- blocks

    def block_hash(self, number: int) -> bytes | None:
        with self._guard:
            return self._store.block_hash(number)

    def block_number(self, block: bytes) -> int | None:
        with self._guard:
            return self._store.block_number(block)

    def header(self, at: bytes | None = None) -> bytes | None:
        """SCALE encoded; None when there is no such block."""
        with self._guard:
            return self._store.head().header if at is None else self._store.header(at)

    def block(self, at: bytes | None = None) -> Block | None:
        """None when there is no such block."""
        with self._guard:
            return self._store.block(self._store.head().hash if at is None else at)

    def find_extrinsic(self, extrinsic_hash: bytes) -> tuple[int, int] | None:
        """Block number and index of a signed extrinsic (blake2-256 of its bytes), if included."""
        with self._guard:
            return self._store.find_extrinsic(extrinsic_hash)

    # -- state

    def storage(self, key: bytes, at: bytes | None = None) -> bytes | None:
        with self._reading(at) as (state, _):
            return state.get(MAIN, key)

    def query(
        self, keys: Iterable[bytes], at: bytes | None = None
    ) -> list[tuple[bytes, bytes | None]]:
        """Many keys at one moment."""
        with self._reading(at) as (state, _):
            return [(key, state.get(MAIN, key)) for key in keys]

    def keys(
        self, prefix: bytes, limit: int, start: bytes | None = None, at: bytes | None = None
    ) -> list[bytes]:
        """At most `limit` keys with `prefix`, in order, after `start`."""
        return self._keys(MAIN, prefix, limit, start, at)

    def child_storage(self, child: bytes, key: bytes, at: bytes | None = None) -> bytes | None:
        """`child` is the child trie's name, without ``:child_storage:default:``."""
        with self._reading(at) as (state, _):
            return state.get(child, key)

    def child_keys(
        self,
        child: bytes,
        prefix: bytes,
        limit: int,
        start: bytes | None = None,
        at: bytes | None = None,
    ) -> list[bytes]:
        return self._keys(child, prefix, limit, start, at)

    def merkle_value(
        self, key: bytes, at: bytes | None = None, child: bytes = MAIN
    ) -> bytes | None:
        """What names, in the trie, all that has `key` as prefix: 32 bytes, or a shorter node
        itself; None when nothing has. Of an older block it reads the changes since
        of what has that prefix."""
        with self._guard, self._store.reading():
            head, number = self._store.head(), self._number(at)
            state = self._state.at(head)
            if number == head.number:
                return state.merkle_value(child, key)
            return past_merkle_value(self._store, state, child, key, number)

    def read_proofs(self, wanted: Mapping[bytes, Iterable[bytes]]) -> list[bytes]:
        """The nodes of the main trie that show what keys, by block, hold to whoever knows the
        state roots. Of older blocks it reads all changes since, once for all of them."""
        with self._guard, self._store.reading():
            blocks = [(self._number(at), keys) for at, keys in wanted.items()]
            return proofs(self._store, self._state.at(self._store.head()), blocks)

    def changed_keys(
        self,
        first: bytes,
        last: bytes,
        prefix: bytes,
        limit: int,
        start: bytes | None = None,
        child: bytes = MAIN,
    ) -> list[bytes]:
        """At most `limit` keys with `prefix`, in order, after `start`, that a block between two
        (in either order) has touched; some may hold again what they held."""
        after = b"" if start is None else start + b"\0"
        with self._guard, self._store.reading():
            low, high = sorted((self._number(first), self._number(last)))
            return self._store.changed_between(child, prefix, after, limit, low, high)

    # -- inside

    @contextmanager
    def _reading(self, at: bytes | None = None) -> Iterator[tuple[State, int]]:
        """One moment of the file: a state and the number of its block."""
        with self._guard, self._store.reading():
            head = self._store.head()
            number = head.number if at is None else self._number(at)
            if number == head.number:
                yield self._state.at(head), number
            else:
                yield PastState(self._store, number), number

    def _number(self, at: bytes | None) -> int:
        if at is None:
            return self._store.head().number
        number = self._store.block_number(at)
        if number is None:
            raise UnknownBlock(at)
        return number

    def _keys(
        self, trie: bytes, prefix: bytes, limit: int, start: bytes | None, at: bytes | None
    ) -> list[bytes]:
        after = b"" if start is None else start + b"\0"
        with self._guard, self._store.reading():
            number = self._number(at)
            if number == self._store.head().number:
                return self._store.keys(trie, prefix, after, limit)
            return self._store.past_keys(trie, prefix, after, limit, number)

    def _record(self, number: int) -> RuntimeRecord:
        """The runtime in force on the state of block `number`, which never changes."""
        since = self._since.get(number)
        if since is None:
            if len(self._since) >= _MOST_REMEMBERED:
                self._since.clear()
            since = self._since[number] = self._store.runtime_since(number)
        record = self._records.get(since)
        if record is None:
            record = self._records[since] = self._store.runtime(number)
        return record
