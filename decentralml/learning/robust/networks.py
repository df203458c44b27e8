"""Sorting networks: n rows sorted, or the middle ones found, by minima and maxima of whole rows.

A comparator puts the smaller of two rows' elements into the first and the larger into the second,
for all coordinates at once. Batcher's odd-even merge sort takes O(n log² n) of them; those whose
outcome nobody asks for are left out.

Source: Batcher, Sorting networks and their applications, 1968. Knuth, The Art of Computer
Programming, volume 3, 5.2.2, algorithm M.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

import numpy as np

from decentralml.learning.dtypes import Array

Comparator = tuple[int, int]


def batcher(rows: int) -> list[Comparator]:
    """Comparators ``(i, j)``, i < j, that sort so many rows, the smallest first."""
    found = []
    width = 1
    while width < rows:
        step = width
        while step >= 1:
            for first in range(step % width, rows - step, 2 * step):
                for here in range(first, min(first + step, rows - step)):
                    if here // (2 * width) == (here + step) // (2 * width):
                        found.append((here, here + step))
            step //= 2
        width *= 2
    return found


@lru_cache(maxsize=256)
def network(rows: int, wanted: tuple[int, ...]) -> tuple[tuple[int, int, bool, bool], ...]:
    """The comparators that the ranks ``wanted`` depend on.

    Each is ``(i, j, low, high)``: whether the smaller, and whether the larger is still needed.
    """
    needed = set(wanted)
    kept = []
    for low, high in reversed(batcher(rows)):
        if low in needed or high in needed:
            kept.append((low, high, low in needed, high in needed))
            needed |= {low, high}
    return tuple(reversed(kept))


def sort_rows(rows: Sequence[Array], wanted: Iterable[int], spare: Array) -> list[Array]:
    """Put the elements of the ranks ``wanted`` into those rows, in place; the others are undone.

    Parameters
    ----------
    rows : arrays of one length and type, without NaN; they are overwritten.
    spare : one more array of that length and type.

    Returns
    -------
    The rows in order of rank: the same arrays, and the spare one, but shuffled.
    """
    order = list(rows)
    for low, high, keep_low, keep_high in network(len(order), tuple(wanted)):
        one, two = order[low], order[high]
        if keep_low and keep_high:
            np.minimum(one, two, out=spare)
            np.maximum(one, two, out=two)
            order[low], spare = spare, one
        elif keep_low:
            np.minimum(one, two, out=one)
        else:
            np.maximum(one, two, out=two)
    return order
