"""Reading what a safetensors file says it holds, without loading any of it.

Layout: ``u64 length of the header, little-endian ‖ header, JSON ‖ data``; the header maps each
tensor's name to its dtype, shape and place in the data. Anything that is not exactly that, such as
a pickle in disguise, is refused.

Source: https://github.com/huggingface/safetensors#format
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from decentralml.bundles.fields import Fields, parse_json
from decentralml.bundles.manifest import (
    DTYPES,
    MAX_DIMENSIONS,
    MAX_TENSOR_NAME,
    MAX_TENSORS,
    TensorSpec,
)
from decentralml.errors import ManifestError

MAX_HEADER_BYTES = 16 << 20
_METADATA = "__metadata__"


@dataclass(frozen=True, slots=True)
class Placed:
    """A tensor in a file: what it is, and the offset of its first byte in the file."""

    spec: TensorSpec
    offset: int


def read_header(path: Path, file: str | None = None) -> Mapping[str, TensorSpec]:
    """The type and shape of every tensor in a safetensors file (see :func:`read_layout`)."""
    return {name: placed.spec for name, placed in read_layout(path, file).items()}


def read_layout(path: Path, file: str | None = None) -> Mapping[str, Placed]:
    """What every tensor in a safetensors file is, and where it lies; by name.

    Parameters
    ----------
    path : the file.
    file : what to call it in complaints; its name unless given.

    Raises
    ------
    ManifestError : not a sound safetensors file: malformed header, unknown dtype, data that
        overlaps, leaves gaps, or does not fill the file exactly.
    """
    shown = file or path.name
    with path.open("rb") as stream:
        size = os.fstat(stream.fileno()).st_size
        length = int.from_bytes(stream.read(8), "little")
        if size < 8 or length > min(MAX_HEADER_BYTES, size - 8):
            raise ManifestError(shown, "it is not a safetensors file: its header does not fit")
        data = stream.read(length)
    if not data.startswith(b"{"):
        raise ManifestError(shown, "it is not a safetensors file: its header is no JSON object")
    top = Fields(shown, "", parse_json(data, shown, MAX_HEADER_BYTES))
    if top.has(_METADATA):
        _check_metadata(top.section(_METADATA))
    names = [name for name in top.names() if name != _METADATA]
    if len(names) > MAX_TENSORS:
        raise ManifestError(shown, f"it holds more than {MAX_TENSORS} tensors")
    tensors = {}
    places = []
    for name in names:
        tensors[name], place = _tensor(top, name)
        places.append(place)
    _check_places(shown, places, size - 8 - length)
    return {
        name: Placed(spec, 8 + length + place[0])
        for (name, spec), place in zip(tensors.items(), places, strict=True)
    }


def _check_metadata(section: Fields) -> None:
    """What is said there is nothing to us, but loaders refuse a file that says it otherwise."""
    for name in section.names():
        value = section.take(name)
        if not isinstance(value, str) or not _is_unicode(name + value):
            raise section.wrong("a value of it is no text")


def _is_unicode(text: str) -> bool:
    """Whether it can be written as UTF-8: half a pair of surrogates cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _tensor(top: Fields, name: str) -> tuple[TensorSpec, tuple[int, int]]:
    if not name.isprintable() or not 0 < len(name) <= MAX_TENSOR_NAME:
        raise top.wrong(f"{name[:40]!r} is no name for a tensor")
    entry = top.section(name)
    spec = TensorSpec(entry.text("dtype", 16), entry.integers("shape", MAX_DIMENSIONS, 0, 2**40))
    place = entry.integers("data_offsets", 2, 0, 2**60)
    entry.end()
    if spec.dtype not in DTYPES:
        raise entry.wrong(f"unknown dtype {spec.dtype!r}")
    if len(place) != 2 or place[1] - place[0] != math.prod(spec.shape) * DTYPES[spec.dtype]:
        raise entry.wrong("data_offsets do not fit its shape")
    return spec, (place[0], place[1])


def _check_places(file: str, places: list[tuple[int, int]], size: int) -> None:
    end = 0
    for begin, stop in sorted(places):
        if begin != end:
            raise ManifestError(file, "its tensors overlap or leave gaps")
        end = stop
    if end != size:
        raise ManifestError(file, f"its tensors take {end} bytes of data, it holds {size}")
