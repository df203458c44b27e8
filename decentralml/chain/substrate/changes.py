"""Finding the blocks in which something changed, without reading those between."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import TypeVar

T = TypeVar("T")


def changes(
    read: Callable[[int], T], first: int, last: int, known: Iterable[int] = ()
) -> list[int]:
    """The blocks after ``first``, up to ``last``, after which ``read`` is not what it was before.

    Reads about as many blocks as there are changes, times the logarithm of how many blocks there
    are: what is the same at both ends of a stretch is taken to be the same within it. So what is
    read must never become again what it was (or only where that is of no interest).

    Parameters
    ----------
    known : blocks in which it is known to have changed. If they are all, nothing is read but them
        and the blocks before them.
    """
    ends = {first, last}
    for block in known:
        ends.update(each for each in (block - 1, block) if first <= each <= last)
    found: list[int] = []
    stretches = [(low, high) for low, high in pairwise(sorted(ends))]
    while stretches:
        low, high = stretches.pop()
        if read(low) == read(high):
            continue
        if high == low + 1:
            found.append(high)
            continue
        middle = (low + high) // 2
        stretches += [(low, middle), (middle, high)]
    return sorted(found)


def first_that(holds: Callable[[int], bool], low: int, high: int) -> int:
    """The first block from ``low`` of which something ``holds`` that holds of all later ones;
    ``high`` where it holds of none before that."""
    while low < high:
        middle = (low + high) // 2
        if holds(middle):
            high = middle
        else:
            low = middle + 1
    return low
