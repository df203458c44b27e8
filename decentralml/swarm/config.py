"""What all nodes of a swarm agree on besides its terms: a JSON file, named by its CID.

``{"format": 1, "tensors": {"0.weight": {"dtype": "F32", "shape": [8, 4]}, …} or null,
"update_bytes": 100000, "training": {"sync_frequency": 128}}``. With ``null`` the first update that
a leader finds sound says which tensors there are. ``training`` is for the training processes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any

from decentralml.bundles.manifest import DTYPES, TensorSpec
from decentralml.errors import SwarmConfigInvalid

FORMAT = 1
LONGEST = 16 << 20
"""Bytes of a configuration file."""
LARGEST_UPDATE = 1 << 40
MOST_AXES = 32
KEYS = {"format", "tensors", "update_bytes", "training"}


@dataclass(frozen=True, slots=True)
class SwarmConfig:
    """
    Attributes
    ----------
    update_bytes : the largest file that is an update.
    tensors : type and shape of each tensor of an update, by name; None: as the first one has them.
    training : ``sync_frequency`` and the like: defaults of the training processes.
    """

    update_bytes: int
    tensors: Mapping[str, TensorSpec] | None = None
    training: Mapping[str, Any] = field(default_factory=dict)

    def encode(self) -> bytes:
        """The file: the same bytes for the same configuration."""
        tensors = None
        if self.tensors is not None:
            tensors = {
                name: {"dtype": spec.dtype, "shape": list(spec.shape)}
                for name, spec in self.tensors.items()
            }
        document = {
            "format": FORMAT,
            "tensors": tensors,
            "update_bytes": self.update_bytes,
            "training": dict(self.training),
        }
        return json.dumps(document, sort_keys=True, separators=(",", ":")).encode() + b"\n"

    @classmethod
    def decode(cls, data: bytes, where: str) -> SwarmConfig:
        """From a file's bytes; ``where`` names it. Raises :class:`SwarmConfigInvalid`."""

        def refuse(reason: str) -> SwarmConfigInvalid:
            return SwarmConfigInvalid(where, reason)

        if len(data) > LONGEST:
            raise refuse(f"it has more than {LONGEST} bytes")
        try:
            document = json.loads(data)
        except (ValueError, RecursionError):
            raise refuse("it is not JSON") from None
        if not isinstance(document, dict) or set(document) != KEYS:
            raise refuse(f"it needs exactly {', '.join(sorted(KEYS))}")
        if document["format"] != FORMAT:
            raise refuse(f"its format is {document['format']!r}, and {FORMAT} is known here")
        most = document["update_bytes"]
        if not isinstance(most, int) or isinstance(most, bool) or not 1 <= most <= LARGEST_UPDATE:
            raise refuse(f'"update_bytes" must be 1 to {LARGEST_UPDATE}')
        if not isinstance(document["training"], dict):
            raise refuse('"training" must be an object')
        tensors = document["tensors"]
        if tensors is None:
            return cls(most, None, document["training"])
        if not isinstance(tensors, dict) or not tensors:
            raise refuse('"tensors" must name at least one tensor, or be null')
        try:
            specs = {name: _spec(entry) for name, entry in tensors.items()}
        except ValueError as error:
            raise refuse(str(error)) from None
        return cls(most, specs, document["training"])

    @classmethod
    def read(cls, file: Path) -> SwarmConfig:
        """From a file. Raises :class:`SwarmConfigInvalid`."""
        try:
            with file.open("rb") as stream:
                data = stream.read(LONGEST + 1)
        except OSError as error:
            raise SwarmConfigInvalid(str(file), error.strerror or str(error)) from None
        return cls.decode(data, str(file))


def config_of(
    model: Path, *, update_bytes: int | None = None, training: Mapping[str, Any] | None = None
) -> SwarmConfig:
    """The configuration of a swarm that trains models like a given one (a safetensors file).

    ``update_bytes`` is twice what its tensors take, and a megabyte, if not given.

    Raises
    ------
    DamagedTensors, UnmergeableType
    """
    from decentralml.swarm.merging.updates import specs

    tensors = specs(model)
    size = sum(prod(spec.shape) * DTYPES[spec.dtype] for spec in tensors.values())
    return SwarmConfig(update_bytes or 2 * size + (1 << 20), tensors, training or {})


def _spec(entry: Any) -> TensorSpec:
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape"}:
        raise ValueError('each tensor needs exactly "dtype" and "shape"')
    dtype, shape = entry["dtype"], entry["shape"]
    if dtype not in DTYPES:
        raise ValueError(f"{dtype!r} is no type of tensors")
    if (
        not isinstance(shape, list)
        or len(shape) > MOST_AXES
        or not all(type(size) is int and size >= 0 for size in shape)
    ):
        raise ValueError(f"{shape!r} is no shape")
    return TensorSpec(dtype, tuple(shape))
