"""FedAvg's weighted mean of models, in memory that does not grow.

The next model is ``Σ (n_i / n) · w_i`` over contributors *i* with ``n_i`` examples each, for
every tensor: parameters and buffers alike. One piece of one tensor of at most four contributors is
in memory at a time (for each thread), whatever their number and the model's size.

- Floating tensors keep their type; sums are in float64 and in a fixed order, so that
  the same updates give the same bytes, on every machine.
- Integer tensors, such as batch norm's ``num_batches_tracked``, become the weighted mean rounded
  to the nearest integer, ties to even; booleans the weighted majority, ties true.
- Where all agree, the value stays exactly as it is. Floats of up to 32 bits do by themselves: 29
  bits of a float64 are below theirs. Of 64-bit floats and of integers (those beyond 2⁵³ included)
  what is summed is each update's distance from the heaviest one.

The robust rules that give each update a coefficient end in the same sum (:func:`combined`); where
their coefficients are not one together, the base model has the rest.

Source: McMahan et al., Communication-Efficient Learning of Deep Networks from Decentralized
Data, 2017, algorithm 1. https://arxiv.org/abs/1602.05629
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from decentralml.bundles.manifest import DTYPES
from decentralml.errors import BadWeight, ZeroWeight
from decentralml.learning.dtypes import STORED, Array, narrowed
from decentralml.learning.kernels import sums
from decentralml.learning.kernels.arena import Arena
from decentralml.learning.sources import TensorSource
from decentralml.learning.stack import Meter, Piece, Progress, Stack, fill, in_order, read_rows
from decentralml.learning.tensors import TensorWriter, replacing
from decentralml.learning.update import Update

Term = tuple[TensorSource, float]
"""A model and its coefficient."""

PIECE = 1 << 18
"""Elements summed at a time: to ask for so many takes no time beside reading them."""
TOGETHER = 4
"""Models of which a piece is read before they are summed."""
NARROW = frozenset({"F32", "F16", "BF16"})
"""Floats that a float64 sum rounds back to, if they were all the same."""


def weighted_mean(
    updates: Sequence[Update],
    out: Path,
    weights: Sequence[float] | None = None,
    progress: Progress | None = None,
) -> None:
    """Write the weighted mean of ``updates`` to the safetensors file ``out``.

    Parameters
    ----------
    updates : models of one structure: same names, shapes and types of tensors.
    out : takes its name only once it is complete; an older file stays until then.
    weights : one for each update, at least zero, on any scale; default: their examples.
    progress : called with the bytes of updates read so far, and in all.

    Raises
    ------
    NoUpdates, BadWeight, ZeroWeight, StructureMismatch, DamagedTensors, NotFinite,
    UnmergeableType, UnwritableModel
    """
    stack = Stack(updates)
    combined(stack, shares(updates, weights), out, Meter(progress, stack.bytes * len(stack)))


def shares(updates: Sequence[Update], weights: Sequence[float] | None = None) -> list[float]:
    """Each update's part ``n_i / n`` in the mean; together they are one."""
    given = [float(u.examples) for u in updates] if weights is None else list(map(float, weights))
    for update, weight in zip(updates, given, strict=True):
        if not (math.isfinite(weight) and weight >= 0):
            raise BadWeight(update.name, weight)
    total = sum(given)
    if not (total > 0 and math.isfinite(total)):
        raise ZeroWeight(total)
    return [weight / total for weight in given]


def combined(
    stack: Stack, coefficients: Sequence[float], out: Path, meter: Meter, *, from_base: bool = False
) -> None:
    """Write ``Σ c_i · w_i`` to the file ``out``; ``from_base`` adds ``(1 - Σ c_i) · base``.

    Parameters
    ----------
    coefficients : of each update; without the base model they are one together.

    Raises
    ------
    NotFinite, DamagedTensors, UnwritableModel
    """
    terms = list(zip(stack.sources, coefficients, strict=True))
    if from_base:
        assert stack.base is not None
        terms.insert(0, (stack.base, 1.0 - sum(coefficients)))
    else:  # The heaviest is first: distances are taken from it.
        terms.insert(0, terms.pop(max(range(len(terms)), key=coefficients.__getitem__)))
    arena = Arena()

    def work(piece: Piece) -> Array:
        summed = _sum if piece.dtype in NARROW else _sum_of_distances
        found = summed(terms, piece, arena)
        if found is None:
            stack.blame(piece)
        return found

    with replacing(out) as file:
        writer = TensorWriter(file, stack.specs)
        for piece, values in in_order(work, stack.pieces(PIECE)):
            writer.write(values)
            meter.add(piece.count * DTYPES[piece.dtype] * len(coefficients))


def _sum(terms: Sequence[Term], piece: Piece, arena: Arena) -> Array | None:
    """A piece of the next model, as stored; None if it is not finite."""
    arena.clear()
    total = arena.rows(1, piece.count, np.dtype(np.float64))[0]
    coefficients = arena.array((len(terms),), np.dtype(np.float64))
    coefficients[:] = [coefficient for _, coefficient in terms]
    finite = True
    for first in range(0, len(terms), TOGETHER):
        some = slice(first, first + TOGETHER)
        with arena.passing():
            rows = read_rows([source for source, _ in terms[some]], piece, arena)
            finite = sums.add(arena, total, rows, coefficients[some], anew=not first)
    return narrowed(total, piece.dtype) if finite else None


def _sum_of_distances(terms: Sequence[Term], piece: Piece, arena: Arena) -> Array | None:
    """As :func:`_sum`, by distances from the first: exact where there are none."""
    arena.clear()
    stored = arena.array((piece.count,), STORED[piece.dtype])
    start, total, product = arena.rows(3, piece.count, np.dtype(np.float64))
    first = np.empty_like(stored)
    fill(terms[0][0], piece, first)
    start[:] = first
    with np.errstate(invalid="ignore", over="ignore"):
        # Zero times what is not finite is not: the first one's own values are looked at, too.
        np.multiply(start, 0.0, out=total)
        for source, coefficient in terms[1:]:
            fill(source, piece, stored)
            product[:] = stored
            product -= start
            product *= coefficient
            total += product
    if not np.isfinite(total).all():
        return None
    if not total.any():
        return first
    total += start
    return narrowed(total, piece.dtype)
