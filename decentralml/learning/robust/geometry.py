"""How updates lie to each other: their Gram matrix, from one pass over their files.

With ``d_i = w_i - o`` (*o* the base model; without one, any point: distances do not care) it holds
``G_ij = ⟨d_i, d_j⟩`` over all floating tensors, in float64 and always summed in the same order.
Everything that the rules of coefficients need follows: ``|d_i - d_j|² = G_ii + G_jj - 2 G_ij``, and
for a point ``v = o + Σ a_i d_i``: ``|d_i - v|² = G_ii - 2 (G a)_i + aᵀ G a``.

Integer tensors count things (batch norm's batches); they have no part in distances, and follow the
coefficients.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from decentralml.bundles.manifest import DTYPES
from decentralml.errors import NotFinite, StructureMismatch
from decentralml.learning.dtypes import FLOATS, Array, Doubles
from decentralml.learning.kernels.arena import Arena
from decentralml.learning.kernels.order import finite
from decentralml.learning.kernels.products import products, squares
from decentralml.learning.sources import TensorSource
from decentralml.learning.stack import (
    Meter,
    Piece,
    Stack,
    first_difference,
    in_order,
    read_rows,
)

ELEMENTS = 1 << 20
"""Elements of all updates together that are in memory at a time, for each thread."""
LEAST = 1 << 10
TOO_FAR = 1e4
"""Times the typical distance: eight digits of the others' squares are left, seen from there."""
PIECE = 1 << 18
"""Elements of one update that are in memory at a time, where each is looked at by itself."""

Origin = Callable[[Array, Piece], Doubles]
"""Where the ways of a piece's rows begin: float64 ``[count]`` from :meth:`Arena.rows`."""


@dataclass(frozen=True, slots=True)
class Geometry:
    """Inner products of updates, ``[n, n]``, seen from the base model or from anywhere.

    Attributes
    ----------
    gram : of the updates; not finite where an update is not.
    from_base : whether lengths and directions mean anything, or distances alone.
    reference : inner products of the trusted update with each, and with itself, ``[n + 1]``.
    """

    gram: Doubles
    from_base: bool
    reference: Doubles | None = None

    @property
    def distances(self) -> Doubles:
        """Squared distances ``[n, n]``."""
        return squared_distances(self.gram)

    @property
    def lengths(self) -> Doubles:
        """Of the updates' ways from the base model, ``[n]``."""
        lengths: Doubles = np.sqrt(np.diag(self.gram))
        return lengths

    def of(self, kept: list[int]) -> Geometry:
        """Of some of the updates."""
        reference = None if self.reference is None else self.reference[[*kept, -1]]
        return Geometry(self.gram[np.ix_(kept, kept)], self.from_base, reference)

    def mixed(self, mixing: Doubles) -> Geometry:
        """Of ``mixing @ updates``; the rows of ``mixing`` are one together, ``[m, n]``."""
        reference = self.reference
        if reference is not None:
            reference = np.append(mixing @ reference[:-1], reference[-1])
        return Geometry(mixing @ self.gram @ mixing.T, self.from_base, reference)


def squared_distances(gram: Doubles) -> Doubles:
    """``[n, n]`` from inner products; never below zero, and zero to oneself."""
    squares = np.diag(gram)
    found = np.maximum(squares[:, None] + squares[None, :] - 2 * gram, 0.0)
    np.fill_diagonal(found, 0.0)
    return found


def measure(
    stack: Stack,
    meter: Meter,
    reference: TensorSource | None = None,
) -> Geometry:
    """The geometry of a stack, from its base model if it has one.

    An update that holds NaN or infinity, or whose square is beyond float64, gives a row and a
    column that are not finite; the others' numbers are not touched by it.

    Raises
    ------
    DamagedTensors
    StructureMismatch, NotFinite : the reference's; NotFinite: the base model's, too.
    """
    if reference is not None and (d := first_difference(stack.specs, reference.specs)):
        raise StructureMismatch("the reference", *d)
    sources = [*stack.sources, *([] if reference is None else [reference])]
    arena = Arena()
    order = list(range(len(sources)))
    gram = inner_products(sources, stack, _from(stack.base, arena, order), meter, arena=arena)
    if stack.base is None and (better := _nearer(gram)):
        there = _from(None, arena, better)
        gram = inner_products(sources, stack, there, Meter(None, 0), arena=arena)
    if reference is None:
        return Geometry(gram, stack.base is not None)
    if not np.isfinite(gram[-1, -1]):
        raise NotFinite("the reference", "of it")
    return Geometry(gram[:-1, :-1], stack.base is not None, gram[-1])


