"""Folder to DAG to CID: the same as ``ipfs add -r --cid-version=1``.

Every parameter is pinned: chunks of 256 KiB, raw leaves, balanced trees of 174 links, sha2-256,
entries sorted by the bytes of their names, folders sharded above 256 KiB of names and CIDs, no
modes and no times. Names that begin with a dot are packed like any other (``ipfs add -H``):
nothing is left out in silence. Links and special files are refused.

Hashing is the hot path. Large files are cut into jobs of a few chunks for a small pool of threads;
reading, hashing and writing all release the interpreter's lock, and each thread keeps one buffer,
so that memory does not grow with the size of what is added.

Sources: https://specs.ipfs.tech/unixfs/ and Kubo's ``core/commands/add.go``.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Protocol

from decentralml.errors import (
    NotPlain,
    PathNotFound,
    SourceChanged,
    SourceUnreadable,
    UnsafePath,
)
from decentralml.storage import cid as cids
from decentralml.storage import hamt
from decentralml.storage.dagpb import Link, NodeType, encode_node, encode_unixfs
from decentralml.storage.names import MAX_DEPTH, check_name
from decentralml.storage.packfile import RUN, aligned_buffer
from decentralml.types import Cid

CHUNK = 256 * 1024
WIDTH = 174
SHARD_ABOVE = 256 * 1024
"""Bytes of names and CIDs above which a folder is sharded."""
THREADS = 8
"""More than cores, since they wait for the disk too; each has a buffer of :data:`RUN` bytes."""

Progress = Callable[[int, int | None], None]
"""Takes bytes done and bytes in all (None while unknown)."""


class Sink(Protocol):
    """Where blocks go; called from several threads. Views are valid during the call only."""

    def put(self, digest: bytes, block: bytes | memoryview) -> None:
        """One block."""
        ...

    def put_run(self, digests: Sequence[bytes], run: memoryview, size: int) -> None:
        """Consecutive blocks, all of ``size`` bytes but the last."""
        ...


def cid_of(path: Path, progress: Progress | None = None) -> Cid:
    """The CID of a file or folder, storing nothing.

    Raises
    ------
    PathNotFound, NotPlain, UnsafePath, SourceChanged
    """
    with Importer(None, progress) as importer:
        return cids.text(importer.add(path).cid)


class Importer:
    """Computes DAGs and hands every block to a sink.

    Parameters
    ----------
    sink : takes the blocks; None computes CIDs only.
    progress : called from the caller's thread.
    """

    def __init__(self, sink: Sink | None, progress: Progress | None = None) -> None:
        self._sink = sink
        self._progress = progress
        self._done = 0
        self._total: int | None = None
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="unixfs")

    def __enter__(self) -> Importer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._pool.shutdown(cancel_futures=True)

    def add(self, path: Path) -> Link:
        """The DAG of a file or folder; the link's name is empty.

        Raises
        ------
        PathNotFound, NotPlain, UnsafePath, SourceChanged
        """
        name = os.fspath(path)
        if self._progress is not None:
            self._done, self._total = 0, _weight(name)
            self._progress(0, self._total)
        return self._entry(name, 0)

    def add_bytes(self, data: bytes) -> Link:
        """The DAG of a file with this content."""
        if len(data) <= CHUNK:
            return self._leaf(hashlib.sha256(data).digest(), data)
        view = memoryview(data)
        chunks = (view[at : at + CHUNK] for at in range(0, len(data), CHUNK))
        return _balanced((self._leaf(_hash(c), c) for c in chunks), self._put_node)

    def _entry(self, path: str, depth: int) -> Link:
        mode = _mode(path)
        if stat.S_ISDIR(mode):
            return self._folder(path, depth)
        return self._file(path)

    def _folder(self, path: str, depth: int) -> Link:
        if depth > MAX_DEPTH:
            raise UnsafePath(path, f"it lies more than {MAX_DEPTH} folders deep")
        links = []
        for name in sorted(_names(path), key=os.fsencode):
            below = f"{path}{os.sep}{name}"
            check_name(name, below)
            entry = self._entry(below, depth + 1)
            links.append(Link(entry.cid, name, entry.size))
        # Kubo's own estimate: names and CIDs, not what the block would weigh.
        if sum(len(link.name.encode()) + len(link.cid) for link in links) > SHARD_ABOVE:
            return hamt.build(links, self._put_node)
        block = encode_node(links, encode_unixfs(NodeType.DIRECTORY))
        return Link(self._put_node(block), "", len(block) + sum(link.size for link in links))

    def _file(self, path: str) -> Link:
        # O_NOFOLLOW: what was a plain file a moment ago must not be a link now.
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError as error:
            raise _read_error(path, error) from error
        try:
            before = os.fstat(descriptor)
            size = before.st_size
            if size <= CHUNK:
                link = self._small(descriptor, path, size)
            else:
                link = _balanced(self._leaves(descriptor, path, size), self._put_node)
            after = os.fstat(descriptor)
        finally:
            os.close(descriptor)
        if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
            raise SourceChanged(path)
        return link

    def _small(self, descriptor: int, path: str, size: int) -> Link:
        data = os.read(descriptor, size + 1)
        if len(data) != size:
            raise SourceChanged(path)
        self._advance(size)
        return self._leaf(hashlib.sha256(data).digest(), data)

    def _leaf(self, digest: bytes, data: bytes | memoryview) -> Link:
        if self._sink is not None:
            self._sink.put(digest, data)
        return Link(cids.make(cids.RAW, digest), "", len(data))

    def _leaves(self, descriptor: int, path: str, size: int) -> Iterator[Link]:
        """Links to the leaves of a large file, in order, hashed ahead by the pool."""
        ahead: deque[tuple[int, Future[list[bytes]]]] = deque()
        try:
            for offset in range(0, size, RUN):
                length = min(RUN, size - offset)
                job = self._pool.submit(_hash_range, descriptor, path, offset, length, self._sink)
                ahead.append((length, job))
                if len(ahead) > 2 * THREADS:
                    yield from self._finish(*ahead.popleft())
            while ahead:
                yield from self._finish(*ahead.popleft())
        finally:
            # The descriptor is closed next: no job may still read from it.
            for _, job in ahead:
                job.cancel()
            for _, job in ahead:
                if not job.cancelled():
                    job.exception()

    def _finish(self, length: int, job: Future[list[bytes]]) -> Iterator[Link]:
        digests = job.result()
        self._advance(length)
        for index, digest in enumerate(digests):
            size = min(CHUNK, length - index * CHUNK)
            yield Link(cids.make(cids.RAW, digest), "", size)

    def _put_node(self, block: bytes) -> bytes:
        digest = hashlib.sha256(block).digest()
        if self._sink is not None:
            self._sink.put(digest, block)
        return cids.make(cids.DAG_PB, digest)

    def _advance(self, size: int) -> None:
        if self._progress is not None:
            self._done += size
            self._progress(self._done, self._total)


class BalancedTree:
    """A tree of at most :data:`WIDTH` links a node, filled from the left, all leaves equally deep.

    Keeps at most one node's links a level in memory.

    Parameters
    ----------
    put : takes each node's block and gives its CID.
    """

    def __init__(self, put: Callable[[bytes], bytes]) -> None:
        self._put = put
        self._levels: list[list[tuple[Link, int]]] = [[]]  # each child's link and its file's bytes

    def add(self, leaf: Link) -> None:
        self._push(0, (leaf, leaf.size))

    def root(self) -> Link:
        """The link to the whole; nothing can be added afterwards."""
        levels = self._levels
        level = 0
        while level + 1 < len(levels) or len(levels[level]) > 1:
            self._push(level + 1, _parent(levels[level], self._put))
            level += 1
        return levels[level][0][0]

    def _push(self, level: int, child: tuple[Link, int]) -> None:
        levels = self._levels
        if level == len(levels):
            levels.append([])
        if len(levels[level]) == WIDTH:
            full, levels[level] = levels[level], []
            self._push(level + 1, _parent(full, self._put))
        levels[level].append(child)


def _balanced(leaves: Iterator[Link], put: Callable[[bytes], bytes]) -> Link:
    tree = BalancedTree(put)
    for leaf in leaves:
        tree.add(leaf)
    return tree.root()


def _parent(
    children: Sequence[tuple[Link, int]], put: Callable[[bytes], bytes]
) -> tuple[Link, int]:
    size = sum(bytes_ for _, bytes_ in children)
    links = [link for link, _ in children]
    data = encode_unixfs(
        NodeType.FILE, file_size=size, block_sizes=(bytes_ for _, bytes_ in children)
    )
    block = encode_node(links, data)
    return Link(put(block), "", len(block) + sum(link.size for link in links)), size


def _hash_range(
    descriptor: int, path: str, offset: int, length: int, sink: Sink | None
) -> list[bytes]:
    """Digests of the chunks of a range of a file. Runs in the pool."""
    run = aligned_buffer()[:length]
    if os.preadv(descriptor, [run], offset) != length:
        raise SourceChanged(path)
    digests = [_hash(run[at : at + CHUNK]) for at in range(0, length, CHUNK)]
    if sink is not None:
        sink.put_run(digests, run, CHUNK)
    return digests


def _hash(data: memoryview) -> bytes:
    return hashlib.sha256(data).digest()


def _mode(path: str) -> int:
    """The mode of a plain file or folder."""
    try:
        mode = os.lstat(path).st_mode
    except OSError as error:
        raise _read_error(path, error) from error
    if stat.S_ISLNK(mode):
        raise NotPlain(path, "symbolic link")
    if not stat.S_ISDIR(mode) and not stat.S_ISREG(mode):
        raise NotPlain(path, "special file")
    return mode


def _read_error(path: str, error: OSError) -> Exception:
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return PathNotFound(path)
    return SourceUnreadable(path, os.strerror(error.errno or 0))


def _names(path: str) -> list[str]:
    try:
        return os.listdir(path)  # noqa: PTH208 - a Path for each name would cost more than it gives
    except OSError as error:
        raise _read_error(path, error) from error


def _weight(path: str) -> int:
    """Bytes of all plain files at or below a path, for the progress."""
    mode = _mode(path)
    if stat.S_ISDIR(mode):
        return sum(_weight(f"{path}{os.sep}{name}") for name in _names(path))
    return os.lstat(path).st_size
