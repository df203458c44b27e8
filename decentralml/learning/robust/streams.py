"""A rule for coordinates, applied to whole models a piece at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from decentralml.bundles.manifest import DTYPES
from decentralml.learning.dtypes import FLOATS, STORED, Array, Doubles, narrowed, widened
from decentralml.learning.stack import Meter, Piece, Scratch, Stack, fill, in_order
from decentralml.learning.tensors import TensorWriter, replacing

ELEMENTS = 1 << 19
"""Elements of all updates together that are in memory at a time, for each thread: what is sorted
should stay in the processor's cache."""
LEAST = 1 << 12

Kernel = Callable[[Array], Array]


def by_coordinate(
    stack: Stack,
    kernel: Kernel,
    out: Path,
    meter: Meter,
    *,
    chosen: Sequence[int] | None = None,
    mixing: Doubles | None = None,
    least: int = LEAST,
) -> None:
    """Write what ``kernel`` makes of each coordinate to the safetensors file ``out``.

    Parameters
    ----------
    kernel : from rows ``[n, count]``, which it may overwrite, to ``[count]``.
    chosen : the updates that it sees; default: all.
    mixing : ``[m, n]``; the kernel sees ``mixing @ updates``.
    least : elements of one update at a time, however many updates there are; with 1, memory does
        not grow with them.

    Raises
    ------
    NotFinite, DamagedTensors, UnwritableModel
    """
    rows = list(range(len(stack))) if chosen is None else list(chosen)
    scratch = Scratch()
    size = max(least, ELEMENTS // len(rows))
    with replacing(out) as file:
        writer = TensorWriter(file, stack.specs)
        for piece, values in in_order(
            lambda piece: _merged(stack, kernel, rows, mixing, piece, scratch), stack.pieces(size)
        ):
            writer.write(values)
            meter.add(piece.count * DTYPES[piece.dtype] * len(rows))


def _merged(
    stack: Stack,
    kernel: Kernel,
    chosen: Sequence[int],
    mixing: Doubles | None,
    piece: Piece,
    scratch: Scratch,
) -> Array:
    """A piece of the next model, as stored."""
    rows = _rows(stack, chosen, piece, scratch)
    if piece.dtype in FLOATS and not np.isfinite(rows).all():
        stack.blame(piece)
    found = kernel(rows if mixing is None else _mixed(rows, mixing))
    if piece.dtype != "BF16" and found.dtype == STORED[piece.dtype]:
        return found.copy() if np.shares_memory(found, rows) else found
    return narrowed(found, piece.dtype)


def _mixed(rows: Array, mixing: Doubles) -> Array:
    """``mixing @ rows``, always in the same order; of 32-bit floats rounded to those again.

    Each mixed row is a plain mean of some; where that is most of them, the others are taken from
    the sum of all.
    """
    values = rows.astype(np.float64)
    everything = values.sum(axis=0)
    mixed = np.empty((len(mixing), rows.shape[1]), "f4" if rows.dtype == np.float32 else "f8")
    for into, parts in zip(mixed, mixing, strict=True):
        inside, outside = np.flatnonzero(parts), np.flatnonzero(parts == 0)
        if len(inside) <= len(outside):
            total = values[inside[0]].copy()
            for row in inside[1:]:
                total += values[row]
        else:
            total = everything.copy()
            for row in outside:
                total -= values[row]
        np.multiply(total, parts[inside[0]], out=into, casting="same_kind")
    return mixed


def _rows(stack: Stack, chosen: Sequence[int], piece: Piece, scratch: Scratch) -> Array:
    """A piece of the chosen updates, ``[n, count]``, in a type that minima can be taken of."""
    stored = STORED[piece.dtype]
    halves = piece.dtype in ("F16", "BF16")
    rows = scratch.array("rows", (len(chosen), piece.count), "f4" if halves else stored)
    word = scratch.array("word", (piece.count,), stored)
    for row, index in zip(rows, chosen, strict=True):
        if halves:
            fill(stack.sources[index], piece, word)
            row[:] = widened(word, piece.dtype)
        else:
            fill(stack.sources[index], piece, row)
    return rows
