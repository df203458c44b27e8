"""A learner's state as a saved model: what contributors begin from, send, and merge.

The folder is that of any saved model; where a learner keeps more than the model's parameters
(Meta-SGD's rates, ``rate:NAME``), those are tensors of the same file. So whatever is done to
models, tensor by tensor, is done to a meta-learner too.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file, save
from torch import Tensor, nn

from decentralml.bundles.manifest import MODEL_FILE
from decentralml.bundles.meta import RATE
from decentralml.errors import StructureMismatch
from decentralml.learning.meta.learners import Learner, State
from decentralml.learning.models import MODELS, build_model, spec
from decentralml.learning.stack import first_difference
from decentralml.learning.stacked.model import Tensors
from decentralml.learning.structure import Structure
from decentralml.learning.tensors import TensorFile, replacing


def save_learner(module: nn.Module, state: State, folder: Path) -> Path:
    """Write a state, and the buffers of ``module``, into ``folder``, which is returned."""
    model = with_values(module, {n: v for n, v in state.items() if n in _parameters(module)})
    tensors = model.state_dict() | {n: v for n, v in state.items() if n not in _parameters(module)}
    with replacing(folder / MODEL_FILE) as file:
        file.write(
            save(
                {name: value.detach().contiguous() for name, value in tensors.items()},
                metadata={"format": "pt"},
            )
        )
    Structure(type(module).__name__, module.arguments).write(folder)  # type: ignore[arg-type]
    return folder


def read_learner(
    folder: Path, learner: Learner, classes: Mapping[str, type[nn.Module]] = MODELS
) -> tuple[nn.Module, Tensors]:
    """The model in ``folder``, and the state that ``learner`` begins from.

    Parameters
    ----------
    classes : the classes that the model may be, by name.

    Raises
    ------
    UnknownModel, DamagedTensors
    StructureMismatch : the file does not hold what the learner keeps.
    """
    module = build_model(folder, classes)
    state = learner.start(_parameters(module))
    file = TensorFile.open(folder / MODEL_FILE)
    wanted = {name: spec(value) for name, value in (module.state_dict() | state).items()}
    difference = first_difference(wanted, file.specs)
    if difference:
        raise StructureMismatch(folder.name, *difference)
    tensors = load_file(file.path)
    module.load_state_dict({name: tensors[name] for name in module.state_dict()})
    return module, {name: tensors[name] for name in state}


def has_rates(folder: Path) -> bool:
    """Whether a saved model holds rates that were learned. Raises :class:`DamagedTensors`."""
    return any(name.startswith(RATE) for name in TensorFile.open(folder / MODEL_FILE).specs)


def with_values(module: nn.Module, values: State) -> nn.Module:
    """A copy of ``module`` with these parameters and buffers."""
    loaded = copy.deepcopy(module)
    named = {**dict(loaded.named_parameters()), **dict(loaded.named_buffers())}
    with torch.no_grad():
        for name, value in values.items():
            named[name].copy_(value)
    return loaded


def _parameters(module: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach() for name, value in module.named_parameters()}
