"""Sorting networks: n rows sorted, or the middle ones found, by minima and maxima of whole rows.

A comparator puts the smaller of two rows' elements into the first and the larger into the second,
for all coordinates at once. Batcher's odd-even merge sort takes O(n log² n) of them; those whose
outcome nobody asks for are left out. Where the middle ones are asked for in any order, a fifth of
those that are left can go, too (:func:`middle_network`).

Source: Batcher, Sorting networks and their applications, 1968. Knuth, The Art of Computer
Programming, volume 3, 5.2.2, algorithm M.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import combinations
from math import comb

import numpy as np

from decentralml.learning.dtypes import Array

Comparator = tuple[int, int]
Network = tuple[tuple[int, int, bool, bool], ...]
"""Comparators ``(i, j, low, high)``: whether the smaller, and whether the larger is needed."""
MOST_INPUTS = 40_000
"""Inputs of each kind that a network is tried with."""


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
def network(rows: int, wanted: tuple[int, ...]) -> Network:
    """The comparators that the ranks ``wanted`` depend on."""
    return _needed(batcher(rows), wanted)


@lru_cache(maxsize=64)
def middle_network(rows: int, ends: int) -> Network:
    """Puts all but the ``ends`` smallest and largest into the rows between, in any order.

    From the last to the first, comparators are left out that this can do without. A network of
    comparators finds the largest of any numbers if it does so of zeros and as many ones (Knuth,
    5.3.4), so each attempt is tried with all of those, where they are not too many.
    """
    if not ends:
        return ()
    all_of_them = batcher(rows)
    between = tuple(range(ends, rows - ends))
    if comb(rows, ends) > MOST_INPUTS:
        return _needed(all_of_them, between)
    inputs, expected = _zeros_and_ones(rows, ends)
    states = [inputs]
    for low, high in all_of_them:
        states.append(_compared(states[-1], low, high))
    kept: list[Comparator] = []
    for place in range(len(all_of_them) - 1, -1, -1):
        state = states[place]
        for low, high in kept:
            state = _compared(state, low, high)
        if any(state[row] != expected for row in between):
            kept.insert(0, all_of_them[place])
    return _needed(kept, between)


def _zeros_and_ones(rows: int, ends: int) -> tuple[list[int], int]:
    """All inputs with ``ends`` ones, and with ``ends`` zeros, as the bits of a number for each row;
    and what the rows between hold then: zeros, and ones."""
    places = np.array(list(combinations(range(rows), ends)), np.intp)
    ones = np.zeros((rows, len(places)), np.bool_)
    ones[places.T, np.arange(len(places))] = True
    bits = np.packbits(np.concatenate([ones, ~ones], axis=1), axis=1)
    expected = np.packbits(np.repeat([False, True], len(places)))
    return [int.from_bytes(row.tobytes()) for row in bits], int.from_bytes(expected.tobytes())


def _compared(state: list[int], low: int, high: int) -> list[int]:
    """The rows' bits after a comparator."""
    after = list(state)
    after[low], after[high] = state[low] & state[high], state[low] | state[high]
    return after


def _needed(comparators: Sequence[Comparator], wanted: Iterable[int]) -> Network:
    """Those that the rows ``wanted`` depend on."""
    needed = set(wanted)
    kept = []
    for low, high in reversed(comparators):
        if low in needed or high in needed:
            kept.append((low, high, low in needed, high in needed))
            needed |= {low, high}
    return tuple(reversed(kept))


def sort_rows(rows: Sequence[Array], wanted: Iterable[int], spare: Array) -> list[Array]:
    """Put the elements of the ranks ``wanted`` into those rows, in place; the others are undone.

    Parameters and what is returned: as of :func:`carry_out`.
    """
    return carry_out(network(len(rows), tuple(wanted)), rows, spare)


def carry_out(comparators: Network, rows: Sequence[Array], spare: Array) -> list[Array]:
    """Compare whole rows with each other, in place.

    Parameters
    ----------
    rows : arrays of one length and type, without NaN; they are overwritten.
    spare : one more array of that length and type.

    Returns
    -------
    The rows where the network has put them: the same arrays, and the spare one, but shuffled.
    """
    order = list(rows)
    for low, high, keep_low, keep_high in comparators:
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
