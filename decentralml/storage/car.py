"""CARs: a DAG as one file or stream.

::

    CAR     = varint length ‖ header ‖ sections
    header  = DAG-CBOR {"roots": [CID], "version": 1}
    section = varint length ‖ CID ‖ block

Written in Kubo's order (parents first, each block once), read in any. Only version 1 with one root
is taken; every block is held against its CID.

Source: https://ipld.io/specs/transport/car/carv1/
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

from decentralml.errors import BlockMismatch, CarInvalid, CidInvalid, ObjectTooLarge
from decentralml.storage import cid as cids
from decentralml.storage.dag import Get, Limits, links_of
from decentralml.storage.dagpb import MAX_VARINT_BYTES, Malformed, read_varint, varint

MAX_HEADER = 1024
"""Bytes: a header with one root has 59."""
_ROOTS = b"\xa2\x65roots\x81\xd8\x2a"  # {"roots": [tag 42 (bytes
_VERSION = b"\x67version\x01"  # "version": 1}


class Readable(Protocol):
    """What can be read like a binary file."""

    def read(self, size: int = -1, /) -> bytes:
        """Up to ``size`` bytes; none at the end only."""
        ...


class Reader:
    """Verified blocks from a CAR.

    Parameters
    ----------
    stream : positioned at its start.
    name : what to call it in complaints.

    Raises
    ------
    CarInvalid : from here and from the iteration.

    Attributes
    ----------
    root : the CID that the header names.
    """

    def __init__(self, stream: Readable, name: str) -> None:
        self._stream = stream
        self._name = name
        length = self._length()
        if length is None:
            raise CarInvalid(name, "it is empty")
        if length > MAX_HEADER:
            raise CarInvalid(name, "its header is too large")
        self.root = self._root(self._exactly(length))

    def __iter__(self) -> Iterator[tuple[bytes, bytes]]:
        """CID and block of each section.

        Raises
        ------
        CarInvalid, BlockMismatch
        """
        while (length := self._length()) is not None:
            if length > cids.MAX_BLOCK + 36:
                raise CarInvalid(self._name, f"a block of over {cids.MAX_BLOCK} bytes")
            section = self._exactly(length)
            size = 34 if section[:2] == b"\x12\x20" else 36
            try:
                cid = cids.from_bytes(section[:size])
            except CidInvalid as error:
                raise CarInvalid(
                    self._name, f"a block's CID is not usable: {error.reason}"
                ) from None
            block = section[size:]
            if not cids.matches(cid, block):
                raise BlockMismatch(cids.text(cid), self._name)
            yield cid, block

    def _root(self, header: bytes) -> bytes:
        if header == b"\xa1\x67version\x02":
            raise CarInvalid(self._name, "it is of version 2, only version 1 is taken")
        inner = header.removeprefix(_ROOTS).removesuffix(_VERSION)
        if len(inner) != len(header) - len(_ROOTS) - len(_VERSION) or len(inner) < 3:
            raise CarInvalid(self._name, "its header does not name one root and version 1")
        # a CID in DAG-CBOR: bytes with a length of one byte, the first of them zero
        if inner[0] != 0x58 or inner[1] != len(inner) - 2 or inner[2] != 0:
            raise CarInvalid(self._name, "its header's root is malformed")
        try:
            return cids.from_bytes(inner[3:])
        except CidInvalid as error:
            raise CarInvalid(self._name, f"its root is not usable: {error.reason}") from None

    def _length(self) -> int | None:
        """The next length; None where the CAR ends well."""
        prefix = b""
        while True:
            byte = self._stream.read(1)
            if not byte and not prefix:
                return None
            prefix += byte
            if not byte or byte[0] < 0x80 or len(prefix) == MAX_VARINT_BYTES:
                break
        try:
            return read_varint(prefix, 0)[0]
        except Malformed as error:
            raise CarInvalid(self._name, str(error)) from None

    def _exactly(self, length: int) -> bytes:
        parts = []
        while length:
            part = self._stream.read(length)
            if not part:
                raise CarInvalid(self._name, "it is cut short")
            parts.append(part)
            length -= len(part)
        return b"".join(parts)


def write(get: Get, root: bytes) -> Iterator[bytes]:
    """A CAR of the DAG below a root, in pieces.

    Raises
    ------
    DagInvalid, and whatever the getter raises.
    """
    yield _header(root)
    seen = set()
    waiting = [root]
    while waiting:
        cid = waiting.pop()
        if cid in seen:
            continue
        seen.add(cid)
        block = get(cid)
        yield varint(len(cid) + len(block)) + cid
        yield block
        waiting += [link.cid for link in reversed(links_of(cid, block))]


class Stream:
    """Reads from pieces as from a file."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._rest = memoryview(b"")

    def read(self, size: int = -1, /) -> bytes:
        """Up to ``size`` bytes, all of them if it is negative; none at the end only."""
        if size < 0:
            rest, self._rest = bytes(self._rest), memoryview(b"")
            return rest + b"".join(self._pieces)
        if size == 0:
            return b""
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return b""
            self._rest = memoryview(piece)
        taken, self._rest = self._rest[:size], self._rest[size:]
        return bytes(taken)


def survey(reader: Reader, name: str, limits: Limits) -> int:
    """Read a whole CAR: it holds the DAG of its root, complete and with nothing besides.

    Parameters
    ----------
    limits : of blocks, and of bytes of blocks.

    Returns
    -------
    The bytes of its blocks.

    Raises
    ------
    CarInvalid, BlockMismatch, DagInvalid, ObjectTooLarge
    """
    links: dict[bytes, list[bytes]] = {}
    total = 0
    for cid, block in reader:
        total += len(block)
        if total > limits.total_bytes:
            raise ObjectTooLarge("the CAR's blocks in bytes", limits.total_bytes)
        if len(links) >= limits.blocks:
            raise ObjectTooLarge("the number of blocks", limits.blocks)
        links[cid] = [link.cid for link in links_of(cid, block)]
    reached = set()
    waiting = [reader.root]
    while waiting:
        cid = waiting.pop()
        if cid in reached:
            continue
        reached.add(cid)
        if cid not in links:
            raise CarInvalid(name, f"it is incomplete, {cids.text(cid)} is missing")
        waiting += links[cid]
    if len(reached) != len(links):
        raise CarInvalid(name, "it holds blocks that its root does not lead to")
    return total


def _header(root: bytes) -> bytes:
    header = _ROOTS + b"\x58" + bytes((len(root) + 1, 0)) + root + _VERSION
    return varint(len(header)) + header
