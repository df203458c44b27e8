"""Pairing what was predicted with what is there.

Source: Kuhn, The Hungarian Method for the Assignment Problem, 1955 (augmenting paths).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def most_pairs(fits: NDArray[np.bool_]) -> int:
    """Size of the largest pairing of rows and columns of which every pair fits."""
    holder: dict[int, int] = {}
    return sum(_placed(fits, row, holder, set()) for row in range(len(fits)))


def _placed(fits: NDArray[np.bool_], row: int, holder: dict[int, int], tried: set[int]) -> bool:
    """Whether a row finds a column, others moving where they can. Depth: at most the rows."""
    for column in map(int, np.flatnonzero(fits[row])):
        if column in tried:
            continue
        tried.add(column)
        if column not in holder or _placed(fits, holder[column], holder, tried):
            holder[column] = row
            return True
    return False
