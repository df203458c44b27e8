"""How far two ends of one segment are apart, measured by the way that the segment went.

Of each group of tensors (``parameter``, ``buffer``, each of the optimizer's slots; see
:mod:`decentralml.learning.replay.training`)::

    distance = |claimed - replayed| / max(|replayed - start|, floor)      (2-norms)

The update in the denominator is the one replayed here, never the one claimed: who hardly moves is
as far away as who moves somewhere else. The floor is what rounding alone can do: where a model has
stopped to learn, the distance is absolute. Whole numbers must be equal. Groups are measured apart,
so that a large one hides nothing in a small one.

Nor may a few numbers hide the others of their group: next to a giant in some idle place (the bias
of a unit that is never on) every update is small, trained or not. So the same is measured once more
of that half of the elements that move which move least and are smallest. Noise weighs more there,
and is tolerated a hundred times as much, up to half of the update; what was not trained is a whole
update away.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from decentralml.learning.dtypes import STORED, widened
from decentralml.learning.tensors import TensorFile
from decentralml.validation.checks import pieces

ROUNDING: Mapping[str, float] = {"F64": 2**-53, "F32": 2**-24, "F16": 2**-11, "BF16": 2**-8}
"""Largest relative error of rounding to a type; types that are not here are whole numbers."""


COARSER = 100.0
"""By how much more the lesser half may be away, relative to its own update."""
HALF = 0.5
"""But no farther than that."""
_LEAST, _BINS = -1100, 2200
"""Binary exponents of all float64: the first, and how many with those beyond."""


def _bins() -> NDArray[Any]:
    return np.zeros(_BINS + 1)


@dataclass(slots=True)
class _Sums:
    """Sums of squares of one group, by the size of elements; the last is of those that stand."""

    difference: NDArray[Any] = field(default_factory=_bins)
    update: NDArray[Any] = field(default_factory=_bins)
    rounding: NDArray[Any] = field(default_factory=_bins)
    """Of the start's elements times their type's rounding."""
    count: NDArray[Any] = field(default_factory=_bins)
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
                _add(group, before, here, there, ROUNDING[spec.dtype], steps / tolerance)
            elif not np.array_equal(here, there):
                group.unequal = True
    return {name: _distance(group, steps, tolerance) for name, group in sums.items()}


def worst(found: Mapping[str, float]) -> tuple[str, float]:
    """The group that is farthest, and its distance; what is not a number is farthest of all."""
    return max(found.items(), key=lambda item: (math.isnan(item[1]), item[1]))


def _add(
    sums: _Sums,
    before: NDArray[Any],
    here: NDArray[Any],
    there: NDArray[Any],
    rounding: float,
    weight: float,
) -> None:
    """Add elements to the sums of their sizes: the larger of their update and their floor."""
    with np.errstate(over="ignore", invalid="ignore"):
        way, least = here - before, before * rounding
        size = np.maximum(np.abs(way), np.abs(least) * weight)
        place = np.clip(np.frexp(size)[1] - _LEAST, 0, _BINS - 1)
        place[way == 0] = _BINS
        for total, values in (
            (sums.difference, there - here),
            (sums.update, way),
            (sums.rounding, least),
        ):
            total += np.bincount(place, values * values, _BINS + 1)
        sums.count += np.bincount(place, minlength=_BINS + 1)


def _distance(sums: _Sums, steps: int, tolerance: float) -> float:
    if sums.unequal:
        return math.inf
    whole = _apart(sums, slice(None), steps, tolerance)
    moved = np.cumsum(sums.count[:-1])
    middle = int(np.searchsorted(moved, moved[-1] / 2))
    lesser = _apart(sums, slice(middle + 1), steps, tolerance)
    return _larger(whole, lesser * max(1 / COARSER, tolerance / HALF))


def _apart(sums: _Sums, sizes: slice, steps: int, tolerance: float) -> float:
    """The distance of elements of some sizes."""
    difference = float(sums.difference[sizes].sum())
    if difference == 0:
        return 0.0
    floor = steps * math.sqrt(sums.rounding[sizes].sum()) / tolerance
    way = max(math.sqrt(sums.update[sizes].sum()), floor)
    return math.sqrt(difference) / way if way else math.inf


def _larger(one: float, other: float) -> float:
    """Of two distances; what is not a number is larger than any."""
    return one if math.isnan(one) else other if math.isnan(other) else max(one, other)


def _numbers(file: TensorFile, name: str) -> Iterator[NDArray[Any]]:
    """A tensor in pieces: doubles, or whole numbers (and small floats, as bytes) as they are."""
    dtype = file.specs[name].dtype
    for piece in pieces(file, name):
        stored = np.frombuffer(piece, STORED.get(dtype, np.dtype("u1")))
        yield widened(stored, dtype).astype(np.float64) if dtype in ROUNDING else stored
