"""How far two ends of one segment are apart, measured by the way that the segment went.

Of each group of tensors (``parameter``, ``buffer``, each of the optimizer's slots; see
:mod:`decentralml.learning.replay.training`)::

    distance = |claimed - replayed| / max(|replayed - start|, floor)      (2-norms)

The update in the denominator is the one replayed here, never the one claimed: who hardly moves is
as far away as who moves somewhere else. The floor is what rounding alone can do: where a model has
stopped to learn, the distance is absolute. Whole numbers must be equal. Groups are measured apart,
so that a large one hides nothing in a small one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from decentralml.learning.dtypes import STORED, widened
from decentralml.learning.tensors import TensorFile
from decentralml.validation.checks import pieces

ROUNDING: Mapping[str, float] = {"F64": 2**-53, "F32": 2**-24, "F16": 2**-11, "BF16": 2**-8}
"""Largest relative error of rounding to a type; types that are not here are whole numbers."""


@dataclass(slots=True)
class _Sums:
    """Sums of squares of one group."""

    difference: float = 0.0
    update: float = 0.0
    rounding: float = 0.0
    """Of the start's elements times their type's rounding."""
    unequal: bool = False
    """Whether whole numbers differ."""


def distances(
    start: TensorFile, replayed: TensorFile, claimed: TensorFile, steps: int, tolerance: float
) -> dict[str, float]:
    """The distance of each group; infinite or NaN where nothing can be compared.

    Parameters
    ----------
    start, replayed, claimed : checkpoints with the same tensors.
    steps : of the segment; each may round.
    tolerance : what distances will be compared with: what rounding alone can do is below it.
    """
    sums: dict[str, _Sums] = {}
    for name, spec in replayed.specs.items():
        group = sums.setdefault(name.partition(".")[0], _Sums())
        for before, here, there in zip(
            _numbers(start, name),
            _numbers(replayed, name),
            _numbers(claimed, name),
            strict=True,
        ):
            if spec.dtype in ROUNDING:
                group.difference += _squares(there - here)
                group.update += _squares(here - before)
                group.rounding += _squares(before * ROUNDING[spec.dtype])
            elif not np.array_equal(here, there):
                group.unequal = True
    return {name: _distance(group, steps, tolerance) for name, group in sums.items()}


def worst(found: Mapping[str, float]) -> tuple[str, float]:
    """The group that is farthest, and its distance; what is not a number is farthest of all."""
    return max(found.items(), key=lambda item: (math.isnan(item[1]), item[1]))


def _distance(sums: _Sums, steps: int, tolerance: float) -> float:
    if sums.unequal:
        return math.inf
    if sums.difference == 0:
        return 0.0
    way = max(math.sqrt(sums.update), steps * math.sqrt(sums.rounding) / tolerance)
    return math.sqrt(sums.difference) / way if way else math.inf


def _numbers(file: TensorFile, name: str) -> Iterator[NDArray[Any]]:
    """A tensor in pieces: doubles, or whole numbers as they are."""
    dtype = file.specs[name].dtype
    for piece in pieces(file, name):
        stored = np.frombuffer(piece, STORED[dtype])
        yield widened(stored, dtype).astype(np.float64) if dtype in ROUNDING else stored


def _squares(values: NDArray[Any]) -> float:
    with np.errstate(over="ignore", invalid="ignore"):
        return float(np.dot(values, values))
