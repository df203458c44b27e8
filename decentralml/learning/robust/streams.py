"""A rule for coordinates, applied to whole models a piece at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from decentralml.bundles.manifest import DTYPES
from decentralml.learning.dtypes import STORED, Array, Doubles, narrowed
from decentralml.learning.kernels.arena import Arena
from decentralml.learning.kernels.mixing import Recipes, mixed, recipes
from decentralml.learning.kernels.order import finite
from decentralml.learning.stack import Meter, Piece, Stack, in_order, read_rows
from decentralml.learning.tensors import TensorWriter, replacing

ELEMENTS = 1 << 20
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
    arena: Arena,
    chosen: Sequence[int] | None = None,
    mixing: Doubles | None = None,
    least: int = LEAST,
) -> None:
    """Write what ``kernel`` makes of each coordinate to the safetensors file ``out``.

    Parameters
    ----------
    kernel : from rows ``[n, count]``, which it may overwrite, to ``[count]``.
    arena : where the rows are.
    chosen : the updates that it sees; default: all.
    mixing : ``[m, n]``; the kernel sees ``mixing @ updates``.
    least : elements of one update at a time, however many updates there are; with 1, memory does
        not grow with them.

    Raises
    ------
    NotFinite, DamagedTensors, UnwritableModel
    """
    rows = list(range(len(stack))) if chosen is None else list(chosen)
    size = max(least, ELEMENTS // len(rows))
    how = None if mixing is None else (mixing, recipes(mixing))
    with replacing(out) as file:
        writer = TensorWriter(file, stack.specs)
        for piece, values in in_order(
            lambda piece: _merged(stack, kernel, rows, how, piece, arena), stack.pieces(size)
        ):
            writer.write(values)
            meter.add(piece.count * DTYPES[piece.dtype] * len(rows))


def _merged(
    stack: Stack,
    kernel: Kernel,
    chosen: Sequence[int],
    how: tuple[Doubles, Recipes] | None,
    piece: Piece,
    arena: Arena,
) -> Array:
    """A piece of the next model, as stored."""
    arena.clear()
    rows = read_rows([stack.sources[index] for index in chosen], piece, arena)
    narrow = rows.dtype == np.float32
    if not (finite(arena, rows) if narrow else _finite(rows)):
        stack.blame(piece)
    if how is not None:
        rows = mixed(arena, rows, how[1]) if narrow else _mixed(rows, how[0])
    found = kernel(rows)
    if piece.dtype != "BF16" and found.dtype == STORED[piece.dtype]:
        return found.copy() if np.shares_memory(found, rows) else found
    return narrowed(found, piece.dtype)


def _finite(rows: Array) -> bool:
    return rows.dtype.kind != "f" or bool(np.isfinite(rows).all())


def _mixed(rows: Array, mixing: Doubles) -> Array:
    """``mixing @ rows`` in float64, always in the same order."""
    values = rows.astype(np.float64)
    return np.stack([values[parts > 0].sum(axis=0) * parts.max() for parts in mixing])
