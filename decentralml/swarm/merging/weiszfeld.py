"""The geometric median of models, by Weiszfeld's iteration on their distances alone.

Every point of the iteration is a weighted mean ``z = Σ a_i w_i`` of the models (``Σ a_i = 1``).
With ``D_ij = |w_i - w_j|²``, over all floating tensors,

- the distance of a model from it is ``|w_i - z|² = (D a)_i - ½ aᵀ D a``,
- a step from ``a`` to ``a'`` has the length ``|z' - z|² = -½ (a'-a)ᵀ D (a'-a)``,

so that the files are read once for ``D`` and once for the merge, however many steps it takes.

Source: Weiszfeld, 1937. Pillutla et al., Robust Aggregation for Federated Learning, 2022.
https://arxiv.org/abs/1912.13445
"""

from __future__ import annotations

import numpy as np

from decentralml.bundles.manifest import DTYPES
from decentralml.learning.dtypes import FLOATS, Doubles
from decentralml.learning.kernels.arena import Arena
from decentralml.learning.stack import Meter, Piece, Stack, in_order, read_rows

DELTA = 1e-6
"""A step that is shorter is the last one."""
EQUAL = 1e-9
"""Steps are of equal length if they differ by less than this part of the longer."""
NEAR = 1e-6
"""Nearest that a model counts as being to a point: a model that lies in it would pull without end.
Of the models' typical distance from their mean, where that is above one."""
MOST_STEPS = 1000
ELEMENTS = 1 << 18
"""Elements of all models together that are in memory at a time, for each thread."""


def geometric_median(squares: Doubles, weights: Doubles) -> Doubles:
    """Coefficients ``[n]``, one together, of the point with the least ``Σ p_i |w_i - z|``.

    From the weighted mean on, ``z ← Σ β_i w_i / Σ β_i`` with ``β_i = p_i / max(|w_i - z|, m)``,
    ``m`` being ``NEAR`` times the larger of 1 and the models' median distance from the mean.
    With ``δ`` the Euclidean length of a step, it ends, the step being done, when

    1. ``δ < 1e-6``, or
    2. the last three δ are equal (to nine digits), or
    3. it oscillates: the step goes against the one before it (their inner product is negative)
       and is no shorter, or
    4. 1,000 steps are done.

    Parameters
    ----------
    squares : squared distances of every two models, ``[n, n]``.
    weights : of the models, ``[n]``, at least zero and not all zero.
    """
    at: Doubles = weights / weights.sum()
    nearest = NEAR * max(1.0, float(np.median(_distances_from(squares, at))))
    before = np.zeros(len(at))
    lengths: list[float] = []
    for _ in range(MOST_STEPS):
        pulls = weights / np.maximum(_distances_from(squares, at), nearest)
        after = pulls / pulls.sum()
        step = after - at
        ways = _times(squares, step)
        length = float(np.sqrt(max(-0.5 * float((step * ways).sum()), 0.0)))
        along = -0.5 * float((before * ways).sum())
        lengths = [*lengths[-2:], length]
        at, before = after, step
        turned_back = len(lengths) > 1 and along < 0 and length >= lengths[-2]
        if length < DELTA or _all_equal(lengths) or turned_back:
            break
    return at


def _all_equal(lengths: list[float]) -> bool:
    return len(lengths) == 3 and max(lengths) - min(lengths) <= EQUAL * max(lengths)


def _distances_from(squares: Doubles, at: Doubles) -> Doubles:
    """Distances ``[n]`` of the models from the point ``Σ a_i w_i``."""
    ways = _times(squares, at)
    found: Doubles = np.sqrt(np.maximum(ways - 0.5 * (at * ways).sum(), 0.0))
    return found


def _times(squares: Doubles, vector: Doubles) -> Doubles:
    """``squares @ vector``, always summed in the same order."""
    found: Doubles = (squares * vector).sum(axis=1)
    return found


def distances(stack: Stack, meter: Meter) -> Doubles:
    """Squared distances ``[n, n]`` of every two models, over their floating tensors.

    Integer tensors count things and have no part in distances.

    Raises
    ------
    DamagedTensors, NotFinite
    """
    squares = np.zeros((len(stack), len(stack)))
    arena = Arena()
    size = max(1, ELEMENTS // len(stack))
    pieces = (piece for piece in stack.pieces(size) if piece.dtype in FLOATS)
    for piece, part in in_order(lambda piece: _squares(stack, piece, arena), pieces):
        if not np.isfinite(part).all():
            stack.blame(piece)
        squares += part
        meter.add(piece.count * DTYPES[piece.dtype] * len(stack))
    return squares + squares.T


def _squares(stack: Stack, piece: Piece, arena: Arena) -> Doubles:
    """Squared distances over one piece, above the diagonal."""
    count = len(stack)
    arena.clear()
    rows, ways = (arena.array((count, piece.count), np.dtype(np.float64)) for _ in range(2))
    found = np.zeros((count, count))
    with np.errstate(invalid="ignore", over="ignore"):
        rows[:] = read_rows(stack.sources, piece, arena)
        # Where only one model is there, or all others are finite, its own values still tell.
        np.multiply(rows, 0.0, out=ways)
        np.fill_diagonal(found, ways.sum(axis=1))
        for place in range(count - 1):
            others = ways[place + 1 :]
            np.subtract(rows[place + 1 :], rows[place], out=others)
            np.multiply(others, others, out=others)
            np.add.reduce(others, axis=1, out=found[place, place + 1 :])
    return found
