"""A model's tensors as one vector of words, read by pieces: the weight, then the tensors."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from decentralml.bundles.manifest import TensorSpec
from decentralml.errors import StructureMismatch
from decentralml.learning.dtypes import STORED, Array, widened
from decentralml.learning.privacy.secure.agreement import Agreement
from decentralml.learning.privacy.secure.fixed_point import UNSIGNED, Words
from decentralml.learning.privacy.secure.masks import PIECE
from decentralml.learning.sources import TensorSource


def check_structure(agreement: Agreement, source: TensorSource, contributor: str) -> None:
    """Raises StructureMismatch: these are not the tensors that were agreed on."""
    for name in sorted({*agreement.tensors, *source.specs}):
        wanted, found = agreement.tensors.get(name), source.specs.get(name)
        if wanted != found:
            raise StructureMismatch(contributor, name, _shown(wanted), _shown(found))


def pieces(agreement: Agreement, source: TensorSource, weight: int) -> Iterator[Words]:
    """The coded vector; a piece is good until the next is asked for.

    Raises
    ------
    ValueOutOfRange, DamagedTensors
    """
    words = np.empty(PIECE, UNSIGNED[agreement.coding.bits])
    words[0], used = weight, 1
    for name, spec in agreement.tensors.items():
        start, count = 0, math.prod(spec.shape)
        while start < count:
            take = min(count - start, PIECE - used)
            values = _read(source, name, spec.dtype, start, take)
            words[used : used + take] = agreement.coding.encode(values, weight, name)
            start, used = start + take, used + take
            if used == PIECE:
                yield words
                used = 0
    if used:
        yield words[:used]


def _read(source: TensorSource, name: str, dtype: str, start: int, count: int) -> Array:
    stored = np.empty(count, STORED[dtype])
    source.fill(name, start, memoryview(stored).cast("B"))  # type: ignore[arg-type]  # a buffer
    return widened(stored, dtype)


def _shown(spec: TensorSpec | None) -> str:
    return "absent" if spec is None else f"{spec.dtype} {list(spec.shape)}"
