"""Making a coded update of a model, with error feedback.

What is coded is the model's distance from its base plus what earlier updates left untold; what this
one leaves untold, by dropping and by rounding, is kept for the next. Nothing is lost for good, it
comes later.

Sources: Karimireddy et al., Error Feedback Fixes SignSGD and other Gradient Compression Schemes,
2019, https://arxiv.org/abs/1901.09847; Sattler et al., Robust and Communication-Efficient Federated
Learning from Non-IID Data, 2019, https://arxiv.org/abs/1903.02891.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from decentralml.bundles.coding import WHOLE, Coding
from decentralml.bundles.manifest import DTYPES, TensorSpec
from decentralml.errors import NotFinite, StructureMismatch
from decentralml.learning.compress import layout
from decentralml.learning.compress.quantize import Floats, dequantize, quantize
from decentralml.learning.compress.sparse import largest, to_gaps
from decentralml.learning.dtypes import STORED, Array, widened
from decentralml.learning.sources import ArraySource, TensorSource
from decentralml.learning.stack import first_difference
from decentralml.learning.tensors import TensorWriter, in_file_order, items, replacing


def encode(
    base: TensorSource,
    model: TensorSource,
    out: Path,
    coding: Coding,
    *,
    untold: TensorSource | None = None,
    untold_out: Path | None = None,
) -> None:
    """Write the coded update from ``base`` to ``model`` to the file ``out``.

    Parameters
    ----------
    untold : what the update before left out (float32, by tensor); None at the first.
    untold_out : file for what this one leaves out.

    Raises
    ------
    StructureMismatch : the model's tensors are not the base's, or ``untold`` is of others.
    NotFinite, DamagedTensors, UnwritableModel
    """
    if difference := first_difference(base.specs, model.specs):
        raise StructureMismatch("the update", *difference)
    coded: dict[str, Array] = {layout.CODING: np.frombuffer(layout.marker(coding), np.uint8).copy()}
    left: dict[str, Array] = {}
    for name, spec in base.specs.items():
        if layout.is_raw(spec):
            coded[name + layout.RAW] = _stored(model, name, spec)
            continue
        wanted = _floats(model, name, spec) - _floats(base, name, spec)
        if untold is not None:
            wanted += _told_before(untold, name, spec)
        if not np.isfinite(wanted).all():
            raise NotFinite("the update", name)
        parts, told = _coded(wanted, coding)
        coded |= {name + kind: array for kind, array in parts.items()}
        left[name] = wanted - told
    _write(coded, out, {name + layout.RAW: spec for name, spec in base.specs.items()})
    if untold_out is not None:
        _write(left, untold_out, {})


def _coded(wanted: Floats, coding: Coding) -> tuple[dict[str, Array], Floats]:
    """One tensor's parts, and what they tell of it."""
    told = np.zeros_like(wanted)
    chosen = largest(wanted, coding.most(len(wanted))) if coding.sparse else None
    counts: list[tuple[int, int]] = []
    gaps, values, scales = list[Array](), list[Array](), list[Array]()
    for start, length in layout.chunks(len(wanted)):
        if chosen is None:
            places = np.arange(length)
        else:
            first, last = np.searchsorted(chosen, (start, start + length))
            places = chosen[first:last] - start
            told_gaps = to_gaps(places)
            counts.append((len(places), len(told_gaps)))
            gaps.append(told_gaps)
        picked = wanted[start : start + length][places]
        if coding.bits == WHOLE:
            values.append(picked)
            told[start + places] = picked
            continue
        packed, steps = quantize(picked, coding.bits)
        values.append(packed)
        scales.append(steps)
        told[start + places] = dequantize(packed, steps, coding.bits, len(picked))
    parts: dict[str, Array] = {layout.VALUES: np.concatenate(values)}
    if coding.bits < WHOLE:
        parts[layout.SCALES] = np.concatenate(scales)
    if chosen is not None:
        parts[layout.COUNTS] = np.array(counts, np.uint32)
        parts[layout.GAPS] = np.concatenate(gaps)
    return parts, told


def _stored(source: TensorSource, name: str, spec: TensorSpec) -> Array:
    """A whole tensor as it is stored."""
    buffer = bytearray(items(spec) * DTYPES[spec.dtype])
    source.fill(name, 0, memoryview(buffer))
    return np.frombuffer(buffer, STORED.get(spec.dtype, np.dtype("u1")))


def _floats(source: TensorSource, name: str, spec: TensorSpec) -> Floats:
    floats: Floats = widened(_stored(source, name, spec), spec.dtype).astype(np.float32)
    return floats


def _told_before(untold: TensorSource, name: str, spec: TensorSpec) -> Floats:
    found = untold.specs.get(name)
    wanted = TensorSpec("F32", (items(spec),))
    if found != wanted:
        raise StructureMismatch("what was left untold", name, str(wanted), str(found))
    return _floats(untold, name, wanted)


def _write(arrays: Mapping[str, Array], out: Path, named: Mapping[str, TensorSpec]) -> None:
    """Write arrays as safetensors; ``named`` has the type and shape of those stored as bytes."""
    plain: dict[str, np.ndarray[Any, Any]] = {n: a for n, a in arrays.items() if n not in named}
    specs = dict(ArraySource(plain).specs) | {n: named[n] for n in arrays if n in named}
    with replacing(out) as file:
        ordered = in_file_order(specs)
        writer = TensorWriter(file, ordered)
        for name in ordered:
            writer.write(arrays[name])
