"""Building blocks and CARs that no honest tool would make."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

from decentralml.storage import cid as cids
from decentralml.storage.dagpb import Link, NodeType, encode_node, encode_unixfs, varint

HEADER_ROOTS = b"\xa2\x65roots\x81\xd8\x2a\x58\x25\x00"
HEADER_VERSION = b"\x67version\x01"


class Forge:
    """Collects blocks; its methods return links to them that tell the truth."""

    def __init__(self) -> None:
        self.blocks: dict[bytes, bytes] = {}

    def get(self, cid: bytes) -> bytes:
        return self.blocks[cid]

    def raw(self, data: bytes, name: str = "") -> Link:
        cid = cids.make(cids.RAW, hashlib.sha256(data).digest())
        self.blocks[cid] = data
        return Link(cid, name, len(data))

    def node(self, block: bytes, name: str = "", below: Iterable[Link] = ()) -> Link:
        """A dag-pb block of any bytes."""
        cid = cids.make(cids.DAG_PB, hashlib.sha256(block).digest())
        self.blocks[cid] = block
        return Link(cid, name, len(block) + sum(link.size for link in below))

    def folder(self, entries: Sequence[Link], name: str = "") -> Link:
        block = encode_node(entries, encode_unixfs(NodeType.DIRECTORY))
        return self.node(block, name, entries)

    def file(
        self,
        parts: Sequence[Link],
        sizes: Sequence[int],
        name: str = "",
        file_size: int | None = None,
        data: bytes = b"",
    ) -> Link:
        size = sum(sizes) + len(data) if file_size is None else file_size
        message = encode_unixfs(NodeType.FILE, data=data, file_size=size, block_sizes=sizes)
        return self.node(encode_node(parts, message), name, parts)

    def typed(self, kind: NodeType, data: bytes = b"", name: str = "") -> Link:
        return self.node(encode_node([], encode_unixfs(kind, data=data)), name)


def named(link: Link, name: str) -> Link:
    return link._replace(name=name)


def header(root: bytes) -> bytes:
    body = HEADER_ROOTS + root + HEADER_VERSION
    return varint(len(body)) + body


def section(cid: bytes, block: bytes) -> bytes:
    return varint(len(cid) + len(block)) + cid + block


def car(root: bytes, blocks: Iterable[tuple[bytes, bytes]]) -> bytes:
    return header(root) + b"".join(section(cid, block) for cid, block in blocks)


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path
