"""Content identifiers: version 1, base32, sha2-256, codec raw or dag-pb.

Inside this package a CID is its 36 bytes, outside it is its text
(:data:`decentralml.types.Cid`)::

    01        version
    55 | 70   codec: raw | dag-pb
    12 20     multihash: sha2-256, 32 bytes
    …         the digest

Version 0 (``Qm…``, 34 bytes) says the same as a dag-pb CID of version 1 and is read as that; it
is never written.

Source: https://github.com/multiformats/cid
"""

from __future__ import annotations

import base64
import hashlib

from decentralml.errors import CidInvalid
from decentralml.types import Cid

RAW = 0x55
DAG_PB = 0x70
MAX_BLOCK = 2 << 20
"""Bytes a block may have: what Kubo's peers exchange."""

_RAW_PREFIX = b"\x01\x55\x12\x20"
_DAG_PB_PREFIX = b"\x01\x70\x12\x20"
_V0_PREFIX = b"\x12\x20"
_BASE32 = frozenset("abcdefghijklmnopqrstuvwxyz234567")
_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def make(codec: int, digest: bytes) -> bytes:
    """The CID of a block with this SHA-256 digest."""
    return (_RAW_PREFIX if codec == RAW else _DAG_PB_PREFIX) + digest


def codec(cid: bytes) -> int:
    """:data:`RAW` or :data:`DAG_PB`."""
    return cid[1]


def digest(cid: bytes) -> bytes:
    """The SHA-256 digest (32 bytes) that the block must have."""
    return cid[4:]


def matches(cid: bytes, block: bytes | memoryview) -> bool:
    """Whether the block is the one that the CID names."""
    return hashlib.sha256(block).digest() == cid[4:]


def text(cid: bytes) -> Cid:
    """``bafy…`` or ``bafk…``."""
    return Cid("b" + base64.b32encode(cid).decode("ascii").rstrip("=").lower())


def parse(cid: str) -> bytes:
    """The bytes of a CID in text.

    Raises
    ------
    CidInvalid : another version, base, codec or hash, or not in canonical form.
    """
    if len(cid) == 46 and cid.startswith("Qm"):
        return from_bytes(_base58(cid))
    if cid[:1] != "b" or len(cid) != 59:
        raise CidInvalid(cid[:100], "not 59 characters of base32 that begin with b")
    if not _BASE32.issuperset(cid[1:]):
        raise CidInvalid(cid, "a character that base32 does not have")
    decoded = from_bytes(base64.b32decode(cid[1:].upper() + "======"))
    if text(decoded) != cid:
        raise CidInvalid(cid, "its last bits are not zero")
    return decoded


def from_bytes(cid: bytes) -> bytes:
    """Check a CID in bytes; version 0 becomes version 1.

    Raises
    ------
    CidInvalid
    """
    if len(cid) == 36 and cid[:4] in (_RAW_PREFIX, _DAG_PB_PREFIX):
        return bytes(cid)
    if len(cid) == 34 and cid[:2] == _V0_PREFIX:
        return _DAG_PB_PREFIX + bytes(cid[2:])
    raise CidInvalid(
        cid[:40].hex(), "only sha2-256 of 32 bytes over a raw or a dag-pb block is taken"
    )


def normalise(cid: str) -> Cid:
    """The one way this tool writes that CID.

    Raises
    ------
    CidInvalid
    """
    return text(parse(cid))


def _base58(cid: str) -> bytes:
    number = 0
    for character in cid:
        value = _BASE58.find(character)
        if value < 0:
            raise CidInvalid(cid, "a character that base58 does not have")
        number = number * 58 + value
    if number.bit_length() > 34 * 8:
        raise CidInvalid(cid, "too large for a digest")
    return number.to_bytes(34, "big")
