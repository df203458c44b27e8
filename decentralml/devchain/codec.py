"""SCALE primitives: what the host itself has to read and write.

Compact integers (little endian; the two low bits of the first byte tell the size):

    00  one byte          0 .. 63
    01  two bytes         64 .. 2**14 - 1
    10  four bytes        2**14 .. 2**30 - 1
    11  6 bits of length  the number's bytes, four more than the six bits say

Everything typed by metadata is the client's business (:mod:`decentralml.chain.substrate.codec`).
Source: https://docs.polkadot.com/reference/parachains/data-encoding/
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

_BIGGEST_COMPACT = 1 << 536
_ONE_BYTE = tuple(bytes((number << 2,)) for number in range(64))


class DecodeError(ValueError):
    """Bytes that are not what they should be."""


def compact(number: int) -> bytes:
    """`number`, 0 to 2**536 - 1, in its shortest compact form."""
    if number < 0 or number >= _BIGGEST_COMPACT:
        raise ValueError(f"{number} has no compact form")
    if number < 1 << 6:
        return _ONE_BYTE[number]
    if number < 1 << 14:
        return (number << 2 | 1).to_bytes(2, "little")
    if number < 1 << 30:
        return (number << 2 | 2).to_bytes(4, "little")
    length = (number.bit_length() + 7) // 8
    return bytes(((length - 4) << 2 | 3,)) + number.to_bytes(length, "little")


def prefixed(data: bytes) -> bytes:
    """A vector of bytes: compact length, then the bytes."""
    return compact(len(data)) + data


def vector(items: Iterable[bytes]) -> bytes:
    """A vector of already encoded items."""
    encoded = tuple(items)
    return compact(len(encoded)) + b"".join(encoded)


def option(data: bytes | None) -> bytes:
    """An optional vector of bytes."""
    return b"\0" if data is None else b"\1" + prefixed(data)


def u32(number: int) -> bytes:
    return number.to_bytes(4, "little")


def u64(number: int) -> bytes:
    return number.to_bytes(8, "little")


@dataclass(slots=True)
class Reader:
    """A cursor over bytes that refuses to read past the end."""

    data: bytes
    offset: int = 0

    def take(self, count: int) -> bytes:
        end = self.offset + count
        if count < 0 or end > len(self.data):
            left = len(self.data) - self.offset
            raise DecodeError(f"{count} bytes wanted at offset {self.offset}, {left} left")
        taken = self.data[self.offset : end]
        self.offset = end
        return taken

    def u8(self) -> int:
        return self.take(1)[0]

    def u32(self) -> int:
        return int.from_bytes(self.take(4), "little")

    def u64(self) -> int:
        return int.from_bytes(self.take(8), "little")

    def compact(self) -> int:
        """A compact integer; a form longer than need be is refused, as parity-scale-codec does."""
        first = self.u8()
        mode = first & 3
        if mode == 0:
            return first >> 2
        if mode == 3:
            length = (first >> 2) + 4
            number = int.from_bytes(self.take(length), "little")
            shortest = number >= 1 << 30 and number >> 8 * (length - 1) != 0
        else:
            rest = self.take(1 if mode == 1 else 3)
            number = int.from_bytes(bytes((first,)) + rest, "little") >> 2
            shortest = number >= (1 << 6 if mode == 1 else 1 << 14)
        if not shortest:
            raise DecodeError("a compact integer in a longer form than need be")
        return number

    def prefixed(self) -> bytes:
        return self.take(self.compact())

    def vector(self) -> tuple[bytes, ...]:
        """A vector of vectors of bytes."""
        return tuple(self.prefixed() for _ in range(self.compact()))

    def option(self) -> bytes | None:
        """An optional vector of bytes."""
        present = self.u8()
        if present > 1:
            raise DecodeError(f"an option starts with {present}, not 0 or 1")
        return self.prefixed() if present else None

    def finish(self) -> None:
        if self.offset != len(self.data):
            raise DecodeError(f"{len(self.data) - self.offset} bytes too many")
