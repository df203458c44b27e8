"""Blocks of a UnixFS DAG: dag-pb nodes and the UnixFS message inside them.

::

    PBNode  { 2: repeated PBLink   1: Data }          links come first, in this order
    PBLink  { 1: Hash   2: Name   3: Tsize }
    UnixFS  { 1: Type   2: Data   3: filesize   4: repeated blocksize
              5: hashType   6: fanout   7: mode   8: mtime }

Decoding is strict: shortest integers, fields in order, none repeated that may not be, none
unknown. Two different byte strings therefore never mean the same node.

Sources: https://ipld.io/specs/codecs/dag-pb/spec/ and https://specs.ipfs.tech/unixfs/
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from decentralml.errors import CidInvalid
from decentralml.storage import cid as cids

_VARINT = 0
_BYTES = 2
MAX_VARINT_BYTES = 10


class NodeType(IntEnum):
    """The UnixFS field ``Type``."""

    RAW = 0
    DIRECTORY = 1
    FILE = 2
    METADATA = 3
    SYMLINK = 4
    SHARD = 5


class Link(NamedTuple):
    """One edge of the DAG; ``size`` counts the blocks of everything below it (Tsize)."""

    cid: bytes
    name: str
    size: int


@dataclass(frozen=True, slots=True)
class UnixFs:
    """The UnixFS message of a node."""

    type: NodeType
    data: bytes = b""
    file_size: int | None = None
    block_sizes: tuple[int, ...] = ()
    hash_type: int | None = None
    fanout: int | None = None


class Malformed(Exception):
    """The bytes are no node; the caller knows the CID and says so with it."""


def varint(number: int) -> bytes:
    """Unsigned LEB128."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def encode_unixfs(
    kind: NodeType,
    *,
    data: bytes = b"",
    file_size: int | None = None,
    block_sizes: Iterable[int] = (),
    hash_type: int | None = None,
    fanout: int | None = None,
) -> bytes:
    """The message as Kubo writes it: empty data is left out."""
    out = bytearray((0x08, kind))
    if data:
        out += b"\x12" + varint(len(data)) + data
    if file_size is not None:
        out += b"\x18" + varint(file_size)
    for size in block_sizes:
        out += b"\x20" + varint(size)
    if hash_type is not None:
        out += b"\x28" + varint(hash_type)
    if fanout is not None:
        out += b"\x30" + varint(fanout)
    return bytes(out)


def encode_node(links: Sequence[Link], data: bytes) -> bytes:
    """A dag-pb block; links must be sorted by name already."""
    out = bytearray()
    for cid, name, size in links:
        encoded = name.encode("utf-8")
        body = (b"\x0a" + varint(len(cid)) + cid + b"\x12" + varint(len(encoded)) + encoded) + (
            b"\x18" + varint(size)
        )
        out += b"\x12" + varint(len(body)) + body
    return bytes(out) + b"\x0a" + varint(len(data)) + data


def decode_node(block: bytes) -> tuple[list[Link], UnixFs]:
    """Links and UnixFS message of a dag-pb block.

    Raises
    ------
    Malformed
    """
    links = []
    data: bytes | None = None
    for number, value in _fields(block):
        if number == 2 and data is None and isinstance(value, bytes):
            links.append(_decode_link(value))
        elif number == 1 and data is None and isinstance(value, bytes):
            data = value
        else:
            raise Malformed(f"unexpected field {number} in a dag-pb node")
    if data is None:
        raise Malformed("a dag-pb node without UnixFS data")
    return links, decode_unixfs(data)


def decode_unixfs(data: bytes) -> UnixFs:
    """Raises
    ------
    Malformed
    """
    single: dict[int, int | bytes] = {}
    sizes = []
    last = 0
    for number, value in _fields(data):
        if number < last or not 1 <= number <= 8 or (number in single):
            raise Malformed(f"unexpected field {number} in a UnixFS message")
        last = number
        if isinstance(value, bytes) != (number in (2, 8)):
            raise Malformed(f"field {number} of a UnixFS message has the wrong type")
        if number == 4:
            assert isinstance(value, int)
            sizes.append(value)
        else:
            single[number] = value
    if 1 not in single:
        raise Malformed("a UnixFS message without a type")
    try:
        kind = NodeType(_integer(single, 1) or 0)
    except ValueError:
        raise Malformed("a UnixFS message of unknown type") from None
    content = single.get(2, b"")
    return UnixFs(
        kind,
        content if isinstance(content, bytes) else b"",
        _integer(single, 3),
        tuple(sizes),
        _integer(single, 5),
        _integer(single, 6),
    )


def read_varint(data: bytes, at: int) -> tuple[int, int]:
    """The number at a position, and the position behind it.

    Raises
    ------
    Malformed : cut short, over 64 bits, or not in its shortest form.
    """
    number = shift = 0
    for position in range(at, min(at + MAX_VARINT_BYTES, len(data))):
        byte = data[position]
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            if (byte == 0 and position > at) or number >> 64:
                raise Malformed("a number is not in its shortest form")
            return number, position + 1
        shift += 7
    raise Malformed("a number is cut short")


def _decode_link(data: bytes) -> Link:
    cid: bytes | None = None
    name = ""
    size: int | None = None
    last = 0
    for number, value in _fields(data):
        if number <= last:
            raise Malformed("the fields of a link are out of order")
        last = number
        if number == 1 and isinstance(value, bytes):
            try:
                cid = cids.from_bytes(value)
            except CidInvalid as error:
                raise Malformed(f"a link's CID is not usable: {error.reason}") from None
        elif number == 2 and isinstance(value, bytes):
            try:
                name = value.decode("utf-8")
            except UnicodeDecodeError:
                raise Malformed("a link's name is not UTF-8") from None
        elif number == 3 and isinstance(value, int):
            size = value
        else:
            raise Malformed(f"unexpected field {number} in a link")
    if cid is None or size is None:
        raise Malformed("a link without CID or size")
    return Link(cid, name, size)


def _fields(data: bytes) -> Iterable[tuple[int, int | bytes]]:
    at = 0
    while at < len(data):
        tag, at = read_varint(data, at)
        if tag & 7 == _VARINT:
            number, at = read_varint(data, at)
            yield tag >> 3, number
        elif tag & 7 == _BYTES:
            length, at = read_varint(data, at)
            if length > len(data) - at:
                raise Malformed("a field runs over the block's end")
            yield tag >> 3, data[at : at + length]
            at += length
        else:
            raise Malformed("a field of unknown wire type")


def _integer(fields: dict[int, int | bytes], number: int) -> int | None:
    value = fields.get(number)
    return value if isinstance(value, int) else None
