"""What a peer's update must be to be merged: of the swarm's structure, finite, not too large."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from decentralml.bundles.manifest import TensorSpec
from decentralml.chain.swarm.words import Fault
from decentralml.errors import DamagedTensors, UnmergeableType
from decentralml.learning.dtypes import FLOATS, STORED, widened
from decentralml.learning.stack import first_difference
from decentralml.learning.tensors import TensorFile, items

PIECE = 1 << 18
"""Elements looked at together."""
LARGEST = 1e100
"""Of any element: beyond it distances overflow. Only 64-bit floats reach it."""


def specs(path: Path) -> Mapping[str, TensorSpec]:
    """Names, types and shapes of the tensors in a safetensors file, as a swarm agrees on them.

    Raises
    ------
    DamagedTensors : it is no sound safetensors file, or not there.
    UnmergeableType : a tensor is of a type that no method merges.
    """
    found = TensorFile.open(path).specs
    for name, spec in found.items():
        if spec.dtype not in STORED:
            raise UnmergeableType(name, spec.dtype)
    return found


def check(
    path: Path, specs: Mapping[str, TensorSpec], limit_bytes: int
) -> tuple[Fault, str] | None:
    """Why a peer's update cannot be merged, with the first thing that is wrong; None if it can.

    Parameters
    ----------
    path : a safetensors file that was fetched from a peer.
    specs : of the tensors that it must hold, no more and no fewer.
    limit_bytes : the largest file that the swarm agreed on.
    """
    try:
        size = path.stat().st_size
        if size > limit_bytes:
            return Fault.TOO_LARGE, f"it has {size} bytes, and {limit_bytes} were agreed on"
        file = TensorFile.open(path)
        if difference := first_difference(specs, file.specs):
            name, expected, found = difference
            return Fault.STRUCTURE, f"tensor {name!r} is {found} and should be {expected}"
        for name in file.specs:
            if not _finite(file, name):
                return Fault.NOT_FINITE, f"tensor {name!r} holds NaN or infinity"
    except DamagedTensors as error:
        return Fault.DAMAGED, error.reason
    except OSError as error:
        return Fault.DAMAGED, error.strerror or str(error)
    return None


def _finite(file: TensorFile, name: str) -> bool:
    """Whether a tensor's elements can be computed with; it is read a piece at a time."""
    spec = file.specs[name]
    if spec.dtype not in FLOATS:
        return True
    count = items(spec)
    stored = np.empty(min(PIECE, count), STORED[spec.dtype])
    for start in range(0, count, PIECE):
        part = stored[: min(PIECE, count - start)]
        file.fill(name, start, part.data.cast("B"))
        values = np.abs(widened(part, spec.dtype))
        if not (values <= min(LARGEST, float(np.finfo(values.dtype).max))).all():
            return False
    return True
