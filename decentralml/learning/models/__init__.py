"""Models by name, saved and loaded as safetensors and ``structure.json``; pickle is never read.

A model that can be saved has an attribute ``arguments``: the keyword arguments, in plain JSON,
with which its class makes it again.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file, save
from torch import nn

from decentralml.bundles.manifest import MODEL_FILE, STRUCTURE_FILE, TensorSpec
from decentralml.errors import StructureMismatch, UnknownModel
from decentralml.learning.models.digits import DigitNet
from decentralml.learning.models.joint import JointNet
from decentralml.learning.models.plain import PlainNet
from decentralml.learning.models.prose import ProseNet
from decentralml.learning.models.scenes import SceneNet
from decentralml.learning.models.speech import SpeechNet
from decentralml.learning.stack import first_difference
from decentralml.learning.structure import Structure
from decentralml.learning.tensors import TensorFile, replacing

__all__ = [
    "MODELS",
    "DigitNet",
    "JointNet",
    "PlainNet",
    "ProseNet",
    "SceneNet",
    "SpeechNet",
    "build_model",
    "load_model",
    "save_model",
]

MODELS: Mapping[str, type[nn.Module]] = {
    kind.__name__: kind for kind in (DigitNet, PlainNet, SceneNet, ProseNet, SpeechNet, JointNet)
}
"""Classes that ``structure.json`` may name."""


def save_model(model: nn.Module, folder: Path) -> Path:
    """Write ``model.safetensors`` and ``structure.json`` into ``folder``, which is returned."""
    tensors = {name: value.detach().contiguous() for name, value in model.state_dict().items()}
    with replacing(folder / MODEL_FILE) as file:
        file.write(save(tensors, metadata={"format": "pt"}))
    Structure(type(model).__name__, model.arguments).write(folder)  # type: ignore[arg-type]
    return folder


def load_model(folder: Path, classes: Mapping[str, type[nn.Module]] = MODELS) -> nn.Module:
    """The model that :func:`save_model` wrote into ``folder``, in evaluation mode.

    Parameters
    ----------
    classes : the classes that it may be, by name.

    Raises
    ------
    UnknownModel
        ``structure.json`` is missing, or names no class of ``classes``, or bad arguments.
    DamagedTensors, StructureMismatch
        The weights are not sound, or are another structure's.
    """
    model = build_model(folder, classes)
    file = TensorFile.open(folder / MODEL_FILE)
    expected = {name: spec(value) for name, value in model.state_dict().items()}
    difference = first_difference(expected, file.specs)
    if difference:
        raise StructureMismatch(folder.name, *difference)
    model.load_state_dict(load_file(file.path))
    return model.eval()


def build_model(folder: Path, classes: Mapping[str, type[nn.Module]] = MODELS) -> nn.Module:
    """A new model of the structure that ``folder`` describes; its weights are not read."""
    structure = Structure.read(folder)
    if structure.name not in classes:
        known = ", ".join(sorted(classes))
        raise UnknownModel(
            folder / STRUCTURE_FILE, f"{structure.name!r} is no known class ({known})"
        )
    try:
        return classes[structure.name](**structure.arguments)
    except (TypeError, ValueError, RuntimeError) as error:
        raise UnknownModel(folder / STRUCTURE_FILE, f"{structure} fails ({error})") from None


_DTYPES = {
    torch.float64: "F64", torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16",
    torch.int64: "I64", torch.int32: "I32", torch.int16: "I16", torch.int8: "I8",
    torch.uint8: "U8", torch.bool: "BOOL",
}  # fmt: skip


def spec(tensor: torch.Tensor) -> TensorSpec:
    """Type and shape of a tensor."""
    return TensorSpec(_DTYPES[tensor.dtype], tuple(tensor.shape))
