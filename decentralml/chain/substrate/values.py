"""What decoded values are made of, and what encoding and decoding functions look like."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

Decoder = Callable[[bytes, int], tuple[Any, int]]
"""From bytes and a position to a value and the position after it."""
Encoder = Callable[[Any], bytes]
INTEGERS = {
    f"{sign}{8 * width}": (width, sign == "i") for sign in "ui" for width in (1, 2, 4, 8, 16, 32)
}
"""Bytes and signedness of the integer types."""


class Variant(NamedTuple):
    """One case of an enumeration, with its fields as the table of this module says."""

    name: str
    value: Any = None


class EncodeError(ValueError):
    """A value that does not fit its type."""
