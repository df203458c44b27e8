"""How updates lie to each other: their Gram matrix, from one pass over their files.

With ``d_i = w_i - o`` (*o* the base model; without one, any point: distances do not care) it holds
``G_ij = ⟨d_i, d_j⟩`` over all floating tensors, in float64. Everything that the rules of
coefficients need follows: ``|d_i - d_j|² = G_ii + G_jj - 2 G_ij``, and for a point
``v = o + Σ a_i d_i``: ``|d_i - v|² = G_ii - 2 (G a)_i + aᵀ G a``.

Integer tensors count things (batch norm's batches); they have no part in distances, and follow the
coefficients.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from decentralml.bundles.manifest import DTYPES
from decentralml.errors import NotFinite, StructureMismatch
from decentralml.learning.dtypes import FLOATS, STORED, Array, Doubles, widened
from decentralml.learning.sources import TensorSource
from decentralml.learning.stack import (
    Meter,
    Piece,
    Scratch,
    Stack,
    fill,
    first_difference,
    in_order,
    stored_in,
)

ELEMENTS = 1 << 18
"""Elements of all updates together that are in memory at a time, for each thread."""
LEAST = 1 << 10
ALONE = 1 << 15
"""Elements of one update at a time, where each is looked at alone."""
SHORT = 1 << 13
"""Elements in an inner product for which OpenBLAS uses the calling thread alone."""
SMALL = 1 << 18
"""Multiplications in a matrix product for which OpenBLAS uses the calling thread alone."""


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
    *,
    diagonal: bool = False,
) -> Geometry:
    """The geometry of a stack, from its base model if it has one.

    ``diagonal``: only lengths are asked for; all other products are left zero.

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
    gram = np.zeros((len(sources), len(sources)))
    scratch = Scratch()
    size = ALONE if diagonal else max(LEAST, ELEMENTS // len(sources))
    with np.errstate(invalid="ignore", over="ignore"):
        pieces = (piece for piece in stack.pieces(size) if piece.dtype in FLOATS)
        work = _squares if diagonal else _products
        for piece, products in in_order(
            lambda piece: work(sources, stack.base, piece, scratch), pieces
        ):
            gram += products
            meter.add(piece.count * DTYPES[piece.dtype] * len(stack))
    if reference is None:
        return Geometry(gram, stack.base is not None)
    if not np.isfinite(gram[-1, -1]):
        raise NotFinite("the reference", "of it")
    return Geometry(gram[:-1, :-1], stack.base is not None, gram[-1])


def _products(
    sources: list[TensorSource],
    base: TensorSource | None,
    piece: Piece,
    scratch: Scratch,
) -> Doubles:
    """Inner products over one piece."""
    stored = scratch.array("stored", (piece.count,), STORED[piece.dtype])
    spare = scratch.array("ways", (len(sources) + 1, piece.count), "f8")
    spare[-1] = 0.0
    ways = spare[:-1]
    with np.errstate(invalid="ignore", over="ignore"):
        for row, source in zip(ways, sources, strict=True):
            row[:] = widened(stored_in(source, piece, stored), piece.dtype)
        ways -= _origin(ways, base, piece, stored)
        return _gram(spare)


def _squares(
    sources: list[TensorSource],
    base: TensorSource | None,
    piece: Piece,
    scratch: Scratch,
) -> Doubles:
    """The inner products of each with itself over one piece; the others are left zero."""
    spare = scratch.array("stored", (piece.count,), STORED[piece.dtype])
    way = scratch.array("way", (piece.count,), "f8")
    origin = None if base is None else _origin(way[:0], base, piece, spare)
    moved = origin is not None and bool(origin.any())
    found = np.zeros((len(sources), len(sources)))
    with np.errstate(invalid="ignore", over="ignore"):
        for place, source in enumerate(sources):
            way[:] = widened(stored_in(source, piece, spare), piece.dtype)
            if moved:
                way -= origin
            found[place, place] = _square(way)
    return found


def _square(way: Doubles) -> float:
    """The inner product with itself, in parts for which the library starts no threads."""
    whole = len(way) // SHORT * SHORT
    parts, rest = way[:whole].reshape(-1, SHORT), way[whole:]
    return float(np.matmul(parts[:, None, :], parts[:, :, None]).sum() + rest @ rest)


def _gram(spare: Doubles) -> Doubles:
    """``ways @ ways.T`` of all rows but the last, which makes it a product of two matrices.

    In products so small that the library starts no threads of its own, which would fight with ours.
    """
    count = len(spare) - 1
    products = np.zeros((count, count + 1))
    step = max(16, SMALL // (count * (count + 1)))
    for start in range(0, spare.shape[1], step):
        part = spare[:, start : start + step]
        products += part[:count] @ part.T
    return products[:, :count]


def _origin(ways: Doubles, base: TensorSource | None, piece: Piece, stored: Array) -> Doubles:
    """Where ways begin: any sound update will do where there is no base model.

    Near numbers are taken from each other before they are squared: nothing is lost.
    """
    if base is not None:
        fill(base, piece, stored)
        origin: Doubles = widened(stored, piece.dtype).astype(np.float64)
        if not np.isfinite(origin).all():
            raise NotFinite("the base model", piece.name)
        return origin
    for row in ways:
        if np.isfinite(row).all():
            found: Doubles = row.copy()
            return found
    return np.zeros(piece.count)
