"""Rules that look at each coordinate apart, on a piece ``[n, count]`` of all updates.

They take rows without NaN that may be overwritten, and return the piece ``[count]``: in the rows'
type, or in float64 where that is finer. Where float32 rows lie in an arena, compiled loops do it.
"""

from __future__ import annotations

import numpy as np

from decentralml.learning.dtypes import Array, Doubles
from decentralml.learning.kernels.arena import Arena
from decentralml.learning.kernels.order import MOST_ROWS, mean_of_ranks
from decentralml.learning.robust.networks import carry_out, middle_network, network, sort_rows


def median(rows: Array, arena: Arena | None = None) -> Array:
    """The middle value of each coordinate; of an even number the mean of the middle two.

    Source: Yin et al., Byzantine-Robust Distributed Learning: Towards Optimal Statistical Rates,
    2018.
    """
    upper = len(rows) // 2
    lower = len(rows) - 1 - upper
    if arena is not None and _compiles(rows):
        ranks = tuple(sorted({lower, upper}))
        return mean_of_ranks(arena, rows, network(len(rows), ranks), ranks)
    order = sort_rows(list(rows), (lower, upper), np.empty_like(rows[0]))
    return middle(order[lower], order[upper])


def middle(low: Array, high: Array) -> Array:
    """The mean of two rows; where they agree, exactly what they hold. They are overwritten."""
    if low is high:
        return low
    if low.dtype.kind == "f":
        low *= low.dtype.type(0.5)  # Halved first: the sum cannot overflow.
        high *= high.dtype.type(0.5)
        low += high
        return low
    if np.array_equal(low, high):
        return low
    return (low.astype(np.float64) + high) / 2


def trimmed_mean(rows: Array, bad: int, arena: Arena | None = None) -> Array:
    """The mean without the ``bad`` smallest and the ``bad`` largest values of each coordinate.

    Source: Yin et al., 2018.
    """
    between = middle_network(len(rows), bad)
    if arena is not None and _compiles(rows):
        return mean_of_ranks(arena, rows, between, range(bad, len(rows) - bad))
    order = carry_out(between, list(rows), np.empty_like(rows[0]))
    return mean_of(order[bad : len(rows) - bad])


def _compiles(rows: Array) -> bool:
    return rows.dtype == np.float32 and len(rows) <= MOST_ROWS


def mean_of(rows: list[Array]) -> Array:
    """The mean of rows, summed in float64 in their order; what they agree on stays as it is."""
    first = rows[0].astype(np.float64)
    if rows[0].dtype == np.float32:  # Sums of equal 24-bit numbers are exact in float64.
        for row in rows[1:]:
            first += row
        first /= len(rows)
        return first
    distance = np.zeros(len(first))
    for row in rows[1:]:
        distance += row.astype(np.float64) - first
    if not distance.any():
        return rows[0]
    distance /= len(rows)
    distance += first
    return distance


def near_median(rows: Array, kept: int) -> Array:
    """The mean of the ``kept`` values of each coordinate that are nearest to its median.

    Sorted values near the median are neighbours: of the windows of that width, the one whose
    farther end is nearest is taken; of equal ones the lowest.

    Source: El Mhamdi et al., 2018 (the second stage of Bulyan).
    """
    count = len(rows)
    ranks = range(count)
    order = sort_rows(list(rows), ranks, np.empty_like(rows[0]))
    if np.array_equal(order[0], order[-1]):
        return order[0]
    values = np.stack(order).astype(np.float64)
    centre = values[(count - 1) // 2] / 2 + values[count // 2] / 2
    least = np.maximum(centre - values[0], values[kept - 1] - centre)
    low = np.zeros(len(centre), np.intp)
    for start in range(1, count - kept + 1):
        reach = np.maximum(centre - values[start], values[start + kept - 1] - centre)
        better = reach < least
        low[better] = start
        np.minimum(least, reach, out=least)
    # Only what is kept is summed: of a giant, once added, nothing else could be got back.
    best: Doubles = np.zeros(len(centre))
    for rank, row in enumerate(values):
        np.add(best, row, out=best, where=(low <= rank) & (rank < low + kept))
    best /= kept
    return best


def weighted_median(rows: Array, weights: Doubles) -> Array:
    """The value that half of the weight lies below; where two do, their mean.

    With equal weights it is :func:`median`.
    """
    order = np.argsort(rows, axis=0, kind="stable")
    sums = np.cumsum(weights[order], axis=0)
    half, slack = weights.sum() / 2, 1e-12 * weights.sum()
    low = np.count_nonzero(sums < half - slack, axis=0)
    high = np.count_nonzero(sums <= half + slack, axis=0)
    ranks = np.stack([low, np.minimum(high, len(rows) - 1)])
    found = np.take_along_axis(rows, np.take_along_axis(order, ranks, axis=0), axis=0)
    return middle(found[0], found[1])


def weighted_trimmed_mean(rows: Array, bad: int, weights: Doubles) -> Array:
    """As :func:`trimmed_mean`; those that are kept count by their weights (equally, if all zero).

    What is trimmed is a number of updates, not of weight: a heavy one buys no mercy.
    """
    order = np.argsort(rows, axis=0, kind="stable")[bad : len(rows) - bad]
    values = np.take_along_axis(rows, order, axis=0).astype(np.float64)
    parts = weights[order]
    total = parts.sum(axis=0)
    parts[:, total <= 0] = 1.0
    distance = (parts * (values - values[0])).sum(axis=0) / parts.sum(axis=0)
    distance += values[0]
    merged: Array = distance
    return merged
