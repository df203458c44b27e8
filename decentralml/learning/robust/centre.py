"""Centres of updates that no few of them can move far: by coefficients.

In all of them ``G`` is the Gram matrix of :mod:`.geometry` and ``p`` the weights, one together.
"""

from __future__ import annotations

import numpy as np

from decentralml.learning.dtypes import Doubles
from decentralml.learning.robust.geometry import squared_distances

MOST_STEPS = 1000
CLOSE = 1e-10
"""Of the updates' typical distance: after a shorter step the geometric median stands still."""
TINY = 1e-12
"""Likewise: nearer than that is the same point."""


def squares_from(gram: Doubles, at: Doubles) -> Doubles:
    """Squared distances ``[n]`` of the updates from the point ``Σ a_i d_i``."""
    inner = gram @ at
    return np.maximum(np.diag(gram) - 2 * inner + at @ inner, 0.0)


def geometric_median(gram: Doubles, weights: Doubles) -> Doubles:
    """Coefficients ``[n]`` of the point with the least ``Σ p_i |w_i - z|``; they are one together.

    Weiszfeld's iteration ``z ← Σ β_i w_i / Σ β_i`` with ``β_i = p_i / |w_i - z|``. Its first step
    has each update's typical distance from the others for ``|w_i - z|``, and all lengths are
    measured by what is typical: less than half of the weight moves neither, however far away it is,
    where a mean to begin with could be anywhere.

    Source: Weiszfeld, 1937. Pillutla et al., Robust Aggregation for Federated Learning, 2022.
    """
    squares = squared_distances(gram)
    apart = np.array([_middle(row, weights) for row in np.sqrt(squares)])
    typical = _middle(apart, weights)
    least = max(TINY * typical, np.finfo(float).tiny)
    pulls = weights / np.maximum(apart, least)
    at: Doubles = pulls / pulls.sum()
    for _ in range(MOST_STEPS):
        pulls = weights / np.maximum(np.sqrt(squares_from(gram, at)), least)
        after = pulls / pulls.sum()
        step, at = after - at, after
        # A step's parts add up to nothing: its length follows from the distances, as -½ sᵀ D s.
        if -0.5 * (step @ squares @ step) <= (CLOSE * typical) ** 2:
            break
    return at


def _middle(values: Doubles, weights: Doubles) -> float:
    """The value that half of the weight does not exceed."""
    order = np.argsort(values, kind="stable")
    sums = np.cumsum(weights[order])
    return float(values[order[np.searchsorted(sums, sums[-1] / 2)]])


def centred_clipping(gram: Doubles, weights: Doubles, clip: float | None, rounds: int) -> Doubles:
    """Coefficients ``[n]``; what is missing to one is the base model's.

    From the base model on, ``rounds`` times: ``v ← v + Σ p_i (d_i - v) min(1, τ / |d_i - v|)``.
    Without ``clip``, τ is each time the median of the distances ``|d_i - v|``.

    Source: Karimireddy et al., Learning from History for Byzantine Robust Optimization, 2021.
    """
    at = np.zeros(len(gram))
    for _ in range(rounds):
        ways = np.sqrt(squares_from(gram, at))
        part = weights * clipped(ways, clip)
        at = (1 - part.sum()) * at + part
    return at


def norm_clipping(lengths: Doubles, weights: Doubles, clip: float | None) -> Doubles:
    """Coefficients ``[n]``; what is missing to one is the base model's.

    ``Σ p_i d_i min(1, τ / |d_i|)``; without ``clip``, τ is the median length.

    Source: Sun et al., Can You Really Backdoor Federated Learning?, 2019.
    """
    return weights * clipped(lengths, clip)


def clipped(ways: Doubles, clip: float | None) -> Doubles:
    """By what part each way is shortened, so that none is longer than ``clip``."""
    longest = float(np.median(ways)) if clip is None else clip
    return np.minimum(1.0, np.divide(longest, ways, out=np.ones_like(ways), where=ways > 0))
