"""Large folders: a hash array mapped trie of directory shards, as Kubo writes it.

A name's place is read off the 64 bits of its murmur3 hash, eight bits a level, most significant
first. A shard's link is named by two hexadecimal digits of its slot; a link to an entry goes on
with the entry's name. The shard's data is the bit field of the slots in use, big-endian, without
leading zero bytes.

Source: https://specs.ipfs.tech/unixfs/#dag-pb-hamtdirectory
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from decentralml.errors import UnsafePath
from decentralml.storage.dagpb import Link, NodeType, encode_node, encode_unixfs

FANOUT = 256
HASH_MURMUR3 = 0x22
LEVELS = 8
"""A 64-bit hash has eight slots of eight bits; two names that share them all cannot be stored."""
_HEXADECIMAL = frozenset("0123456789ABCDEF")
_MASK = (1 << 64) - 1
_C1 = 0x87C37B91114253D5
_C2 = 0x4CF5AD432745937F


def murmur3_64(data: bytes) -> int:
    """The first 64 bits of MurmurHash3 x64 128 with seed 0."""
    h1 = h2 = 0
    whole = len(data) & ~15
    for at in range(0, whole, 16):
        k1 = int.from_bytes(data[at : at + 8], "little")
        k2 = int.from_bytes(data[at + 8 : at + 16], "little")
        h1 ^= _mix1(k1)
        h1 = ((_rotate(h1, 27) + h2) * 5 + 0x52DCE729) & _MASK
        h2 ^= _mix2(k2)
        h2 = ((_rotate(h2, 31) + h1) * 5 + 0x38495AB5) & _MASK
    tail = data[whole:]
    h2 ^= _mix2(int.from_bytes(tail[8:], "little"))
    h1 ^= _mix1(int.from_bytes(tail[:8], "little"))
    h1 ^= len(data)
    h2 ^= len(data)
    h1 = (h1 + h2) & _MASK
    h2 = (h2 + h1) & _MASK
    return (_finish(h1) + _finish(h2)) & _MASK


def prefix(name: str, level: int) -> int:
    """The first bits of the name's hash: its slots from the root down to that level."""
    return murmur3_64(name.encode("utf-8")) >> (56 - 8 * level)


def slot_of(link_name: str) -> int | None:
    """The slot in a shard that a link's name begins with, or None if it does not."""
    digits = link_name[:2]
    if len(digits) != 2 or not _HEXADECIMAL.issuperset(digits):
        return None
    return int(digits, 16)


def build(entries: Iterable[Link], put: Callable[[bytes], bytes]) -> Link:
    """Write a folder as shards.

    Parameters
    ----------
    entries : one link per entry.
    put : stores a dag-pb block and returns its CID.
    """
    hashed = [(murmur3_64(entry.name.encode("utf-8")), entry) for entry in entries]
    return _shard(hashed, 0, put)


def _shard(entries: Sequence[tuple[int, Link]], level: int, put: Callable[[bytes], bytes]) -> Link:
    if level == LEVELS:
        names = " and ".join(entry.name for _, entry in entries[:2])
        raise UnsafePath(names, "their hashes are equal, one folder cannot hold both")
    slots: dict[int, list[tuple[int, Link]]] = {}
    for hashed, entry in entries:
        slots.setdefault(hashed >> (56 - 8 * level) & 0xFF, []).append((hashed, entry))
    links = []
    for index, inside in sorted(slots.items()):
        prefix = f"{index:02X}"
        if len(inside) == 1:
            entry = inside[0][1]
            links.append(Link(entry.cid, prefix + entry.name, entry.size))
        else:
            below = _shard(inside, level + 1, put)
            links.append(Link(below.cid, prefix, below.size))
    field = sum(1 << index for index in slots)
    data = encode_unixfs(
        NodeType.SHARD,
        data=field.to_bytes((field.bit_length() + 7) // 8, "big"),
        hash_type=HASH_MURMUR3,
        fanout=FANOUT,
    )
    block = encode_node(links, data)
    return Link(put(block), "", len(block) + sum(link.size for link in links))


def _rotate(value: int, bits: int) -> int:
    return (value << bits | value >> (64 - bits)) & _MASK


def _mix1(k: int) -> int:
    return _rotate(k * _C1 & _MASK, 31) * _C2 & _MASK


def _mix2(k: int) -> int:
    return _rotate(k * _C2 & _MASK, 33) * _C1 & _MASK


def _finish(h: int) -> int:
    h = (h ^ h >> 33) * 0xFF51AFD7ED558CCD & _MASK
    h = (h ^ h >> 33) * 0xC4CEB9FE1A85EC53 & _MASK
    return h ^ h >> 33
