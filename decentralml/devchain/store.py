"""The chain file: reading it and adding blocks to it, in SQL and nothing else."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from decentralml.devchain.block import Block, is_inherent
from decentralml.devchain.codec import Reader, vector
from decentralml.devchain.hashes import blake2_256
from decentralml.devchain.schema import APPLICATION_ID, FORMAT, TABLES
from decentralml.devchain.sql import connect, explained, identity
from decentralml.devchain.trie_update import Update
from decentralml.errors import (
    ChainError,
    ChainFileDamaged,
    ChainFileExists,
    ChainFileGone,
    ChainFileMissing,
    ChainFileTooNew,
    NotAChainFile,
)

_NEXT_KEY: Final = {
    table: f"SELECT key FROM {table} WHERE trie = ? AND key >= ? AND key < ? ORDER BY key LIMIT 1"
    for table in ("state", "history")
}
_PREVIOUS_KEY: Final = {
    table: f"SELECT key FROM {table} WHERE trie = ? AND key < ? ORDER BY key DESC LIMIT 1"
    for table in ("state", "history")
}


@dataclass(frozen=True, slots=True)
class Head:
    number: int
    hash: bytes
    header: bytes


@dataclass(frozen=True, slots=True)
class RuntimeRecord:
    """A runtime in force; digests are blake2-256."""

    code: bytes
    """Digest of ``:code``."""
    pending: bytes | None
    """Digest of ``:pending_code``."""
    version: bytes
    metadata: bytes


@dataclass(frozen=True, slots=True)
class NewBlock:
    """Everything that a block adds to the file."""

    block: Block
    changes: Mapping[bytes, Mapping[bytes, bytes | None]]
    """New values by trie and key; None removes."""
    updates: Mapping[bytes, Update]
    """What that does to each trie's branches."""
    layout: int
    runtime: RuntimeRecord | None
    """If another one is in force from this block's state on."""


