"""The local block store: blocks in pack files, found through an index in SQLite.

Any number of processes may read and write at once: each writer fills a pack of its own, and the
index takes entries in transactions, only after their bytes are on the disk. A writer that is
killed loses at most its last seconds; its unfinished pack is removed by a later writer. Every
block is hashed again when it is read: a damaged one is forgotten and reported, so that adding or
fetching it once more mends the store.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

from decentralml.errors import BlockDamaged, ObjectNotFound, StoreDamaged, StoreUnwritable
from decentralml.storage import cid as cids
from decentralml.storage.packfile import RUN, PackFile, aligned_buffer, is_abandoned
from decentralml.storage.staging import disk_errors

LOCK_SECONDS = 60.0
COMMIT_BYTES = 128 << 20
COMMIT_SECONDS = 2.0
ABANDONED_SECONDS = 60.0
_SCHEMA = """
CREATE TABLE IF NOT EXISTS packs (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS blocks (
  digest BLOB PRIMARY KEY, pack INTEGER NOT NULL, offset INTEGER NOT NULL, size INTEGER NOT NULL
) WITHOUT ROWID;
"""


class Place(NamedTuple):
    """Where a block's bytes are."""

    pack: str
    offset: int
    size: int


class BlockStore:
    """Blocks by CID in a folder, which is made when it is not there.

    Parameters
    ----------
    root : the folder.

    Raises
    ------
    StoreUnwritable, StoreDamaged
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.packs = root / "packs"
        self._lock = threading.RLock()
        self._swept = False
        with disk_errors(root):
            self.packs.mkdir(parents=True, exist_ok=True)
        with self.index_errors():
            self._index = sqlite3.connect(
                root / "index.sqlite",
                timeout=LOCK_SECONDS,
                isolation_level=None,
                check_same_thread=False,
            )
            self._index.execute("PRAGMA journal_mode=WAL")
            self._index.executescript(_SCHEMA)

    def close(self) -> None:
        self._index.close()

    def __enter__(self) -> BlockStore:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def has(self, cid: bytes) -> bool:
        """Whether a block of that CID is here; :meth:`get` finds out whether it is sound."""
        return bool(self.find([cid[4:]]))

    def get(self, cid: bytes) -> bytes:
        """The block, verified.

        Raises
        ------
        ObjectNotFound, BlockDamaged
        """
        digest = cid[4:]
        place = self.find([digest]).get(digest)
        if place is None:
            raise ObjectNotFound(cids.text(cid), f"the local store {self.root}")
        block = self.read(place)
        if block is None or hashlib.sha256(block).digest() != digest:
            with self._lock, self.index_errors():
                self._index.execute(
                    "DELETE FROM blocks WHERE digest = ? AND offset = ?", (digest, place.offset)
                )
            raise BlockDamaged(cids.text(cid), str(self.packs / place.pack))
        return block

    def writer(self) -> Writer:
        """A context in which blocks are added; they are all committed at its end, even by error
        (each is sound in itself, and a repeated attempt finds it there)."""
        if not self._swept:
            self._swept = True
            self.sweep()
        return Writer(self)

    def find(self, digests: Sequence[bytes]) -> dict[bytes, Place]:
        """Places of those blocks that are here."""
        marks = ",".join("?" * len(digests))
        with self._lock, self.index_errors():
            rows = self._index.execute(
                "SELECT digest, name, offset, size FROM blocks JOIN packs ON pack = id "
                f"WHERE digest IN ({marks})",
                digests,
            ).fetchall()
        return {digest: Place(name, offset, size) for digest, name, offset, size in rows}

    def read(self, place: Place) -> bytes | None:
        """The bytes at a place, unverified; None where the pack is gone or too short."""
        if place.size == 0:
            return b""
        try:
            descriptor = os.open(self.packs / place.pack, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        try:
            block = os.pread(descriptor, place.size, place.offset)
        except OSError:  # a bad sector is damage like any other
            return None
        finally:
            os.close(descriptor)
        return block if len(block) == place.size else None

    def holds(self, place: Place, block: bytes | memoryview) -> bool:
        """Whether the bytes at a place are those of the block."""
        stored = self.read(place)
        return stored is not None and memoryview(stored) == block

    def commit(self, pack: str, places: dict[bytes, Place]) -> None:
        """Enter blocks, which must be on the disk, into the index."""
        with self._lock, self.index_errors():
            self._index.execute("BEGIN IMMEDIATE")
            try:
                self._index.execute("INSERT OR IGNORE INTO packs (name) VALUES (?)", (pack,))
                found = self._index.execute("SELECT id FROM packs WHERE name = ?", (pack,))
                (number,) = found.fetchone()
                self._index.executemany(
                    "INSERT OR REPLACE INTO blocks VALUES (?, ?, ?, ?)",
                    [(d, number, place.offset, place.size) for d, place in places.items()],
                )
                self._index.execute("COMMIT")
            except BaseException:
                if self._index.in_transaction:
                    self._index.execute("ROLLBACK")
                raise

    def sweep(self) -> None:
        """Remove packs of killed writers that no index entry names."""
        known = self._known_packs()
        before = time.time() - ABANDONED_SECONDS
        # a young pack may belong to a writer that has not locked it yet
        abandoned = [
            path
            for path in self.packs.iterdir()
            if path.name not in known and _modified(path) < before and is_abandoned(path)
        ]
        if abandoned:
            known = self._known_packs()  # its writer may have committed and ended meanwhile
            for path in abandoned:
                if path.name not in known:
                    path.unlink(missing_ok=True)

    def _known_packs(self) -> set[str]:
        with self._lock, self.index_errors():
            return {name for (name,) in self._index.execute("SELECT name FROM packs")}

    @contextmanager
    def index_errors(self) -> Iterator[None]:
        """Turn SQLite's complaints into this package's."""
        try:
            yield
        except sqlite3.OperationalError as error:
            raise StoreUnwritable(str(self.root), f"its index says: {error}") from error
        except sqlite3.DatabaseError as error:
            raise StoreDamaged(str(self.root), str(error)) from error


class Writer:
    """Adds blocks to a store; its methods may be called from several threads."""

    def __init__(self, store: BlockStore) -> None:
        self._store = store
        self._lock = threading.RLock()
        self._name = f"{uuid.uuid4().hex}.pack"
        self._pack: PackFile | None = None
        self._pending: dict[bytes, Place] = {}
        self._pending_bytes = 0
        self._committed_at = time.monotonic()
        self._is_indexed = False
        self._small: dict[bytes, bytes] = {}
        self._small_bytes = 0

    def __enter__(self) -> Writer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self.commit()
        except StoreUnwritable:
            if error is None:  # else the disk's first complaint is the one to report
                raise
        finally:
            if self._pack is not None:
                self._pack.close(keep=self._is_indexed)

    def put(self, digest: bytes, block: bytes | memoryview) -> None:
        """Add a block that was just hashed to this digest.

        Raises
        ------
        StoreUnwritable
        """
        if self._holds(digest, block):
            return
        if len(block) > RUN:
            raise ValueError(f"a block of {len(block)} bytes; the store takes {RUN}")
        with self._lock:
            if self._small_bytes + len(block) > RUN:
                self._flush()
            self._small[digest] = bytes(block)
            self._small_bytes += len(block)
            if self._pending_bytes + self._small_bytes >= COMMIT_BYTES or self._is_late():
                self.commit()

    def put_run(self, digests: Sequence[bytes], run: memoryview, size: int) -> None:
        """Add consecutive blocks, all of ``size`` bytes but the last.

        Parameters
        ----------
        run : in an :func:`~decentralml.storage.packfile.aligned_buffer`.

        Raises
        ------
        StoreUnwritable
        """
        blocks = {
            digest: (at, run[at : at + size])
            for digest, at in zip(digests, range(0, len(run), size), strict=True)
        }
        known = self._store.find(list(blocks))
        missing = [
            digest
            for digest, (_, block) in blocks.items()
            if not self._is_pending(digest)
            and (digest not in known or not self._store.holds(known[digest], block))
        ]
        if not missing:
            return
        base = self._open_pack().write(run)
        with self._lock:
            for digest in missing:
                at, block = blocks[digest]
                self._pending[digest] = Place(self._name, base + at, len(block))
                self._pending_bytes += len(block)
            if self._pending_bytes >= COMMIT_BYTES or self._is_late():
                self.commit()

    def commit(self) -> None:
        """Make everything added so far durable and visible to others."""
        with self._lock:
            self._flush()
            if self._pending:
                self._open_pack().sync()
                self._store.commit(self._name, self._pending)
                self._is_indexed = True
            self._pending = {}
            self._pending_bytes = 0
            self._committed_at = time.monotonic()

    def _holds(self, digest: bytes, block: bytes | memoryview) -> bool:
        if self._is_pending(digest):
            return True
        place = self._store.find([digest]).get(digest)
        return place is not None and self._store.holds(place, block)

    def _is_pending(self, digest: bytes) -> bool:
        with self._lock:
            return digest in self._pending or digest in self._small

    def _is_late(self) -> bool:
        return time.monotonic() - self._committed_at > COMMIT_SECONDS

    def _flush(self) -> None:
        """Write the small blocks collected so far as one run."""
        if not self._small:
            return
        run = aligned_buffer()
        at = 0
        places = {}
        for digest, block in self._small.items():
            run[at : at + len(block)] = block
            places[digest] = (at, len(block))
            at += len(block)
        base = self._open_pack().write(run[:at]) if at else 0
        for digest, (offset, size) in places.items():
            self._pending[digest] = Place(self._name, base + offset, size)
        self._pending_bytes += self._small_bytes
        self._small = {}
        self._small_bytes = 0

    def _open_pack(self) -> PackFile:
        with self._lock:
            if self._pack is None:
                self._pack = PackFile(self._store.packs / self._name)
            return self._pack


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return time.time()
