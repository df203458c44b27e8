"""A PyTorch model's state as a safetensors file and back: parameters and buffers, no pickle."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from decentralml.bundles.manifest import TensorSpec
from decentralml.errors import NotOnlyTensors, StructureMismatch
from decentralml.learning.models import spec
from decentralml.learning.stack import first_difference
from decentralml.learning.tensors import TensorFile, TensorWriter, in_file_order, replacing


def save_weights(model: nn.Module, path: Path) -> None:
    """Write the tensors of ``model.state_dict()`` to ``path``, one in memory at a time.

    Tied weights are written once for each of their names, and merged alike. What is not in the
    state, as non-persistent buffers, stays each node's own.

    Raises
    ------
    NotOnlyTensors : the state holds something else, or a type that is not merged.
    UnwritableModel
    """
    state = _state(model)
    order = in_file_order(_specs(state))
    with replacing(path) as file:
        writer = TensorWriter(file, order)
        for name in order:
            flat = state[name].detach().cpu().contiguous().reshape(-1)
            writer.write(flat.view(torch.uint8).numpy())


def load_weights(model: nn.Module, path: Path, called: str) -> None:
    """Copy the tensors of ``path`` into ``model``, wherever they are; on their devices.

    Parameters
    ----------
    called : how errors call that model.

    Raises
    ------
    DamagedTensors, StructureMismatch, NotOnlyTensors
    """
    difference = first_difference(_specs(_state(model)), TensorFile.open(path).specs)
    if difference:
        raise StructureMismatch(called, *difference)
    _whole(model).load_state_dict(load_file(path))


def not_finite(model: nn.Module) -> str | None:
    """The name of a tensor of the model that holds NaN or infinity; None if all are sound."""
    for name, value in _state(model).items():
        if value.is_floating_point() and not torch.isfinite(value).all():
            return name
    return None


def _whole(model: nn.Module) -> nn.Module:
    """The model itself, without what ``torch.compile`` puts around it: names stay the same."""
    inner = getattr(model, "_orig_mod", model)
    assert isinstance(inner, nn.Module)
    return inner


def _state(model: nn.Module) -> Mapping[str, Tensor]:
    state: Mapping[str, Tensor] = _whole(model).state_dict()
    return state


def _specs(state: Mapping[str, Tensor]) -> Mapping[str, TensorSpec]:
    return dict(_each_spec(state))


def _each_spec(state: Mapping[str, Tensor]) -> Iterator[tuple[str, TensorSpec]]:
    for name, value in state.items():
        if not isinstance(value, Tensor):
            raise NotOnlyTensors(name, f"a {type(value).__name__}")
        try:
            found = spec(value)
        except KeyError:
            raise NotOnlyTensors(name, f"a tensor of {value.dtype}") from None
        yield name, found
