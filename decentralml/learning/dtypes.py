"""Elements of every type as float64 and back.

Floating types are rounded to nearest, ties to even. ``BF16`` is the upper half of an ``F32``;
NumPy has no type for it. The 8-bit floats are not averaged: models are not trained in them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Doubles = NDArray[np.float64]

STORED: dict[str, np.dtype[Any]] = {
    name: np.dtype(code)
    for name, code in {
        "BOOL": "<u1", "U8": "<u1", "I8": "<i1", "U16": "<u2", "I16": "<i2", "U32": "<u4",
        "I32": "<i4", "U64": "<u8", "I64": "<i8", "F16": "<f2", "F32": "<f4", "F64": "<f8",
        "BF16": "<u2",
    }.items()
}  # fmt: skip
"""How the bytes of a type are read; those of ``BF16`` as bare 16-bit words."""
FLOATS = frozenset({"F64", "F32", "F16", "BF16"})
"""Types that training moves; the others count things."""


def widened(stored: Array, dtype: str) -> Array:
    """Stored elements as numbers that float64 arithmetic takes as they are."""
    if dtype == "BF16":
        return np.left_shift(stored.astype(np.uint32), 16, dtype=np.uint32).view(np.float32)
    return stored


def narrowed(values: Doubles, dtype: str) -> Array:
    """Float64 values in the range of ``dtype``, rounded to its nearest elements."""
    if dtype == "BF16":
        return _to_bfloat16(values)
    if dtype == "BOOL":
        return (values >= 0.5).astype(STORED[dtype])
    if dtype.startswith("F"):
        return values.astype(STORED[dtype])
    return _to_integers(values, STORED[dtype])


def _to_bfloat16(values: Doubles) -> Array:
    """By way of F32, as PyTorch does: to the nearest word, ties to the even one."""
    words = values.astype(np.float32).view(np.uint32)
    rounded: Array = (words + 0x7FFF + ((words >> 16) & 1)) >> 16
    return rounded.astype(np.uint16)


def _to_integers(values: Doubles, dtype: np.dtype[Any]) -> Array:
    limits = np.iinfo(dtype)
    rounded = np.rint(values)
    result = np.clip(rounded, limits.min, _below(limits.max)).astype(dtype)
    result[rounded >= float(limits.max)] = limits.max
    return result


def _below(largest: int) -> float:
    """The largest float64 that does not exceed an integer type's largest value."""
    return float(largest) if int(float(largest)) <= largest else float(np.nextafter(largest, 0))
