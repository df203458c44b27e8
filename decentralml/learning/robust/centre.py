"""Centres of updates that no few of them can move far: by coefficients.

In all of them ``G`` is the Gram matrix of :mod:`.geometry` and ``p`` the weights, one together.
"""

from __future__ import annotations

import numpy as np

from decentralml.learning.dtypes import Doubles

MOST_STEPS = 1000
CLOSE = 1e-10
"""Of the largest change of a coefficient in a step: the geometric median stands still."""
TINY = 1e-12
"""Of the updates' typical distance: nearer than that is the same point."""


def squares_from(gram: Doubles, at: Doubles) -> Doubles:
    """Squared distances ``[n]`` of the updates from the point ``Σ a_i d_i``."""
    inner = gram @ at
    return np.maximum(np.diag(gram) - 2 * inner + at @ inner, 0.0)


def geometric_median(gram: Doubles, weights: Doubles) -> Doubles:
    """Coefficients ``[n]`` of the point with the least ``Σ p_i |w_i - z|``; they are one together.

    Weiszfeld's iteration from the weighted mean: ``z ← Σ β_i w_i / Σ β_i`` with
    ``β_i = p_i / |w_i - z|``. Half of the weight must be bad to move it arbitrarily far.

    Source: Weiszfeld, 1937. Pillutla et al., Robust Aggregation for Federated Learning, 2022.
    """
    at: Doubles = weights / weights.sum()
    typical = np.sqrt(np.median(squares_from(gram, at)))
    least = max(TINY * typical, np.finfo(float).tiny)
    for _ in range(MOST_STEPS):
        pulls = weights / np.maximum(np.sqrt(squares_from(gram, at)), least)
        after = pulls / pulls.sum()
        moved, at = np.abs(after - at).max(), after
        if moved < CLOSE:
            break
    return at


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
