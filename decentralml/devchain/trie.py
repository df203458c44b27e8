"""The state trie: how a chain's whole state becomes one 32-byte root.

A base-16 radix trie over the nibbles of the keys. Each node is a leaf or a branch; each carries
the nibbles it skips (`partial`). A node is encoded as

    header | partial | children bitmap (branch, 2 bytes) | value | children (branch)

The header's high bits tell the kind, the rest holds the partial's length in nibbles; a length
that fills all of those bits goes on in further bytes, 255 each, until one below 255:

    01______  leaf                            10______  branch without value
    001_____  leaf, value by hash             11______  branch with value
    0001____  branch, value by hash           00000000  the empty trie

A partial of odd length starts with a zero nibble. A value is compact-length prefixed bytes, or a
hash of 32 bytes. A child is its encoding if that is shorter than 32 bytes, else its hash, compact
length prefixed.

*Layout* is the state version under which a value was written: with 0 values are always inline,
with 1 those of 33 bytes and more go by hash. A trie may mix both: values keep their form until
they are written again.

Everything here is a pure function over whole states. :mod:`decentralml.devchain.trie_update`
applies a block's changes without reading the rest, and is tested against this module.
Source: Polkadot protocol specification, chapter 2 (state storage and trie); ``sp-trie``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from decentralml.devchain.codec import DecodeError, Reader, compact
from decentralml.devchain.hashes import blake2_256

HASHED_FROM = 33
"""Bytes from which layout 1 stores a value by its hash (``TRIE_VALUE_NODE_THRESHOLD``)."""

# Kind bits and the largest partial length that fits beside them.
_LEAF, _LEAF_HASHED = (0b0100_0000, 63), (0b0010_0000, 31)
_BRANCH, _BRANCH_VALUE, _BRANCH_HASHED = (
    (0b1000_0000, 63),
    (0b1100_0000, 63),
    (0b0001_0000, 15),
)


@dataclass(frozen=True, slots=True)
class Value:
    """A value as a node holds it."""

    data: bytes
    """The value itself, or its hash."""
    hashed: bool = False

    def encode(self) -> bytes:
        return self.data if self.hashed else compact(len(self.data)) + self.data


@dataclass(frozen=True, slots=True)
class Leaf:
    partial: bytes
    """Nibbles, one a byte."""
    value: Value

    def encode(self) -> bytes:
        kind = _LEAF_HASHED if self.value.hashed else _LEAF
        return _header(kind, len(self.partial)) + pack(self.partial) + self.value.encode()


@dataclass(frozen=True, slots=True)
class Branch:
    partial: bytes
    children: tuple[bytes | None, ...]
    """Sixteen references (see :func:`reference`), None where there is no child."""
    value: Value | None = None

    def encode(self) -> bytes:
        if self.value is None:
            kind = _BRANCH
        else:
            kind = _BRANCH_HASHED if self.value.hashed else _BRANCH_VALUE
        present = [child for child in self.children if child is not None]
        bitmap = sum(1 << nibble for nibble, child in enumerate(self.children) if child is not None)
        parts = [_header(kind, len(self.partial)), pack(self.partial), bitmap.to_bytes(2, "little")]
        if self.value is not None:
            parts.append(self.value.encode())
        for child in present:
            # A reference is at most 32 bytes: its compact length is one byte.
            parts += (bytes((len(child) << 2,)), child)
        return b"".join(parts)


Node = Leaf | Branch


EMPTY_ROOT = blake2_256(b"\0")


@lru_cache(maxsize=8192)
def nibbles(key: bytes) -> bytes:
    """`key` as nibbles, high before low, one a byte."""
    return bytes.fromhex("0" + "0".join(key.hex())) if key else b""


def pack(partial: bytes) -> bytes:
    """Nibbles, two a byte; an odd count starts with a zero nibble."""
    digits = partial.hex()[1::2]
    return bytes.fromhex("0" + digits if len(digits) & 1 else digits)


def stored(value: bytes, layout: int) -> Value:
    """How a node holds `value` when it is written under `layout`."""
    if layout and len(value) >= HASHED_FROM:
        return Value(blake2_256(value), hashed=True)
    return Value(value)


def reference(encoded: bytes) -> bytes:
    """How a parent names a node: its encoding if shorter than 32 bytes, else its hash."""
    return encoded if len(encoded) < 32 else blake2_256(encoded)


def common_prefix(a: bytes, b: bytes) -> int:
    """How many leading nibbles `a` and `b` share."""
    length = min(len(a), len(b))
    if a[:length] == b[:length]:
        return length
    for index in range(length):
        if a[index] != b[index]:
            return index
    return length


def decode(encoded: bytes) -> Node:
    """The node that `encoded` is; :class:`DecodeError` if it is none."""
    reader = Reader(encoded)
    first = reader.u8()
    for kind in (_BRANCH_VALUE, _BRANCH, _LEAF, _LEAF_HASHED, _BRANCH_HASHED):
        bits, most = kind
        if first & ~most & 0xFF == bits:
            break
    else:
        raise DecodeError(f"a trie node cannot start with {first:#04x}")
    length = first & most
    if length == most:
        while (more := reader.u8()) == 255:
            length += more
        length += more
    partial = nibbles(reader.take((length + 1) // 2))[length & 1 :]
    node: Node
    if kind in (_LEAF, _LEAF_HASHED):
        node = Leaf(partial, _decode_value(reader, kind is _LEAF_HASHED))
    else:
        bitmap = int.from_bytes(reader.take(2), "little")
        value = None if kind is _BRANCH else _decode_value(reader, kind is _BRANCH_HASHED)
        children = tuple(
            reader.prefixed() if bitmap >> nibble & 1 else None for nibble in range(16)
        )
        node = Branch(partial, children, value)
    reader.finish()
    return node


def state_root(items: Mapping[bytes, Value]) -> bytes:
    """The root of the trie that holds exactly `items`."""
    if not items:
        return EMPTY_ROOT
    return blake2_256(_build(sorted((nibbles(k), v) for k, v in items.items())).encode())


def root_of(items: Mapping[bytes, bytes], layout: int) -> bytes:
    """:func:`state_root` where everything was written under one layout."""
    return state_root({key: stored(value, layout) for key, value in items.items()})


def ordered_root(values: Sequence[bytes], layout: int) -> bytes:
    """The root of a list: keys are the compact indices. Extrinsics roots are made so."""
    return root_of({compact(index): value for index, value in enumerate(values)}, layout)


def _build(items: list[tuple[bytes, Value]]) -> Node:
    """The node over sorted `items`, whose keys are what is left below it."""
    first, last = items[0][0], items[-1][0]
    if len(items) == 1:
        return Leaf(first, items[0][1])
    shared = common_prefix(first, last)
    value = items[0][1] if len(first) == shared else None
    below: list[list[tuple[bytes, Value]]] = [[] for _ in range(16)]
    for key, item in items[1:] if value is not None else items:
        below[key[shared]].append((key[shared + 1 :], item))
    children = tuple(reference(_build(part).encode()) if part else None for part in below)
    return Branch(first[:shared], children, value)


def _header(kind: tuple[int, int], length: int) -> bytes:
    bits, most = kind
    if length < most:
        return bytes((bits | length,))
    full, last = divmod(length - most, 255)
    return bytes((bits | most,)) + b"\xff" * full + bytes((last,))


def _decode_value(reader: Reader, hashed: bool) -> Value:
    return Value(reader.take(32), hashed=True) if hashed else Value(reader.prefixed())
