"""Bringing a DAG from elsewhere into the local store.

Only blocks that a verified block links to are taken, each verified itself. What is in the store
already is not fetched again, so a fetch that was interrupted goes on where it was.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from decentralml.errors import BlockDamaged, BlockMismatch, ObjectNotFound, ObjectTooLarge
from decentralml.storage import cid as cids
from decentralml.storage.car import Reader, Stream
from decentralml.storage.dag import Limits, links_of
from decentralml.storage.dagpb import Link
from decentralml.storage.local import BlockStore, Writer
from decentralml.storage.unixfs import Progress

_OVERHEAD = 1 << 20


class Source(Protocol):
    """Where blocks come from."""

    name: str

    def export(self, cid: bytes) -> Iterator[bytes]:
        """A CAR of the DAG, piece by piece, unverified."""
        ...

    def block(self, cid: bytes) -> bytes:
        """One block, verified."""
        ...


def missing(store: BlockStore, root: bytes) -> list[Link]:
    """Links to the blocks that the store lacks, as far as those that it has can tell.

    The size of a missing root is -1: nobody has said it.

    Raises
    ------
    DagInvalid
    """
    lacking: dict[bytes, Link] = {}
    seen = set()
    waiting = [Link(root, "", -1)]
    while waiting:
        link = waiting.pop()
        if link.cid in seen:
            continue
        seen.add(link.cid)
        if cids.codec(link.cid) == cids.RAW:
            if not store.has(link.cid):
                lacking[link.cid] = link
            continue
        try:
            waiting += links_of(link.cid, store.get(link.cid))
        except (ObjectNotFound, BlockDamaged):
            lacking[link.cid] = link
    return list(lacking.values())


def fetch(
    store: BlockStore,
    source: Source,
    root: bytes,
    limits: Limits,
    progress: Progress | None = None,
) -> None:
    """Make the store hold the whole DAG of a root.

    Parameters
    ----------
    progress : told of bytes received.

    Raises
    ------
    ObjectNotFound : the source does not have all of it.
    BlockMismatch, CarInvalid, DagInvalid, ObjectTooLarge, StoreUnwritable
    """
    budget = _Budget(limits, progress)
    lacking = missing(store, root)
    while lacking:
        budget.expect(lacking)
        before = budget.blocks
        with store.writer() as writer:
            for link in lacking:
                if cids.codec(link.cid) == cids.RAW:
                    _take(writer, link.cid, source.block(link.cid), budget)
                else:
                    _fetch_tree(writer, source, link.cid, budget)
        lacking = missing(store, root)
        if lacking and budget.blocks == before:
            raise ObjectNotFound(cids.text(lacking[0].cid), source.name)


class _Budget:
    """Counts what is received against the limits.

    The limit on bytes is one on files; blocks may weigh an eighth more, and a megabyte.
    """

    def __init__(self, limits: Limits, progress: Progress | None) -> None:
        self._limits = limits
        self._progress = progress
        self._largest = limits.total_bytes + limits.total_bytes // 8 + _OVERHEAD
        self._total: int | None = None
        self.bytes = 0
        self.blocks = 0

    def expect(self, links: list[Link]) -> None:
        """Refuse at once what says of itself that it is too large."""
        if any(link.size < 0 for link in links):
            return
        self._total = self.bytes + sum(link.size for link in links)
        if self._total > self._largest:
            raise ObjectTooLarge("the content in bytes", self._limits.total_bytes)

    def count(self, block: bytes) -> None:
        self.bytes += len(block)
        self.blocks += 1
        if self.bytes > self._largest:
            raise ObjectTooLarge("the content in bytes", self._limits.total_bytes)
        if self.blocks > self._limits.blocks:
            raise ObjectTooLarge("the number of blocks", self._limits.blocks)
        if self._progress is not None:
            self._progress(self.bytes, self._total)


def _fetch_tree(writer: Writer, source: Source, root: bytes, budget: _Budget) -> None:
    """Take the blocks of a CAR that come after the block that links to them."""
    wanted = {root}
    for cid, block in Reader(Stream(source.export(root)), source.name):
        if cid not in wanted:
            raise BlockMismatch(cids.text(root), source.name)
        links = links_of(cid, block)
        wanted.update(link.cid for link in links)
        _take(writer, cid, block, budget)
        if cid == root:
            budget.expect(links)


def _take(writer: Writer, cid: bytes, block: bytes, budget: _Budget) -> None:
    budget.count(block)
    writer.put(cids.digest(cid), block)
