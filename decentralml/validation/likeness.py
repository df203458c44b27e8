"""How like two models are, measured by how far they have come from where both began.

A copy with a little noise differs from its original by a small part of the original's update, where
two trainings of their own differ by about as much as either update. The measure is evidence for
people, never a verdict: the same data, script and seed make honest twins.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from decentralml.learning.dtypes import STORED, widened
from decentralml.learning.tensors import TensorFile
from decentralml.validation.checks import pieces

NEAR = 0.05
"""Less than this part of the other's update apart: a near copy."""
FLOATS = frozenset({"F64", "F32", "F16", "BF16"})


def likeness(model: Path, other: Path, base: Path | None) -> float | None:
    """``|model - other| / |other - base|`` (2-norms of all floating-point tensors together).

    Memory does not grow with the models.

    Parameters
    ----------
    model, other, base : safetensors files; without a base, both began at zero.

    Returns
    -------
    None where they cannot be compared: other tensors, or an ``other`` that is its base.

    Raises
    ------
    DamagedTensors
    """
    one, two = TensorFile.open(model), TensorFile.open(other)
    start = None if base is None else TensorFile.open(base)
    if dict(one.specs) != dict(two.specs):
        return None
    if start is not None and dict(start.specs) != dict(two.specs):
        return None
    apart = way = 0.0
    for name, spec in one.specs.items():
        if spec.dtype not in FLOATS:
            continue
        for here, there in zip(_numbers(one, name), _numbers(two, name), strict=True):
            apart += _squares(here - there)
        if start is None:
            way += sum(map(_squares, _numbers(two, name)))
        else:
            pairs = zip(_numbers(two, name), _numbers(start, name), strict=True)
            way += sum(_squares(there - before) for there, before in pairs)
    if not way or not math.isfinite(apart) or not math.isfinite(way):
        return None
    return math.sqrt(apart / way)


def _numbers(file: TensorFile, name: str) -> Iterator[NDArray[Any]]:
    dtype = file.specs[name].dtype
    for piece in pieces(file, name):
        yield widened(np.frombuffer(piece, STORED[dtype]), dtype).astype(np.float64)


def _squares(values: NDArray[Any]) -> float:
    with np.errstate(over="ignore", invalid="ignore"):
        return float(np.dot(values, values))