def measure_lengths(stack: Stack, meter: Meter) -> Geometry:
    """As :func:`measure` from the base model, which there must be; only lengths are found.

    Products of two updates are left zero, so each update can be read by itself, in large pieces.

    Raises
    ------
    DamagedTensors
    NotFinite : the base model's.
    """
    base = stack.base
    assert base is not None
    squares = np.zeros(len(stack))
    arena = Arena()
    with np.errstate(invalid="ignore", over="ignore"):
        pieces = (piece for piece in stack.pieces(PIECE) if piece.dtype in FLOATS)
        for piece, found in in_order(
            lambda piece: _squares(stack.sources, base, piece, arena), pieces
        ):
            squares += found
            meter.add(piece.count * DTYPES[piece.dtype] * len(stack))
    return Geometry(np.diag(squares), from_base=True)


def inner_products(
    sources: Sequence[TensorSource],
    stack: Stack,
    origin: Origin,
    meter: Meter,
    *,
    arena: Arena,
    elements: int = ELEMENTS,
    least: int = LEAST,
) -> Doubles:
    """Inner products ``[n, n]`` over all pieces, as they are seen from an origin.

    Parameters
    ----------
    sources : of the structure of the ``stack``.
    origin : of a piece, from its rows ``[n, count]`` in the arena, which it must leave alone.
    elements : of all sources together that are in memory at a time, for each thread, but
    least : of one source at a time, however many there are.
    """
    gram = np.zeros((len(sources), len(sources)))
    size = max(least, elements // len(sources))

    def work(piece: Piece) -> Doubles:
        arena.clear()
        rows = read_rows(sources, piece, arena)
        return products(arena, rows, origin(rows, piece))

    with np.errstate(invalid="ignore", over="ignore"):
        pieces = (piece for piece in stack.pieces(size) if piece.dtype in FLOATS)
        for piece, found in in_order(work, pieces):
            gram += found
            meter.add(piece.count * DTYPES[piece.dtype] * len(stack))
    return gram


def _nearer(gram: Doubles) -> list[int] | None:
    """In which order to look for an origin, if the one there was is too far away to tell by.

    Seen from a giant all others are in one place: their distances are lost in its own.
    """
    with np.errstate(invalid="ignore", over="ignore"):
        squares = squared_distances(gram)
    squares[~np.isfinite(squares)] = np.inf
    typical = np.median(squares, axis=1)
    best = typical.min()
    first = int(np.argmax(np.isfinite(typical)))
    far = np.isfinite(best) and typical[first] > TOO_FAR**2 * best
    return np.argsort(typical, kind="stable").tolist() if far else None


def _squares(
    sources: Sequence[TensorSource], base: TensorSource, piece: Piece, arena: Arena
) -> Doubles:
    """Inner products of each with itself over one piece, ``[n]``."""
    arena.clear()
    origin = _base(base, piece, arena)
    narrow = origin.dtype == np.float32
    found = np.empty(len(sources))
    for place, source in enumerate(sources):
        with arena.passing():
            row = read_rows([source], piece, arena)
            square = squares(arena, row, origin) if narrow else products(arena, row, origin)
            found[place] = square.item()
    return found


def _from(base: TensorSource | None, arena: Arena, order: Sequence[int]) -> Origin:
    """Where ways begin: without a base model at the first sound update, in the order given.

    Near numbers are taken from each other before they are squared: nothing is lost.
    """

    def origin(rows: Array, piece: Piece) -> Doubles:
        found: Doubles = arena.rows(1, piece.count, np.dtype(np.float64))[0]
        if base is not None:
            found[:] = _base(base, piece, arena)
            return found
        for place in order:
            if np.isfinite(rows[place]).all():
                found[:] = rows[place]
                return found
        found[:] = 0
        return found

    return origin


def _base(base: TensorSource, piece: Piece, arena: Arena) -> Array:
    """The base model, in the type of the rows."""
    rows = read_rows([base], piece, arena)
    if not (finite(arena, rows) if rows.dtype == np.float32 else np.isfinite(rows).all()):
        raise NotFinite("the base model", piece.name)
    origin: Array = rows[0]
    return origin
