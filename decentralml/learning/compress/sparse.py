"""Which elements of a tensor travel: those that changed most, their places as gaps.

A place is told by how many elements lie between it and the one before, in one byte: 0 to 254 is
such a gap, 255 says that 255 elements go by without one. One element in a hundred thus takes about
a byte.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from decentralml.learning.compress.quantize import Bytes, Floats

Places = NDArray[np.int64]
SKIP = 255


def largest(values: Floats, count: int) -> Places:
    """Places of the ``count`` elements of the largest magnitude, in order; of equal ones at the
    border the first."""
    if count >= len(values):
        return np.arange(len(values))
    sizes = np.abs(values)
    border = np.partition(sizes, len(sizes) - count)[len(sizes) - count]
    above = np.flatnonzero(sizes > border)
    level = np.flatnonzero(sizes == border)[: count - len(above)]
    return np.sort(np.concatenate((above, level)))


def to_gaps(places: Places) -> Bytes:
    """Places in ascending order as gaps."""
    gaps = np.diff(places, prepend=-1) - 1
    skips = gaps // SKIP
    out = np.full(int(skips.sum()) + len(places), SKIP, np.uint8)
    out[np.cumsum(skips + 1) - 1] = gaps % SKIP
    return out


def from_gaps(gaps: NDArray[Any]) -> Places:
    """The places that gaps tell; they may lie anywhere, which is the caller's to check."""
    steps = gaps.astype(np.int64)
    told = gaps != SKIP
    # Each element told takes one place besides its gap.
    ends = np.cumsum(steps + told)
    places: Places = ends[told] - 1
    return places
