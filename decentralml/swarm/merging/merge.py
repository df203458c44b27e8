"""A swarm's three ways to make one model of several: from safetensors files, streamed.

Whoever leads a round runs this, and whoever doubts a leader may run it again: the same files in
the same order (by account) with the same weights give the same bytes on every machine. All sums
are in a fixed order and of operations that IEEE 754 rounds one way; no matrix library has a say.

In all methods floating tensors keep their type, parameters and buffers are treated alike, and
integer tensors (batch norm's counters) stay integers:

======================  ==============================  ===================================
method                  floating tensors                integers; booleans
======================  ==============================  ===================================
``Mean``                weighted mean                   its nearest integer, ties to even;
                                                        weighted majority, ties true
``CoordMedian``         weighted 50th percentile of     the same; a half is rounded to even;
                        each coordinate                 ties true
``GeoMedian``           the point of the least          as ``Mean``, with the coefficients
                        weighted sum of distances       that the point came out with
======================  ==============================  ===================================

**The weighted 50th percentile.** Values in ascending order, ``c`` the running sum of their weights,
``W`` all of it: the first value at which ``c ≥ W/2``; where ``c = W/2`` exactly, the mean of that
value and of the next one that has any weight. With equal weights it is the plain median: for an
odd number the middle value, for an even number the mean of the middle two (NumPy's ``median``).

``Mean`` has no defence: one model moves it anywhere. Both medians of floating tensors stay near
the others whatever finite numbers less than half of the weight sends.

In memory at a time are, for each of at most four threads: ``Mean`` a piece of at most four models;
``CoordMedian`` a piece of all models, which is cut the smaller the more there are; ``GeoMedian``
such a piece and the inner product of every two models. ``Mean`` and ``CoordMedian`` read each
file once, ``GeoMedian`` twice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from decentralml.chain.swarm.words import MergeMethod
from decentralml.errors import NoUpdates
from decentralml.learning.kernels.arena import Arena
from decentralml.learning.mean import combined, shares
from decentralml.learning.robust import coordinates
from decentralml.learning.robust.streams import Kernel, by_coordinate
from decentralml.learning.stack import Meter, Progress, Stack
from decentralml.learning.tensors import TensorFile
from decentralml.learning.update import Update
from decentralml.swarm.merging.weiszfeld import geometric_median, inner_products


def merge(
    method: MergeMethod,
    updates: Sequence[Path],
    weights: Sequence[float],
    out: Path,
    progress: Progress | None = None,
) -> None:
    """Merge the safetensors files ``updates`` into the file ``out``.

    Parameters
    ----------
    updates : of one structure, in an order that all agree on.
    weights : one for each, at least zero, on any scale.
    out : takes its name only once it is complete; an older file stays until then.
    progress : called with the bytes of updates read so far, and in all.

    Raises
    ------
    NoUpdates, BadWeight, ZeroWeight, StructureMismatch, DamagedTensors, NotFinite,
    UnmergeableType, UnwritableModel
    """
    if not updates:
        raise NoUpdates
    stack = Stack(_opened(updates))
    parts = shares(stack.updates, weights)
    _METHODS[method](stack, parts, out, progress)


def _opened(paths: Sequence[Path]) -> list[Update]:
    """Updates that hold one structure in common, so that a thousand cost little more than one."""
    first: TensorFile | None = None
    found = []
    for path in paths:
        file = TensorFile.open(path)
        if first is None:
            first = file
        elif file.specs == first.specs and file.offsets == first.offsets:
            file = TensorFile(path, first.specs, first.offsets)
        found.append(Update(path, 1, source=file))
    return found


def _mean(stack: Stack, parts: Sequence[float], out: Path, progress: Progress | None) -> None:
    combined(stack, parts, out, Meter(progress, stack.bytes * len(stack)))


def _coordinate_median(
    stack: Stack, parts: Sequence[float], out: Path, progress: Progress | None
) -> None:
    arena = Arena()
    meter = Meter(progress, stack.bytes * len(stack))
    by_coordinate(stack, _median(parts, arena), out, meter, arena=arena, least=1)


def _median(parts: Sequence[float], arena: Arena) -> Kernel:
    if len(set(parts)) > 1:
        return partial(coordinates.weighted_median, weights=np.array(parts))
    return partial(coordinates.median, arena=arena)


def _geometric_median(
    stack: Stack, parts: Sequence[float], out: Path, progress: Progress | None
) -> None:
    arena = Arena()
    meter = Meter(progress, 2 * stack.bytes * len(stack))
    gram = inner_products(stack, _median(parts, arena), meter, arena)
    combined(stack, geometric_median(gram, np.array(parts)).tolist(), out, meter)


_METHODS: Mapping[MergeMethod, Callable[[Stack, Sequence[float], Path, Progress | None], None]] = {
    MergeMethod.MEAN: _mean,
    MergeMethod.COORDMEDIAN: _coordinate_median,
    MergeMethod.GEOMEDIAN: _geometric_median,
}
