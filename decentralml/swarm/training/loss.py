"""The mean loss of a model over a node's validation examples: what adaptive sync looks at."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

Loss = Callable[[Any, Tensor], Tensor]
"""Of a model's outputs and the labels of a batch: their mean loss."""
Measure = Callable[[nn.Module], float]


def mean_loss(data: Any, batch: int, loss: Loss | None = None) -> Measure:
    """A function from a model to its mean loss over ``data``.

    Parameters
    ----------
    data : a ``Dataset``, which is read ``batch`` examples at a time; an iterable of batches
        ``(inputs, labels)``; or that very function.
    loss : cross entropy unless given.
    """
    if isinstance(data, Dataset):
        data = DataLoader(data, batch_size=batch)
    elif callable(data):
        measure: Measure = data
        return measure
    return lambda model: _measured(model, data, loss or nn.functional.cross_entropy)


def _measured(model: nn.Module, data: Iterable[Any], loss: Loss) -> float:
    """The model is left in the mode that it was in. NaN if there are no examples."""
    training = model.training
    device = next((value.device for value in model.parameters()), torch.device("cpu"))
    total, seen = 0.0, 0
    model.eval()
    try:
        with torch.inference_mode():
            for inputs, labels in data:
                part = loss(model(inputs.to(device)), labels.to(device)).item()
                total, seen = total + part * len(labels), seen + len(labels)
    finally:
        model.train(training)
    return total / seen if seen else float("nan")
