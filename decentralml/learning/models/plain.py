"""A plain network of linear layers, for small images and other rows of numbers."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn


class PlainNet(nn.Module):
    """Linear layers with ReLU between them.

    Takes numbers ``[N, …]``, ``inputs`` of them for each example, and gives scores
    ``[N, classes]``.

    Parameters
    ----------
    inputs : numbers of one example.
    hidden : widths of the layers between.
    """

    def __init__(self, inputs: int, hidden: Sequence[int] = (64,), classes: int = 10) -> None:
        super().__init__()
        self.arguments: dict[str, Any] = {
            "inputs": inputs, "hidden": list(hidden), "classes": classes,
        }  # fmt: skip
        layers: list[nn.Module] = [nn.Flatten()]
        for before, after in itertools.pairwise([inputs, *hidden, classes]):
            layers += [nn.Linear(before, after), nn.ReLU()]
        self.layers = nn.Sequential(*layers[:-1])

    def forward(self, examples: Tensor) -> Tensor:
        scores: Tensor = self.layers(examples)
        return scores
