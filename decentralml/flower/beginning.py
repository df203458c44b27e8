"""The model that a federation begins from."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from flwr.app import Array as FlowerArray
from flwr.app import ArrayRecord, ConfigRecord, Message, RecordDict
from flwr.serverapp import Grid

from decentralml.bundles.manifest import MODEL_FILE
from decentralml.errors import LearningError, NoInitialModel
from decentralml.flower.records import LOG, Records
from decentralml.flower.replies import Array
from decentralml.flower.rounds import read_arrays
from decentralml.learning.tensors import TensorFile
from decentralml.types import ModelType

GET_PARAMETERS = "get_parameters"
"""How Flower asks an old-style client for its model."""
POLL = 0.5


def initial_arrays(
    grid: Grid,
    records: Records,
    target: ModelType | None,
    model: Path | None = None,
    enough: int = 1,
    timeout: float = 600,
    tell: Callable[[str], None] = LOG.info,
) -> ArrayRecord:
    """A saved model, else the newest of the type in the database, else an old-style client's.

    Parameters
    ----------
    model : folder of a saved model, or a safetensors file.
    enough : clients that are asked before it is said that none has one.
    timeout : seconds to wait for them.

    Raises
    ------
    NoInitialModel, DamagedTensors, DatabaseError
    """
    if model is not None:
        file = model / MODEL_FILE if model.is_dir() else model
        tell(f"Beginning from {file}")
        return read_arrays(file, _order(model, file))
    kept = records.newest(target)
    if kept is not None:
        tell("Beginning from the newest model in the database")
        return record_of({name: tensor.numpy() for name, tensor in kept.items()})
    tell("Beginning from the model of a client")
    return _asked(grid, target, enough, timeout)


def record_of(tensors: Mapping[str, Array]) -> ArrayRecord:
    """Arrays by name as Flower sends them."""
    return ArrayRecord({name: FlowerArray(np.asarray(values)) for name, values in tensors.items()})


def _order(model: Path, file: Path) -> list[str]:
    """Names in the order of the model's own state, where its class is known, else of the file.

    Old-style clients know arrays by their place, and take that of ``state_dict``.
    """
    names = list(TensorFile.open(file).specs)
    try:
        from decentralml.learning.models import load_model

        order = list(load_model(model).state_dict()) if model.is_dir() else names
    except LearningError:
        return names
    return order if set(order) == set(names) else names


def _asked(grid: Grid, target: ModelType | None, enough: int, timeout: float) -> ArrayRecord:
    """What the first old-style client's ``get_parameters`` gives."""
    deadline = time.monotonic() + timeout
    asked: set[int] = set()
    while time.monotonic() < deadline and len(asked) < enough:
        for node in sorted(set(grid.get_node_ids()) - asked):
            asked.add(node)
            question = RecordDict({"getparametersins.config": ConfigRecord()})
            message = Message(content=question, message_type=GET_PARAMETERS, dst_node_id=node)
            left = max(deadline - time.monotonic(), POLL)
            for reply in grid.send_and_receive([message], timeout=left):
                if not reply.has_error():
                    record = next(iter(reply.content.array_records.values()))
                    return record_of({name: array.numpy() for name, array in record.items()})
        time.sleep(POLL)
    raise NoInitialModel(target)