class Store:
    """An open chain file. Not thread-safe by itself: :class:`DevChain` takes care of that."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._sql = connection
        self._identity = identity(path)

    # -- the file

    @classmethod
    def create(cls, path: Path) -> Store:
        """A new file with empty tables."""
        if path.exists():
            raise ChainFileExists(path)
        store = cls(path, connect(path))
        with explained(path):
            store._sql.execute("PRAGMA journal_mode=WAL")
            store._sql.execute(f"PRAGMA application_id={APPLICATION_ID}")
            store._sql.execute(f"PRAGMA user_version={FORMAT}")
            store._sql.executescript(TABLES)
        return store

    @classmethod
    def open(cls, path: Path) -> Store:
        if not path.is_file():
            raise ChainFileMissing(path)
        store = cls(path, connect(path))
        try:
            store._check()
        except BaseException:
            store.close()
            raise
        return store

    def _check(self) -> None:
        with explained(self.path):
            found = self._one("PRAGMA application_id")[0]
            version = self._one("PRAGMA user_version")[0]
            if found != APPLICATION_ID:
                raise NotAChainFile(self.path)
            if version > FORMAT:
                raise ChainFileTooNew(self.path, version, FORMAT)
            if self._first("SELECT 1 FROM blocks WHERE number = 0") is None:
                raise ChainFileDamaged(self.path, "it has no genesis block")

    def gather(self) -> None:
        """Move all that the log holds into the file itself, which is then complete without it.

        Closing does so too, but says nothing when it cannot.
        """
        with explained(self.path):
            busy = self._one("PRAGMA wal_checkpoint(TRUNCATE)")[0]
        if busy:
            raise ChainError(f"{self.path} is in use by another program; end it and try again")

    def close(self) -> None:
        self._sql.close()

    # -- transactions

    @contextmanager
    def reading(self) -> Iterator[None]:
        """One moment: what is read inside does not change under the reader."""
        with self._transaction("BEGIN"):
            yield

    @contextmanager
    def writing(self) -> Iterator[None]:
        """All or nothing: what is written inside is in the file and on disk at the end."""
        with self._transaction("BEGIN IMMEDIATE"):
            yield

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[None]:
        with explained(self.path):
            if self._sql.in_transaction:  # inside another one already
                yield
                return
            self._sql.execute(begin)
            try:
                # A file that has lost its name still takes writes, which nobody would find again.
                if identity(self.path) != self._identity:
                    raise ChainFileGone(self.path)
                yield
                self._sql.execute("COMMIT")
            except BaseException:
                if self._sql.in_transaction:
                    self._sql.execute("ROLLBACK")
                raise

    def data_version(self) -> int:
        """Changes when another process has committed."""
        return int(self._one("PRAGMA data_version")[0])

    # -- meta

    def meta(self, name: str) -> Any:
        """A value that :meth:`set_meta` put there, or None."""
        row = self._first("SELECT value FROM meta WHERE name = ?", (name,))
        return None if row is None else json.loads(row[0])

    def set_meta(self, name: str, value: Any) -> None:
        self._sql.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, json.dumps(value)))

    # -- blocks

    def head(self) -> Head:
        row = self._one("SELECT number, hash, header FROM blocks ORDER BY number DESC LIMIT 1")
        return Head(*row)

    def block_hash(self, number: int) -> bytes | None:
        row = self._first("SELECT hash FROM blocks WHERE number = ?", (number,))
        return None if row is None else row[0]

    def block_number(self, block: bytes) -> int | None:
        row = self._first("SELECT number FROM blocks WHERE hash = ?", (block,))
        return None if row is None else row[0]

    def header(self, block: bytes) -> bytes | None:
        row = self._first("SELECT header FROM blocks WHERE hash = ?", (block,))
        return None if row is None else row[0]

    def block(self, block: bytes) -> Block | None:
        row = self._first("SELECT number, header, extrinsics FROM blocks WHERE hash = ?", (block,))
        if row is None:
            return None
        number, header, body = row
        return Block(number, block, header, _extrinsics(body))

    def find_extrinsic(self, extrinsic: bytes) -> tuple[int, int] | None:
        """Block number and position, by hash."""
        sql = "SELECT block, position FROM extrinsics WHERE hash = ?"
        row: tuple[int, int] | None = self._first(sql, (extrinsic,))
        return row

    def runtime(self, number: int) -> RuntimeRecord:
        """In force on the state of block `number`."""
        row = self._one(
            "SELECT code, pending, version, metadata FROM runtimes WHERE since <= ?"
            " ORDER BY since DESC LIMIT 1",
            (number,),
        )
        return RuntimeRecord(*row)

    def runtime_since(self, number: int) -> int:
        """Since which block the runtime of `number` is in force: cheap, a key for caches."""
        row = self._first(
            "SELECT since FROM runtimes WHERE since <= ? ORDER BY since DESC LIMIT 1", (number,)
        )
        if row is None:
            raise ChainFileDamaged(self.path, "it does not know its runtime")
        return int(row[0])

    # -- the head's state

    def value(self, trie: bytes, key: bytes) -> tuple[bytes, int] | None:
        """Value and layout."""
        sql = "SELECT value, layout FROM state WHERE trie = ? AND key = ?"
        row: tuple[bytes, int] | None = self._first(sql, (trie, key))
        return row

    def from_key(self, trie: bytes, key: bytes) -> bytes | None:
        """The first key at or after `key`."""
        row = self._first(
            "SELECT key FROM state WHERE trie = ? AND key >= ? ORDER BY key LIMIT 1", (trie, key)
        )
        return None if row is None else row[0]

    def keys(self, trie: bytes, prefix: bytes, start: bytes, limit: int) -> list[bytes]:
        """At most `limit` keys with `prefix`, at or after `start`."""
        rows = self._sql.execute(
            "SELECT key FROM state WHERE trie = ? AND key >= ? AND key < ? ORDER BY key LIMIT ?",
            (trie, max(prefix, start), _after_prefix(prefix), limit),
        )
        return [row[0] for row in rows]

    def branch(self, trie: bytes, path: bytes) -> bytes | None:
        row = self._first("SELECT node FROM branches WHERE trie = ? AND path = ?", (trie, path))
        return None if row is None else row[0]

    # -- older states

    def past_value(self, trie: bytes, key: bytes, number: int) -> tuple[bytes, int] | None:
        """Value and layout after block `number`."""
        row = self._first(
            "SELECT value, layout FROM history WHERE trie = ? AND key = ? AND block > ?"
            " ORDER BY block LIMIT 1",
            (trie, key, number),
        )
        if row is None:
            return self.value(trie, key)
        return None if row[0] is None else row

    def past_keys(
        self, trie: bytes, prefix: bytes, start: bytes, limit: int, number: int
    ) -> list[bytes]:
        """Like :meth:`keys`, after block `number`."""
        found: list[bytes] = []
        key, end = max(prefix, start), _after_prefix(prefix)
        # From key to key: a key that changes in every block has a row of history for each.
        while len(found) < limit:
            candidates = [
                row[0]
                for table in ("state", "history")
                if (row := self._first(_NEXT_KEY[table], (trie, key, end))) is not None
            ]
            if not candidates:
                break
            key = min(candidates)
            if self.past_value(trie, key, number) is not None:
                found.append(key)
            key += b"\0"
        return found

    def past_neighbours(self, trie: bytes, prefix: bytes, number: int) -> list[bytes]:
        """The last key before all with `prefix`, and the first after them, after block `number`;
        where there are such."""
        found: list[bytes] = []
        before: bytes | None = prefix
        while before is not None:
            rows = [self._first(sql, (trie, before)) for sql in _PREVIOUS_KEY.values()]
            before = max((row[0] for row in rows if row is not None), default=None)
            if before is not None and self.past_value(trie, before, number) is not None:
                found.append(before)
                break
        return found + self.past_keys(trie, b"", _after_prefix(prefix), 1, number)

    def changed_since(
        self, trie: bytes, prefix: bytes, number: int, until: int
    ) -> Iterator[tuple[bytes, tuple[bytes, int] | None]]:
        """Keys with `prefix` that blocks after `number`, up to `until`, touched, with value and
        layout before: reads all of their history."""
        rows = self._sql.execute(
            "SELECT key, value, layout, MIN(block) FROM history WHERE trie = ? AND key >= ?"
            " AND key < ? AND block > ? AND block <= ? GROUP BY key",
            (trie, prefix, _after_prefix(prefix), number, until),
        )
        for key, value, layout, _ in rows:
            yield key, None if value is None else (value, layout)

    def changed_between(
        self, trie: bytes, prefix: bytes, start: bytes, limit: int, first: int, last: int
    ) -> list[bytes]:
        """At most `limit` keys with `prefix`, at or after `start`, that blocks after `first` up to
        `last` touched, in order."""
        rows = self._sql.execute(
            "SELECT DISTINCT key FROM history WHERE trie = ? AND key >= ? AND key < ?"
            " AND block > ? AND block <= ? ORDER BY key LIMIT ?",
            (trie, max(prefix, start), _after_prefix(prefix), first, last, limit),
        )
        return [row[0] for row in rows]

    # -- adding a block

    def add(self, new: NewBlock) -> None:
        """Inside :meth:`writing`."""
        block = new.block
        self._sql.execute(
            "INSERT INTO blocks VALUES (?, ?, ?, ?)",
            (block.number, block.hash, block.header, vector(block.extrinsics)),
        )
        self._sql.executemany(
            "INSERT OR REPLACE INTO extrinsics VALUES (?, ?, ?)",
            (
                (blake2_256(extrinsic), block.number, position)
                for position, extrinsic in enumerate(block.extrinsics)
                if not is_inherent(extrinsic)
            ),
        )
        for trie, changes in new.changes.items():
            self._change(trie, changes, block.number, new.layout)
        for trie, done in new.updates.items():
            self._sql.executemany(
                "DELETE FROM branches WHERE trie = ? AND path = ?",
                ((trie, path) for path in done.removed),
            )
            self._sql.executemany(
                "INSERT OR REPLACE INTO branches VALUES (?, ?, ?)",
                ((trie, path, encoded) for path, (_, encoded) in done.branches.items()),
            )
        if new.runtime is not None:
            known = new.runtime
            self._sql.execute(
                "INSERT INTO runtimes VALUES (?, ?, ?, ?, ?)",
                (block.number, known.code, known.pending, known.version, known.metadata),
            )

    def _change(
        self, trie: bytes, changes: Mapping[bytes, bytes | None], number: int, layout: int
    ) -> None:
        if number > 0:
            self._sql.executemany(
                "INSERT INTO history SELECT ?1, ?2, ?3, value, layout FROM (SELECT 1)"
                " LEFT JOIN state ON trie = ?1 AND key = ?2",
                ((trie, key, number) for key in changes),
            )
        self._sql.executemany(
            "DELETE FROM state WHERE trie = ? AND key = ?",
            ((trie, key) for key, value in changes.items() if value is None),
        )
        self._sql.executemany(
            "INSERT OR REPLACE INTO state VALUES (?, ?, ?, ?)",
            ((trie, key, value, layout) for key, value in changes.items() if value is not None),
        )

    # -- inside

    def _first(self, sql: str, values: tuple[Any, ...] = ()) -> Any:
        with explained(self.path):
            return self._sql.execute(sql, values).fetchone()

    def _one(self, sql: str, values: tuple[Any, ...] = ()) -> Any:
        row = self._first(sql, values)
        if row is None:
            raise ChainFileDamaged(self.path, "a row that must be there is not")
        return row


def _extrinsics(body: bytes) -> tuple[bytes, ...]:
    reader = Reader(body)
    return tuple(_whole(reader) for _ in range(reader.compact()))


def _whole(reader: Reader) -> bytes:
    start = reader.offset
    reader.take(reader.compact())
    return reader.data[start : reader.offset]


def _after_prefix(prefix: bytes) -> bytes:
    """A key after all that have `prefix`. Keys are far shorter than its tail for 0xff… ."""
    stem = prefix.rstrip(b"\xff")
    if not stem:
        return b"\xff" * 4096
    return stem[:-1] + bytes((stem[-1] + 1,))
