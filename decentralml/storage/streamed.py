"""The CID of a file while its bytes pass by, in memory that does not grow with it."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from decentralml.errors import SourceChanged
from decentralml.storage import cid as cids
from decentralml.storage.dagpb import Link
from decentralml.storage.unixfs import CHUNK, BalancedTree
from decentralml.types import Cid


class StreamedCid:
    """Takes a file's bytes in pieces of any size and says its CID at the end.

    The same that :func:`decentralml.storage.unixfs.cid_of` gives for the file.
    """

    def __init__(self) -> None:
        self._tree = BalancedTree(_name_node)
        self._leaves = 0
        self._hash = hashlib.sha256()
        self._filled = 0
        """Bytes of the chunk that is being hashed."""
        self._root: bytes | None = None

    def update(self, piece: bytes | memoryview) -> None:
        view = memoryview(piece)
        while view:
            part = view[: CHUNK - self._filled]
            self._hash.update(part)
            self._filled += len(part)
            view = view[len(part) :]
            if self._filled == CHUNK:
                self._close_chunk()

    def cid(self) -> Cid:
        """Of all bytes so far; none can be added afterwards."""
        if self._root is None:
            if self._filled or not self._leaves:
                self._close_chunk()
            self._root = self._tree.root().cid
        return cids.text(self._root)

    def _close_chunk(self) -> None:
        leaf = cids.make(cids.RAW, self._hash.digest())
        self._tree.add(Link(leaf, "", self._filled))
        self._leaves += 1
        self._hash = hashlib.sha256()
        self._filled = 0


def file_cid(path: Path) -> Cid:
    """The CID of a plain file, read by this thread alone.

    Below some 64 MiB that is done sooner than :func:`decentralml.storage.unixfs.cid_of`, which
    has to start threads first.

    Raises
    ------
    SourceChanged, OSError
    """
    streamed = StreamedCid()
    buffer = memoryview(bytearray(CHUNK))
    with path.open("rb", buffering=0) as file:
        before = os.fstat(file.fileno())
        while size := file.readinto(buffer):
            streamed.update(buffer[:size])
        after = os.fstat(file.fileno())
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise SourceChanged(str(path))
    return streamed.cid()


def _name_node(block: bytes) -> bytes:
    return cids.make(cids.DAG_PB, hashlib.sha256(block).digest())
