"""Where the tensors of one model are read from: a file, an array in memory, a coded update.

Whatever merges models asks for some elements of one tensor at a time and never for more, so that
a source may decode them as they are asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from decentralml.bundles.manifest import TensorSpec
from decentralml.learning.dtypes import STORED, Array


class TensorSource(Protocol):
    """Tensors by name, read a piece at a time; from several threads at once."""

    @property
    def specs(self) -> Mapping[str, TensorSpec]:
        """Type and shape of each tensor, in the order of the bytes."""

    def fill(self, name: str, start: int, buffer: memoryview) -> None:
        """Fill ``buffer`` with a tensor's bytes as they are stored, from element ``start`` on.

        Raises
        ------
        DamagedTensors : they are not there.
        """


class ArraySource:
    """Tensors that are in memory already. They are not copied: do not change them meanwhile."""

    def __init__(self, tensors: Mapping[str, np.ndarray[Any, Any]]) -> None:
        self.specs: Mapping[str, TensorSpec] = {
            name: TensorSpec(_dtype(values), values.shape) for name, values in tensors.items()
        }
        self._bytes = {
            name: np.ascontiguousarray(values).reshape(-1).view(np.uint8)
            for name, values in tensors.items()
        }

    def fill(self, name: str, start: int, buffer: memoryview) -> None:
        first = start * STORED[self.specs[name].dtype].itemsize
        # NumPy lets other threads go on meanwhile; a memoryview would not.
        np.copyto(np.frombuffer(buffer, np.uint8), self._bytes[name][first : first + len(buffer)])


def _dtype(values: Array) -> str:
    """The name of an array's type in safetensors; booleans are ``BOOL``."""
    if values.dtype.kind == "b":
        return "BOOL"
    wanted = values.dtype.newbyteorder("<")
    for name, dtype in STORED.items():
        if dtype == wanted and name not in ("BOOL", "BF16"):
            return name
    raise TypeError(f"arrays of {values.dtype} are no tensors")
