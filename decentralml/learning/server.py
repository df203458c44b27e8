"""A server's optimizer applied to saved models: file in, file out, a piece at a time.

A published model's folder keeps what its optimizer remembers beside the model, so that whoever
merges the next round goes on from there::

    model.safetensors, structure.json
    optimizer.json           {"name": "fedadam", "rounds": 3, "learning_rate": …, …}
    optimizer.safetensors    "momentum/<tensor>", "square/<tensor>", as float32
"""

from __future__ import annotations

import json
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from decentralml.bundles.fields import canonical_json
from decentralml.bundles.manifest import MODEL_FILE, TensorSpec
from decentralml.errors import NotFinite, StructureMismatch
from decentralml.learning.dtypes import STORED, Array, narrowed, widened
from decentralml.learning.optimizers import Method, ServerOptimizer
from decentralml.learning.stack import first_difference
from decentralml.learning.tensors import TensorFile, TensorWriter, items, replacing

STATE_FILE = "optimizer.safetensors"
MEMORY_FILE = "optimizer.json"
FLOATS = ("F64", "F32", "F16", "BF16")
MAX_BYTES = 1 << 16
PIECE = 1 << 18
"""Elements stepped at a time."""


def step_model(
    base: Path, merged: Path, out: Path, optimizer: ServerOptimizer, before: Path | None = None
) -> None:
    """Write what ``optimizer`` makes of a merged model, and its memory, into the folder ``out``.

    Parameters
    ----------
    base, merged : folders of saved models of one structure: what contributors began from, and the
        mean of what they made of it.
    out : an existing folder; ``model.safetensors`` appears in it once it is complete.
    before : folder of the model that the last round published, for its optimizer's memory; where
        it has none, or that of another optimizer, this is the first step.

    Raises
    ------
    StructureMismatch, DamagedTensors, NotFinite, UnwritableModel
    """
    start, mean = TensorFile.open(base / MODEL_FILE), TensorFile.open(merged / MODEL_FILE)
    difference = first_difference(start.specs, mean.specs)
    if difference:
        raise StructureMismatch(merged.name, *difference)
    rounds = 0 if before is None else steps_before(before, optimizer)
    memory = TensorFile.open(before / STATE_FILE) if rounds and optimizer.slots and before else None
    states = _state_specs(mean, optimizer)
    if memory is not None and dict(memory.specs) != states:
        rounds, memory = 0, None  # Of a model of another structure.
    parts = {name: out / f".{name}.partial" for name in optimizer.slots}
    with ExitStack() as stack:
        model = TensorWriter(stack.enter_context(replacing(out / MODEL_FILE)), mean.specs)
        slots = {name: stack.enter_context(file.open("w+b")) for name, file in parts.items()}
        for name, spec in mean.specs.items():
            for first in range(0, items(spec), PIECE):
                count = min(PIECE, items(spec) - first)
                state = {
                    slot: np.frombuffer(memory.read(f"{slot}/{name}", first, count), "<f4").astype(
                        np.float64
                    )
                    for slot in optimizer.slots
                    if memory is not None and spec.dtype in FLOATS
                }
                values, after = _step(start, mean, name, first, count, optimizer, state)
                model.write(values)
                for key in optimizer.slots if spec.dtype in FLOATS else ():
                    slots[key].write(after[key].astype("<f4").tobytes())
        if slots:
            writer = TensorWriter(stack.enter_context(replacing(out / STATE_FILE)), states)
            for slot in slots.values():
                slot.seek(0)
                while piece := slot.read(4 * PIECE):
                    writer.write(np.frombuffer(piece, np.uint8))
    for part in parts.values():
        part.unlink()
    with replacing(out / MEMORY_FILE) as file:
        file.write(canonical_json(_settings(optimizer) | {"rounds": rounds + 1}))


def steps_before(model: Path, optimizer: ServerOptimizer) -> int:
    """How many steps of this very optimizer led to a published model; 0 of another, or of none."""
    try:
        with (model / MEMORY_FILE).open("rb") as stream:
            document = json.loads(stream.read(MAX_BYTES))
        rounds = document.pop("rounds")
    except (OSError, ValueError, AttributeError, KeyError, TypeError, RecursionError):
        return 0
    good = isinstance(rounds, int) and rounds > 0 and document == _settings(optimizer)
    present = not optimizer.slots or (model / STATE_FILE).is_file()
    return rounds if good and present else 0


def keeps_the_mean(optimizer: ServerOptimizer) -> bool:
    """Whether the optimizer changes nothing: FedAvg with a rate of one."""
    return optimizer.name is Method.FEDAVG and optimizer.learning_rate == 1


def _step(
    start: TensorFile,
    mean: TensorFile,
    name: str,
    first: int,
    count: int,
    optimizer: ServerOptimizer,
    state: dict[str, Array],
) -> tuple[Array, dict[str, Array]]:
    """The next values of a piece of a tensor, as stored, and the state after them."""
    dtype = mean.specs[name].dtype
    raw = [np.frombuffer(file.read(name, first, count), STORED[dtype]) for file in (start, mean)]
    if dtype not in FLOATS:
        return raw[1], {}
    before, merged = (widened(values, dtype).astype(np.float64) for values in raw)
    values, after = optimizer.step(before, merged, state)
    with np.errstate(over="ignore"):
        stored = narrowed(values, dtype)
    if not np.isfinite(widened(stored, dtype)).all():
        raise NotFinite(f"what {optimizer.name} makes of the mean", name)
    return stored, after


def _state_specs(mean: TensorFile, optimizer: ServerOptimizer) -> dict[str, TensorSpec]:
    return {
        f"{slot}/{name}": TensorSpec("F32", spec.shape)
        for slot in optimizer.slots
        for name, spec in mean.specs.items()
        if spec.dtype in FLOATS
    }


def _settings(optimizer: ServerOptimizer) -> dict[str, Any]:
    return asdict(optimizer) | {"name": str(optimizer.name)}
