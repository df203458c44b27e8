"""Reading a DAG that a stranger made: walking it, checking it, writing it out as a folder.

Every block is verified before it is looked at (that is the getter's duty), then held against what
its parent promised: sizes that lie, names that play tricks, symbolic links and anything that is no
plain file or folder are refused. Limits bound the bytes written, the entries, the depth and the
blocks visited: a few small blocks that link to each other over and over can describe a folder that
no disk would hold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from decentralml.errors import DagInvalid, NotPlain, ObjectTooLarge, UnsafePath
from decentralml.storage import cid as cids
from decentralml.storage import hamt
from decentralml.storage.dagpb import Link, Malformed, NodeType, UnixFs, decode_node
from decentralml.storage.names import MAX_DEPTH, check_name
from decentralml.storage.staging import staged_file, staged_folder
from decentralml.storage.unixfs import Progress

Get = Callable[[bytes], bytes]
"""Gives the verified block of a CID."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How large a thing a caller is ready to take.

    Attributes
    ----------
    total_bytes : of all files together.
    entries : files and folders.
    depth : of folders in folders, and of one file's tree of blocks.
    blocks : visited, counting one as often as it is linked to.
    """

    total_bytes: int = 16 << 30
    entries: int = 100_000
    depth: int = MAX_DEPTH
    blocks: int = 1_000_000


def links_of(cid: bytes, block: bytes) -> list[Link]:
    """The links in a verified block.

    Raises
    ------
    DagInvalid
    """
    if cids.codec(cid) == cids.RAW:
        return []
    return _decode(cid, block)[0]


def unpack(
    get: Get, cid: bytes, destination: Path, limits: Limits, progress: Progress | None = None
) -> None:
    """Write the file or folder that a CID names; it appears complete or not at all.

    Parameters
    ----------
    destination : must not exist.
    progress : told of bytes of blocks.

    Raises
    ------
    DagInvalid, UnsafePath, NotPlain, ObjectTooLarge, DestinationExists, StoreUnwritable
    """
    tree = _Tree(get, limits, progress)
    if tree.is_folder(cid):
        with staged_folder(destination) as stage:
            tree.walk(cid, stage)
    else:
        with staged_file(destination) as stage:
            tree.walk(cid, stage)


def check(get: Get, cid: bytes, limits: Limits, progress: Progress | None = None) -> None:
    """Read everything that :func:`unpack` would write, and write nothing (same errors)."""
    _Tree(get, limits, progress).walk(cid, None)


def read_bytes(get: Get, cid: bytes, limits: Limits, name: str | None = None) -> bytes:
    """The content of a file, or of the one of a name in a folder; no other block is asked for.

    Raises
    ------
    DagInvalid : also where the CID names a folder, or one without such a file.
    ObjectTooLarge
    """
    tree = _Tree(get, limits, None)
    link = Link(cid, "", -1)
    if name is not None:
        link = tree.entry(link, name)
    if tree.is_folder(link.cid):
        raise DagInvalid(cids.text(link.cid), "a folder, where a file was expected")
    return b"".join(tree.content(link, None, 0))


class _Tree:
    """One walk over a DAG, with its count of what was met."""

    def __init__(self, get: Get, limits: Limits, progress: Progress | None) -> None:
        self._get = get
        self._limits = limits
        self._progress = progress
        self._total: int | None = None
        self._read = 0
        self._bytes = 0
        self._entries = 0
        self._blocks = 0

    def is_folder(self, cid: bytes) -> bool:
        if cids.codec(cid) == cids.RAW:
            return False
        return _decode(cid, self._get(cid))[1].type in (NodeType.DIRECTORY, NodeType.SHARD)

    def entry(self, folder: Link, name: str) -> Link:
        """The entry of a folder that has this name."""
        if self.is_folder(folder.cid):
            _, links, node = self._load(folder)
            assert node is not None
            shard = node.type is NodeType.SHARD
            for found in self._shard(folder, links, node, 0, 0) if shard else links:
                if found.name == name:
                    return found
        raise _invalid(folder, f"nothing in it is called {name}")

    def walk(self, cid: bytes, target: Path | None) -> None:
        """Visit everything; write it to the target (a folder that is there, or a file)."""
        root = Link(cid, "", -1)
        if self.is_folder(cid):
            self._folder(root, target, "", 0)
        else:
            self._file(root, target)

    def content(self, link: Link, size: int | None, depth: int) -> Iterator[bytes]:
        """The bytes of a file, or of the part of one below a node.

        Parameters
        ----------
        size : how many there must be, where the parent says so.
        """
        if depth > self._limits.depth:
            raise ObjectTooLarge("the depth of a file's tree", self._limits.depth)
        block, links, node = self._load(link)
        if node is None:
            yield self._content_block(link, block, size)
            return
        if node.type not in (NodeType.FILE, NodeType.RAW):
            raise self._no_file(link, node)
        if node.file_size is not None and node.file_size != len(node.data) + sum(node.block_sizes):
            raise _invalid(link, "a file whose parts do not add up to its size")
        if len(links) != len(node.block_sizes) or (links and node.data):
            raise _invalid(link, "a file whose parts and their sizes do not match")
        if not links:
            yield self._content_block(link, node.data, size)
            return
        if size is not None and sum(node.block_sizes) != size:
            raise _invalid(link, "a part of a file that is not as large as promised")
        if self._bytes + sum(node.block_sizes) > self._limits.total_bytes:
            raise ObjectTooLarge("the content in bytes", self._limits.total_bytes)
        for child, part in zip(links, node.block_sizes, strict=True):
            if part == 0:  # such parts cost nothing to promise by the billion
                raise _invalid(link, "a file with empty parts")
            yield from self.content(child, part, depth + 1)

    def _content_block(self, link: Link, data: bytes, size: int | None) -> bytes:
        if size is not None and len(data) != size:
            raise _invalid(link, "a part of a file that is not as large as promised")
        self._bytes += len(data)
        if self._bytes > self._limits.total_bytes:
            raise ObjectTooLarge("the content in bytes", self._limits.total_bytes)
        return data

    def _file(self, link: Link, target: Path | None) -> None:
        if target is None:
            for _ in self.content(link, None, 0):
                pass
            return
        with target.open("xb") as stream:
            self._copy(link, stream)

    def _copy(self, link: Link, stream: BinaryIO) -> None:
        for data in self.content(link, None, 0):
            stream.write(data)

    def _folder(self, link: Link, target: Path | None, path: str, depth: int) -> None:
        if depth > self._limits.depth:
            raise ObjectTooLarge("the depth of folders", self._limits.depth)
        _, links, node = self._load(link)
        assert node is not None
        shard = node.type is NodeType.SHARD
        entries = self._shard(link, links, node, 0, 0) if shard else iter(links)
        if not shard and (node.data or node.block_sizes):
            raise _invalid(link, "a folder with content of its own")
        names: set[str] = set()
        for entry in entries:
            below = f"{path}/{entry.name}" if path else entry.name
            check_name(entry.name, below)
            if entry.name in names:
                raise UnsafePath(below, "the folder has that name twice")
            names.add(entry.name)
            self._entries += 1
            if self._entries > self._limits.entries:
                raise ObjectTooLarge("the number of files and folders", self._limits.entries)
            self._entry(entry, target and target / entry.name, below, depth)

    def _entry(self, entry: Link, target: Path | None, path: str, depth: int) -> None:
        try:
            if not self.is_folder(entry.cid):
                self._file(entry, target)
                return
            if target is not None:
                target.mkdir()
        except FileExistsError:
            raise UnsafePath(path, "this file system takes it for another name's file") from None
        self._folder(entry, target, path, depth + 1)

    def _shard(
        self, link: Link, links: list[Link], node: UnixFs, level: int, prefix: int
    ) -> Iterator[Link]:
        """The entries of a sharded folder, each checked to be where its name's hash puts it."""
        if (node.hash_type, node.fanout) != (hamt.HASH_MURMUR3, hamt.FANOUT):
            raise _invalid(link, "a sharded folder of unknown parameters")
        if level == hamt.LEVELS:
            raise _invalid(link, "a sharded folder deeper than its hash")
        field = 0
        for child in links:
            slot = hamt.slot_of(child.name)
            if slot is None or field >> slot:
                raise _invalid(link, "a sharded folder with slots out of order")
            field |= 1 << slot
            place = prefix << 8 | slot
            if len(child.name) > 2:
                name = child.name[2:]
                if hamt.prefix(name, level) != place:
                    raise _invalid(link, "a sharded folder with an entry in the wrong slot")
                yield Link(child.cid, name, child.size)
                continue
            _, below, inner = self._load(child)
            if inner is None or inner.type is not NodeType.SHARD:
                raise _invalid(child, "no shard, where its parent promised one")
            yield from self._shard(child, below, inner, level + 1, place)
        if int.from_bytes(node.data, "big") != field:
            raise _invalid(link, "a sharded folder whose bit field does not match")

    def _load(self, link: Link) -> tuple[bytes, list[Link], UnixFs | None]:
        """A block, and what a dag-pb one holds; its promised cumulative size is checked."""
        self._blocks += 1
        if self._blocks > self._limits.blocks:
            raise ObjectTooLarge("the number of blocks", self._limits.blocks)
        block = self._get(link.cid)
        links: list[Link] = []
        node = None
        if cids.codec(link.cid) == cids.DAG_PB:
            links, node = _decode(link.cid, block)
        size = len(block) + sum(child.size for child in links)
        if link.size not in (size, -1):
            raise _invalid(link, f"{size} bytes of blocks, where its parent promised {link.size}")
        if self._total is None:
            self._total = size
        self._read += len(block)
        if self._progress is not None:
            self._progress(self._read, self._total)
        return block, links, node

    def _no_file(self, link: Link, node: UnixFs) -> Exception:
        if node.type is NodeType.SYMLINK:
            return NotPlain(link.name or cids.text(link.cid), "symbolic link")
        return _invalid(link, f"a {node.type.name.lower()} node, where a file was expected")


def _decode(cid: bytes, block: bytes) -> tuple[list[Link], UnixFs]:
    try:
        return decode_node(block)
    except Malformed as error:
        raise DagInvalid(cids.text(cid), str(error)) from None


def _invalid(link: Link, reason: str) -> DagInvalid:
    return DagInvalid(cids.text(link.cid), reason)
