"""Clients whose data differ in size, side by side in one tensor: padding, masks and batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from decentralml.errors import NoClientExamples
from decentralml.learning.examples import images, read_examples
from decentralml.learning.settings import Local, TrainingSettings


@dataclass(frozen=True, slots=True)
class Client:
    """One party of a federation.

    Attributes
    ----------
    name : shown in reports and errors.
    inputs : ``[N, …]``.
    labels : ``[N, …]``.
    """

    name: str
    inputs: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.inputs)

    def __getitem__(self, picked: Tensor | slice) -> Client:
        return Client(self.name, self.inputs[picked], self.labels[picked])


def read_client(folder: Path) -> Client:
    """The examples of a folder, as :func:`prepared` takes them. Raises :class:`BadExamples`."""
    found = read_examples(folder)
    return Client(folder.name, prepared(found.inputs), torch.from_numpy(found.labels))


def prepared(stored: NDArray[Any]) -> Tensor:
    """Stored inputs as a network takes them: 8-bit images ``[N, height, width]`` as
    ``[N, 1, height, width]`` in 0..1, anything else as it is.
    """
    pictures = stored.dtype.kind == "u" and stored.ndim == 3
    return torch.from_numpy(images(stored) if pictures else stored.copy())


@dataclass(frozen=True, slots=True)
class Padded:
    """Examples of C clients, the short ones filled up with zeros.

    Attributes
    ----------
    inputs, labels : ``[C, N, …]``.
    mask : ``[C, N]``, 1 for an example and 0 for padding; None where nothing is padded.
    """

    inputs: Tensor
    labels: Tensor
    mask: Tensor | None

    def to(self, device: torch.device) -> Padded:
        mask = None if self.mask is None else self.mask.to(device)
        return Padded(self.inputs.to(device), self.labels.to(device), mask)


def padded(clients: Sequence[Client], part: str = "training") -> Padded:
    """Stack clients' examples. Raises :class:`NoClientExamples`, naming ``part``."""
    for client in clients:
        if not len(client):
            raise NoClientExamples(client.name, part)
    inputs = pad_sequence([c.inputs for c in clients], batch_first=True)
    labels = pad_sequence([c.labels for c in clients], batch_first=True)
    sizes = torch.tensor([len(c) for c in clients])
    if int(sizes.min()) == inputs.shape[1]:
        return Padded(inputs, labels, None)
    mask = torch.arange(inputs.shape[1])[None] < sizes[:, None]
    return Padded(inputs, labels, mask.float())


def batches(examples: int, settings: TrainingSettings, seed: int) -> list[Tensor]:
    """Which examples each step of :func:`~decentralml.learning.train.train` takes."""
    if settings.method == Local.FEDSGD:
        return [torch.arange(examples)]
    generator = torch.Generator().manual_seed(seed)
    picked = []
    for _ in range(settings.epochs):
        order = torch.randperm(examples, generator=generator)
        picked += [part for part in torch.split(order, settings.batch) if len(part) > 1]
    return picked
