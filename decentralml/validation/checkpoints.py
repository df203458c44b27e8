"""What can be said of a run's checkpoints without doing anything again.

All of them are read, not only those of the drawn segments: it costs little, and what is wrong here
needs no machine to agree with.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from decentralml.bundles.manifest import MODEL_FILE
from decentralml.bundles.replay import (
    CHECKPOINTS_FOLDER,
    Recipe,
    check_trace,
    checkpoint_file,
    checkpoint_files,
    trace_of,
)
from decentralml.errors import CheckpointRefused, DamagedTensors
from decentralml.learning.stack import first_difference
from decentralml.learning.tensors import TensorFile
from decentralml.types import Trace
from decentralml.validation.checks import not_finite, same_bytes

STEP = "step"
MODEL_GROUPS = ("parameter.", "buffer.")


@dataclass(frozen=True, slots=True)
class Checkpoints:
    """The checkpoints of a result, as many as they should be, all of one architecture."""

    files: tuple[TensorFile, ...]

    def __getitem__(self, number: int) -> TensorFile:
        return self.files[number]


def read_checkpoints(result: Path, recipe: Recipe, trace: Trace) -> Checkpoints:
    """The checkpoints in the folder of a result.

    Parameters
    ----------
    trace : what the chain holds.

    Raises
    ------
    TraceMismatch : they are not those that were committed to.
    CheckpointRefused : one is no safetensors file, of another architecture than the first, or of
        another step than it should be; or the result's model is not that of the last.
    """
    check_trace(_trace(result), trace)
    files = []
    for number, name in enumerate(checkpoint_files(trace.checkpoints)):
        try:
            file = TensorFile.open(result / name)
        except DamagedTensors as error:
            raise CheckpointRefused(name, error.reason) from None
        files.append(file)
        refuse_other_architecture(file, files[0], name)
        if _step(file, name) != number * recipe.interval:
            raise CheckpointRefused(
                name,
                f"it says that it is of step {_step(file, name)}, not of step "
                f"{number * recipe.interval}",
            )
    last = files[-1]
    if not _holds_model(last, result / MODEL_FILE):
        raise CheckpointRefused(
            checkpoint_file(len(files) - 1), f"{MODEL_FILE} is not the model of the last checkpoint"
        )
    return Checkpoints(tuple(files))


def check_start(first: TensorFile, base_model: Path) -> None:
    """Refuse a run that does not begin with the base model's tensors, bit for bit.

    Raises
    ------
    CheckpointRefused
    """
    if not _holds_model(first, base_model / MODEL_FILE):
        raise CheckpointRefused(checkpoint_file(0), "it does not hold the base model")


def check_same(first: TensorFile, start: TensorFile) -> None:
    """Refuse a first checkpoint that is not the state in which every run begins, bit for bit.

    Parameters
    ----------
    start : made by the task's own script: the base model, and an optimizer that knows nothing.

    Raises
    ------
    CheckpointRefused
    """
    name = checkpoint_file(0)
    refuse_other_architecture(first, start, name)
    for tensor in start.specs:
        if not same_bytes(first, tensor, start, tensor):
            raise CheckpointRefused(name, f"{tensor} is not what every run begins with")


def check_finite(checkpoints: Checkpoints, numbers: Iterable[int]) -> None:
    """Refuse checkpoints with numbers that no training that goes on could have.

    Raises
    ------
    CheckpointRefused
    """
    for number in numbers:
        for name in not_finite(checkpoints[number]):
            raise CheckpointRefused(
                checkpoint_file(number), f"tensor {name} holds NaN or infinite numbers"
            )


def refuse_other_architecture(file: TensorFile, wanted: TensorFile, name: str) -> None:
    """Raises :class:`CheckpointRefused` where names, types or shapes of the tensors differ."""
    difference = first_difference(wanted.specs, file.specs)
    if difference:
        tensor, expected, found = difference
        raise CheckpointRefused(
            name, f"it is of another architecture: {tensor} should be {expected} and is {found}"
        )


def _trace(result: Path) -> Trace | None:
    digests = {}
    for file in sorted((result / CHECKPOINTS_FOLDER).glob("*")):
        with file.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        digests[f"{CHECKPOINTS_FOLDER}/{file.name}"] = digest
    return trace_of(digests)


def _step(file: TensorFile, name: str) -> int:
    spec = file.specs.get(STEP)
    if spec is None or spec.dtype != "I64" or spec.shape:
        raise CheckpointRefused(name, "it does not say of which step it is")
    return int(np.frombuffer(file.read(STEP), "<i8")[0])


def _holds_model(checkpoint: TensorFile, file: Path) -> bool:
    """Whether the model in a checkpoint is the one in a model file, bit for bit."""
    model = TensorFile.open(file)
    held = {
        name.partition(".")[2]: name for name in checkpoint.specs if name.startswith(MODEL_GROUPS)
    }
    if {name: checkpoint.specs[place] for name, place in held.items()} != dict(model.specs):
        return False
    return all(same_bytes(checkpoint, place, model, name) for name, place in held.items())
