"""The geometric median of models, by Weiszfeld's iteration on their inner products alone.

Every point of the iteration is a weighted mean ``z = Σ a_i w_i`` of the models (``Σ a_i = 1``).
With ``d_i = w_i - o`` for any origin ``o`` and ``G_ij = ⟨d_i, d_j⟩``, over all floating tensors,

- the distance of a model from it is ``|w_i - z|² = G_ii - 2 (G a)_i + aᵀ G a``,
- a step from ``a`` to ``a'`` has the length ``|z' - z|² = (a'-a)ᵀ G (a'-a)``,

so that the files are read once for ``G`` and once for the merge, however many steps it takes.

**Giants.** An update may be of any size: no length here may follow from where less than half of
the weight is, and no sum may forget the other models next to it. So the origin is the weighted
median of each coordinate, which lies among the others: seen from there they keep all their digits.
It also tells how far away is usual, and with that where the mean may begin.

Source: Weiszfeld, 1937. Pillutla et al., Robust Aggregation for Federated Learning, 2022.
https://arxiv.org/abs/1912.13445
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from decentralml.learning.dtypes import Array, Doubles
from decentralml.learning.kernels.arena import Arena
from decentralml.learning.kernels.order import finite
from decentralml.learning.robust import geometry
from decentralml.learning.robust.coordinates import weighted_median
from decentralml.learning.stack import Meter, Piece, Stack
from decentralml.swarm.merging.updates import LARGEST

DELTA = 1e-6
"""A step that is shorter is the last one."""
EQUAL = 1e-9
"""Steps are of equal length if they differ by less than this part of the longer."""
NEAR = 1e-6
"""Of the usual distance, the nearest that a model counts as being to a point: a model that lies in
it would pull without end."""
FAR = 10.0
"""Of the usual distance, the farthest that a model counts as being where the mean begins."""
MOST_STEPS = 1000
ELEMENTS = 1 << 18
"""Elements of all models together that are in memory at a time, for each thread."""


def geometric_median(gram: Doubles, weights: Doubles) -> Doubles:
    """Coefficients ``[n]``, one together, of the point with the least ``Σ p_i |w_i - z|``.

    From the weighted mean on, ``z ← Σ β_i w_i / Σ β_i`` with ``β_i = p_i / max(|w_i - z|, m)``.
    With ``r`` the larger of 1 and the weighted median of the models' distances from the origin,
    ``m`` is ``NEAR · r``; and in the mean that it begins with, a model that is farther from the
    origin than ``FAR · r`` counts by as much less. With ``δ`` the Euclidean length of a step, it
    ends, the step being done, when

    1. ``δ < 1e-6``, or
    2. the last three δ are equal (to nine digits), or
    3. it oscillates: the step goes against the one before it (their inner product is negative)
       and is no shorter, or
    4. 1,000 steps are done.

    Parameters
    ----------
    gram : inner products of the models, ``[n, n]``, seen from an origin among most of them.
    weights : of the models, ``[n]``, at least zero and not all zero.
    """
    away: Doubles = np.sqrt(gram.diagonal())
    usual = max(1.0, float(weighted_median(away[:, None], weights)[0]))
    held = weights * (FAR * usual / np.maximum(away, FAR * usual))
    at: Doubles = held / held.sum()
    before = np.zeros(len(at))
    lengths: list[float] = []
    for _ in range(MOST_STEPS):
        pulls = weights / np.maximum(_distances_from(gram, at), NEAR * usual)
        after = pulls / pulls.sum()
        step = after - at
        ways = _times(gram, step)
        length = float(np.sqrt(max(float((step * ways).sum()), 0.0)))
        along = float((before * ways).sum())
        lengths = [*lengths[-2:], length]
        at, before = after, step
        turned_back = len(lengths) > 1 and along < 0 and length >= lengths[-2]
        if length < DELTA or _all_equal(lengths) or turned_back:
            break
    return at


def _all_equal(lengths: list[float]) -> bool:
    return len(lengths) == 3 and max(lengths) - min(lengths) <= EQUAL * max(lengths)


def _distances_from(gram: Doubles, at: Doubles) -> Doubles:
    """Distances ``[n]`` of the models from the point ``Σ a_i w_i``."""
    ways = _times(gram, at)
    squares = gram.diagonal() - 2 * ways + (at * ways).sum()
    found: Doubles = np.sqrt(np.maximum(squares, 0.0))
    return found


def _times(gram: Doubles, vector: Doubles) -> Doubles:
    """``gram @ vector``, always summed in the same order."""
    found: Doubles = (gram * vector).sum(axis=1)
    return found


def inner_products(
    stack: Stack, median: Callable[[Array], Array], meter: Meter, arena: Arena
) -> Doubles:
    """What :func:`geometric_median` needs: inner products ``[n, n]`` over all floating tensors.

    Integer tensors count things and have no part in distances.

    Parameters
    ----------
    median : of each coordinate, from rows ``[n, count]`` in the arena, which it may overwrite.

    Raises
    ------
    DamagedTensors, NotFinite
    """

    def origin(rows: Array, piece: Piece) -> Doubles:
        narrow = rows.dtype == np.float32
        if not (finite(arena, rows) if narrow else (np.abs(rows) <= LARGEST).all()):
            stack.blame(piece)
        found: Doubles = arena.rows(1, piece.count, np.dtype(np.float64))[0]
        spare = arena.rows(len(rows), piece.count, rows.dtype)
        spare[:] = rows
        found[:] = median(spare)
        return found

    return geometry.inner_products(
        stack.sources, stack, origin, meter, arena=arena, elements=ELEMENTS, least=1
    )
