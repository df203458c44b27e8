"""Bytes that are read strictly: a header, fields of fixed width, nothing after the last.

A message begins with seven bytes that name format and version, one for its kind, and the 32 of the
agreement's digest, so that nothing of one secure sum can be taken for part of another. Numbers are
big-endian. A table is a count and, for each client in ascending order of place, the place and a
field of the table's width; there is one way only to write it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from decentralml.errors import SecureMessageInvalid

MAGIC: Final = b"dmlsum1"
DIGEST_BYTES: Final = 32
MAX_CLIENTS: Final = 128
"""Sharing takes each client n · t steps, and putting n secrets together the server n · t²."""
PLACE_BYTES: Final = 2
_COUNT_BYTES: Final = 2

Table = Sequence[tuple[int, bytes]]


def header(kind: int, session: bytes = b"") -> bytes:
    return MAGIC + bytes([kind]) + session


def number(value: int, size: int) -> bytes:
    return value.to_bytes(size, "big")


def table(entries: Table) -> bytes:
    """Entries of one width by place, ascending."""
    rows = (number(place, PLACE_BYTES) + field for place, field in entries)
    return number(len(entries), _COUNT_BYTES) + b"".join(rows)


class Reader:
    """Takes a message apart; every surprise is a SecureMessageInvalid that names the message."""

    def __init__(self, message: str, kind: int, data: bytes, session: bytes = b"") -> None:
        self._message, self._data, self._at = message, data, 0
        if self.take(len(MAGIC)) != MAGIC or self.number(1) != kind:
            raise self.refuse("it is another kind of message, or another version")
        if session and self.take(DIGEST_BYTES) != session:
            raise self.refuse("it belongs to another secure sum")

    def refuse(self, reason: str) -> SecureMessageInvalid:
        return SecureMessageInvalid(self._message, reason)

    def take(self, count: int) -> bytes:
        piece = self._data[self._at : self._at + count]
        if len(piece) != count:
            raise self.refuse(f"it is cut off at byte {len(self._data)}")
        self._at += count
        return piece

    def number(self, size: int, most: int | None = None) -> int:
        value = int.from_bytes(self.take(size), "big")
        if most is not None and value > most:
            raise self.refuse(f"it counts {value} where {most} is the most")
        return value

    def place(self) -> int:
        return self.number(PLACE_BYTES, MAX_CLIENTS - 1)

    def table(self, width: int) -> tuple[tuple[int, bytes], ...]:
        entries: list[tuple[int, bytes]] = []
        for _ in range(self.number(_COUNT_BYTES, MAX_CLIENTS)):
            place = self.place()
            if entries and place <= entries[-1][0]:
                raise self.refuse("its clients are not in ascending order")
            entries.append((place, self.take(width)))
        return tuple(entries)

    def rest(self) -> bytes:
        return self.take(len(self._data) - self._at)

    def end(self) -> None:
        if self._at != len(self._data):
            raise self.refuse(f"it has {len(self._data) - self._at} bytes too many")
