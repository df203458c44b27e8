"""Models of one structure, read side by side, a piece of a tensor at a time."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import NoReturn, TypeVar

import numpy as np

from decentralml.bundles.manifest import DTYPES, TensorSpec
from decentralml.errors import (
    BaseMismatch,
    NotFinite,
    NoUpdates,
    StructureMismatch,
    UnmergeableType,
)
from decentralml.learning.dtypes import STORED, Array, widened
from decentralml.learning.kernels.arena import Arena
from decentralml.learning.sources import TensorSource
from decentralml.learning.tensors import in_file_order, items
from decentralml.learning.update import Update

T = TypeVar("T")
Progress = Callable[[int, int | None], None]

THREADS = min(4, len(os.sched_getaffinity(0)))
"""Pieces that are worked on at the same time; each element's sum keeps its order."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Elements ``start`` to ``start + count`` of a tensor."""

    name: str
    dtype: str
    start: int
    count: int


class Stack:
    """Updates of one structure, and the base model they began from, if it is known.

    Attributes
    ----------
    specs : of each tensor, in the order in which a merged model is written.
    """

    def __init__(self, updates: Sequence[Update], base: TensorSource | None = None) -> None:
        """Raises NoUpdates, DamagedTensors, StructureMismatch, BaseMismatch, UnmergeableType."""
        if not updates:
            raise NoUpdates
        self.updates, self.base = tuple(updates), base
        self.sources = [update.tensors() for update in updates]
        self.specs: Mapping[str, TensorSpec] = in_file_order(self.sources[0].specs)
        for name, spec in self.specs.items():
            if spec.dtype not in STORED:
                raise UnmergeableType(name, spec.dtype)
        for update, source in zip(updates, self.sources, strict=True):
            if difference := first_difference(self.specs, source.specs):
                raise StructureMismatch(update.name, *difference)
        if base is not None and (difference := first_difference(base.specs, self.specs)):
            raise BaseMismatch(*difference)

    def __len__(self) -> int:
        return len(self.updates)

    @property
    def bytes(self) -> int:
        """Of one model's tensors."""
        return sum(items(spec) * DTYPES[spec.dtype] for spec in self.specs.values())

    def of(self, chosen: Sequence[int]) -> Stack:
        """Some of the updates."""
        return Stack([self.updates[index] for index in chosen], self.base)

    def pieces(self, size: int) -> Iterator[Piece]:
        """All elements of all tensors, at most ``size`` at a time, in the order of ``specs``."""
        for name, spec in self.specs.items():
            for start in range(0, items(spec), size):
                yield Piece(name, spec.dtype, start, min(size, items(spec) - start))

    def blame(self, piece: Piece) -> NoReturn:
        """Say whose values are not finite: sums do not tell. Raises :class:`NotFinite`."""
        stored = np.empty(piece.count, STORED[piece.dtype])
        for update, source in zip(self.updates, self.sources, strict=True):
            fill(source, piece, stored)
            if not np.isfinite(widened(stored, piece.dtype)).all():
                raise NotFinite(update.name, piece.name)
        if self.base is not None:
            fill(self.base, piece, stored)
            if not np.isfinite(widened(stored, piece.dtype)).all():
                raise NotFinite("the base model", piece.name)
        # All values are finite, but two of them are further apart than any float64.
        raise NotFinite("the mean", piece.name)


def fill(source: TensorSource, piece: Piece, stored: Array) -> None:
    """Read a piece into an array of the stored type."""
    source.fill(piece.name, piece.start, stored.data.cast("B") if stored.size else memoryview(b""))


def read_rows(sources: Sequence[TensorSource], piece: Piece, arena: Arena) -> Array:
    """A piece of some models, ``[n, count]``: float32 of all floats up to 32 bits, else as stored.

    Rows of the arena (:meth:`Arena.rows`); booleans are bytes.
    """
    stored = STORED[piece.dtype]
    halves = piece.dtype in ("F16", "BF16")
    rows = arena.rows(len(sources), piece.count, "<f4" if halves else stored)
    word = arena.array((piece.count,), stored) if halves else rows[0]
    for row, source in zip(rows, sources, strict=True):
        fill(source, piece, word if halves else row)
        if halves:
            row[:] = widened(word, piece.dtype)
    return rows


@dataclass
class Meter:
    """Tells how many bytes of updates were read, and in all."""

    report: Progress | None
    total: int
    done: int = field(default=0, init=False)

    def add(self, count: int) -> None:
        self.done += count
        if self.report:
            self.report(self.done, self.total)


def in_order(work: Callable[[Piece], T], pieces: Iterator[Piece]) -> Iterator[tuple[Piece, T]]:
    """What ``work`` makes of each piece, in their order, some of them at the same time."""
    with ThreadPoolExecutor(THREADS) as pool:
        waiting: deque[tuple[Piece, Future[T]]] = deque()
        try:
            for piece in pieces:
                waiting.append((piece, pool.submit(work, piece)))
                if len(waiting) > THREADS:
                    ready, result = waiting.popleft()
                    yield ready, result.result()
            while waiting:
                ready, result = waiting.popleft()
                yield ready, result.result()
        finally:
            for _, result in waiting:
                result.cancel()


def first_difference(
    expected: Mapping[str, TensorSpec], found: Mapping[str, TensorSpec]
) -> tuple[str, str, str] | None:
    """The first tensor, by name, in which two structures differ; and what it is in each."""
    for name in sorted(expected.keys() | found.keys()):
        here, there = expected.get(name), found.get(name)
        if here != there:
            return name, _shown(here), _shown(there)
    return None


def _shown(spec: TensorSpec | None) -> str:
    return f"{spec.dtype}{list(spec.shape)}" if spec else "absent"
