"""FedAvg's weighted mean of models, in memory that does not grow.

The next model is ``Σ (n_i / n) · w_i`` over contributors *i* with ``n_i`` examples each, for
every tensor: parameters and buffers alike. One piece of one tensor of one contributor is in
memory at a time (for each thread), whatever their number and the model's size.

- Floating tensors keep their type; sums are in float64 and in a fixed order, so that
  the same updates give the same bytes.
- Integer tensors, such as batch norm's ``num_batches_tracked``, become the weighted mean rounded
  to the nearest integer, ties to even; booleans the weighted majority, ties true.
- What is summed is each update's distance from the heaviest one: where all agree, the value stays
  exactly as it is, 64-bit integers beyond 2⁵³ included.

The robust rules that give each update a coefficient end in the same sum
(:func:`combined`); where their coefficients are not one together, the base model has the rest, and
distances are taken from it.

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
from decentralml.learning.dtypes import STORED, Array, narrowed, widened
from decentralml.learning.sources import TensorSource
from decentralml.learning.stack import Meter, Piece, Progress, Scratch, Stack, fill, in_order
from decentralml.learning.stack import first_difference as first_difference
from decentralml.learning.tensors import TensorWriter, replacing
from decentralml.learning.update import Update

PIECE = 1 << 17
"""Elements summed at a time: their sum takes 1 MiB and stays in the processor's cache."""


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
    """Write ``a + Σ c_i · (w_i - a)`` to the file ``out``.

    Parameters
    ----------
    coefficients : of each update.
    from_base : *a* is the stack's base model; else the heaviest update, and the coefficients are
        one together.

    Raises
    ------
    NotFinite, DamagedTensors, UnwritableModel
    """
    terms = list(zip(stack.sources, coefficients, strict=True))
    if from_base:
        assert stack.base is not None
        anchor = stack.base
    else:
        heaviest = max(range(len(terms)), key=coefficients.__getitem__)
        anchor = terms.pop(heaviest)[0]
    scratch = Scratch()
    with replacing(out) as file:
        writer = TensorWriter(file, stack.specs)
        for piece, values in in_order(
            lambda piece: _sum(stack, anchor, terms, piece, scratch), stack.pieces(PIECE)
        ):
            writer.write(values)
            meter.add(piece.count * DTYPES[piece.dtype] * len(coefficients))


def _sum(
    stack: Stack,
    anchor: TensorSource,
    terms: Sequence[tuple[TensorSource, float]],
    piece: Piece,
    scratch: Scratch,
) -> Array:
    """A piece of the next model, as stored."""
    first = np.empty(piece.count, STORED[piece.dtype])
    fill(anchor, piece, first)
    start = scratch.array("start", (piece.count,), "f8")
    start[:] = widened(first, piece.dtype)
    distance = scratch.array("distance", (piece.count,), "f8")
    stored = scratch.array("stored", (piece.count,), STORED[piece.dtype])
    product = scratch.array("product", (piece.count,), "f8")
    with np.errstate(invalid="ignore", over="ignore"):  # isfinite, below, finds them
        # Zero times what is not finite is not: the anchor's own values are looked at, too.
        np.multiply(start, 0.0, out=distance)
        for source, coefficient in terms:
            fill(source, piece, stored)
            product[:] = widened(stored, piece.dtype)
            product -= start
            product *= coefficient
            distance += product
    if not np.isfinite(distance).all():
        stack.blame(piece)
    if not distance.any():
        return first
    distance += start
    return narrowed(distance, piece.dtype)
