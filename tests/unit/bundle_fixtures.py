"""A small task's folder, a run's output and a key, for the tests of bundles."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

from decentralml.chain.keys import Key, development_key

TENSORS: dict[str, tuple[str, list[int], int]] = {
    "weight": ("F32", [3, 4], 48),
    "bias": ("F32", [3], 12),
    "steps": ("I64", [], 8),
}


def key(name: str = "Alice") -> Key:
    return development_key(f"//{name}")


def safetensors(tensors: dict[str, tuple[str, list[int], int]] | None = None) -> bytes:
    """A file of zeros with this header."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    at = 0
    for name, (dtype, shape, size) in (TENSORS if tensors is None else tensors).items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [at, at + size]}
        at += size
    return raw_safetensors(header, bytes(at))


def raw_safetensors(header: object, data: bytes) -> bytes:
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def write_task(folder: Path, settings: str = "") -> Path:
    (folder / "model").mkdir(parents=True)
    (folder / "start_task.sh").write_text("echo start\n")
    (folder / "predict.py").write_text("print('predict')\n")
    (folder / "model/model.safetensors").write_bytes(safetensors())
    (folder / "model/structure.json").write_text("{}")
    if settings:
        (folder / "task.toml").write_text(settings)
    return folder


def write_output(output: Path, name: str = "digits_alice") -> Path:
    """What a contributor's script leaves behind."""
    folder = output / name
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(safetensors())
    (folder / "structure.json").write_text("{}")
    (folder / "result.json").write_text('{"examples": 100, "metrics": {"accuracy": 0.5}}')
    return folder
