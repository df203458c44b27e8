"""Folders that training resumes from: model, optimizer, and how far it was.

``step-00000128/`` holds ``model.safetensors``, ``optimizer.pt`` (where there is an optimizer; read
with ``weights_only``, so that no code can be in it) and ``progress.json``. A folder takes its name
once all of it is on the disk; the last two are kept. Random number generators are not in it.
"""

from __future__ import annotations

import json
import os
import pickle
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from decentralml.errors import LearningError, SnapshotDamaged, UnwritableModel
from decentralml.learning.tensors import replacing
from decentralml.swarm.training.weights import load_weights, save_weights

KEPT = 2
MODEL, OPTIMIZER, PROGRESS = "model.safetensors", "optimizer.pt", "progress.json"
_UNREADABLE = (
    OSError,
    EOFError,
    ValueError,
    TypeError,
    KeyError,
    RuntimeError,
    pickle.PickleError,
)
"""What the readers of JSON and of optimizers make of damaged files."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a node's training is.

    Attributes
    ----------
    batches : that were trained on, of all epochs.
    epochs : that are complete.
    round : of the newest merged model that the weights began from; 0 if there was none.
    since : batches since that merge.
    interval : batches to the next one; ``loss`` is what the last one was measured with.
    """

    batches: int = 0
    epochs: int = 0
    round: int = 0
    since: int = 0
    interval: int = 0
    loss: float | None = None


class Snapshots:
    """The snapshots in one folder, which is made if it is not there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(
        self, model: nn.Module, optimizer: torch.optim.Optimizer | None, progress: Progress
    ) -> Path:
        """Put one down. Raises :class:`UnwritableModel`."""
        name = f"step-{progress.batches:08d}"
        partial, whole = self.folder / f".{name}.{os.getpid()}.partial", self.folder / name
        try:
            shutil.rmtree(partial, ignore_errors=True)
            save_weights(model, partial / MODEL)
            if optimizer is not None:
                with replacing(partial / OPTIMIZER) as file:
                    torch.save(optimizer.state_dict(), file)
            with replacing(partial / PROGRESS) as file:
                file.write(json.dumps(asdict(progress)).encode() + b"\n")
            shutil.rmtree(whole, ignore_errors=True)  # Of the same batch: an epoch's end.
            partial.rename(whole)
        except (OSError, RuntimeError) as error:  # PyTorch's writer tells a full disk as the latter
            reason = getattr(error, "strerror", None) or str(error)
            raise UnwritableModel(whole, reason) from None
        finally:
            shutil.rmtree(partial, ignore_errors=True)
        for old in self._all()[:-KEPT]:
            shutil.rmtree(old, ignore_errors=True)
        return whole

    def newest(self) -> Path | None:
        """The folder of the last one, if there is any."""
        return found[-1] if (found := self._all()) else None

    def load(self, model: nn.Module, optimizer: torch.optim.Optimizer | None) -> Progress | None:
        """Take the last one up, in model and optimizer; None if there is none.

        Raises
        ------
        SnapshotDamaged : it is not sound, or of another model or optimizer.
        """
        folder = self.newest()
        if folder is None:
            return None
        try:
            progress = Progress(**json.loads((folder / PROGRESS).read_text("utf-8")))
            load_weights(model, folder / MODEL, "the snapshot")
            if optimizer is not None and (folder / OPTIMIZER).exists():
                state: Any = torch.load(folder / OPTIMIZER, map_location="cpu", weights_only=True)
                optimizer.load_state_dict(state)
        except LearningError as error:
            raise SnapshotDamaged(folder, str(error).split(";")[0]) from None
        except _UNREADABLE as error:
            reason = str(error).partition("\n")[0] or "a file of it is not whole"
            raise SnapshotDamaged(folder, reason) from None
        return progress

    def _all(self) -> list[Path]:
        """From the oldest to the newest."""
        return sorted(self.folder.glob("step-*"), key=lambda path: (len(path.name), path.name))
