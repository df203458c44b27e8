"""FedAvg's weighted mean of models, in memory that does not grow.

The next model is ``Σ (n_i / n) · w_i`` over contributors *i* with ``n_i`` examples each, for
every tensor: parameters and buffers alike. One piece of one tensor of one contributor is in
memory at a time, whatever their number and the model's size.

- Floating tensors keep their type; sums are in float64 and in a fixed order, so that
  the same updates give the same bytes.
- Integer tensors, such as batch norm's ``num_batches_tracked``, become the weighted mean rounded
  to the nearest integer, ties to even; booleans the weighted majority, ties true.
- What is summed is each update's distance from the heaviest one: where all agree, the value stays
  exactly as it is, 64-bit integers beyond 2⁵³ included.

Source: McMahan et al., Communication-Efficient Learning of Deep Networks from Decentralized
Data, 2017, algorithm 1. https://arxiv.org/abs/1602.05629
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from decentralml.bundles.manifest import DTYPES, TensorSpec
from decentralml.errors import (
    BadWeight,
    NotFinite,
    NoUpdates,
    StructureMismatch,
    UnmergeableType,
    ZeroWeight,
)
from decentralml.learning.dtypes import STORED, Array, narrowed, widened
from decentralml.learning.tensors import (
    TensorWriter,
    in_file_order,
    items,
    read_into,
    reading,
    replacing,
)
from decentralml.learning.update import Update

PIECE = 1 << 20
"""Elements summed at a time: their sum takes 8 MiB."""
BLOCK = 1 << 15
"""Elements read and added at a time: few enough to stay in the processor's cache."""

Progress = Callable[[int, int | None], None]


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
    if not updates:
        raise NoUpdates
    sources = _Sources(updates, shares(updates, weights))
    total = sum(items(spec) * DTYPES[spec.dtype] for spec in sources.specs.values()) * len(updates)
    done = 0
    with replacing(out) as file:
        writer = TensorWriter(file, sources.specs)
        for name, spec in sources.specs.items():
            for start in range(0, items(spec), PIECE):
                count = min(PIECE, items(spec) - start)
                writer.write(sources.mean(name, start, count))
                done += count * DTYPES[spec.dtype] * len(updates)
                if progress:
                    progress(done, total)


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


class _Sources:
    """Updates of one structure, and where each one's tensors lie in its file."""

    def __init__(self, updates: Sequence[Update], shares: Sequence[float]) -> None:
        self.updates, self.shares = updates, shares
        heaviest = max(range(len(updates)), key=shares.__getitem__)
        self.order = [heaviest, *(i for i in range(len(updates)) if i != heaviest)]
        first = updates[0].tensors()
        self.specs = in_file_order(first.specs)
        for name, spec in self.specs.items():
            if spec.dtype not in STORED:
                raise UnmergeableType(name, spec.dtype)
        self.row = {name: number for number, name in enumerate(self.specs)}
        self.offsets = [self._checked(update) for update in updates]
        self.bytes = bytearray(8 * BLOCK)
        self.product = np.empty(BLOCK)

    def _checked(self, update: Update) -> array[int]:
        """Offsets of an update's tensors in the order of ``specs``, its structure compared."""
        found = update.tensors()
        difference = first_difference(self.specs, found.specs)
        if difference:
            raise StructureMismatch(update.name, *difference)
        return array("Q", [found.offsets[name] for name in self.specs])

    def mean(self, name: str, start: int, count: int) -> Array:
        """Weighted mean of elements ``start`` to ``start + count`` of a tensor, as stored."""
        dtype = self.specs[name].dtype
        stored = np.empty(count, STORED[dtype])
        heaviest, distance = np.empty(count), np.zeros(count)
        for index in self.order:
            for here, values in self._blocks(index, name, start, count):
                if index == self.order[0]:
                    stored[here] = values
                    heaviest[here] = widened(values, dtype)
                product = self.product[: len(values)]
                with np.errstate(invalid="ignore", over="ignore"):  # isfinite, below, finds them
                    product[:] = widened(values, dtype)
                    product -= heaviest[here]
                    product *= self.shares[index]
                    distance[here] += product
        if not np.isfinite(distance).all():
            self._blame(name, start, count)
        if not distance.any():
            return stored
        distance += heaviest
        return narrowed(distance, dtype)

    def _blocks(
        self, index: int, name: str, start: int, count: int
    ) -> Iterator[tuple[slice, Array]]:
        """One update's elements of a tensor, some at a time, and their place in the piece."""
        dtype = self.specs[name].dtype
        width = DTYPES[dtype]
        offset = self.offsets[index][self.row[name]] + start * width
        with reading(self.updates[index].file) as file:
            for begin in range(0, count, BLOCK):
                size = min(BLOCK, count - begin)
                read_into(file, offset + begin * width, memoryview(self.bytes)[: size * width])
                yield slice(begin, begin + size), np.frombuffer(self.bytes, STORED[dtype], size)

    def _blame(self, name: str, start: int, count: int) -> None:
        """Say whose values are not finite: sums do not tell."""
        spec = self.specs[name]
        for update in self.updates:
            stored = np.frombuffer(update.tensors().read(name, start, count), STORED[spec.dtype])
            if not np.isfinite(widened(stored, spec.dtype)).all():
                raise NotFinite(update.name, name)
        # All values are finite, but two of them are further apart than any float64.
        raise NotFinite("the mean", name)


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
