"""One network for a digit that is seen, heard and written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from decentralml.learning.models.speech import BANDS

SENSES = ("image", "audio", "text")


class JointNet(nn.Module):
    """An encoder for each sense into one space, their mean, and one classifier for all.

    Takes, of ``image`` ``[N, 1, 28, 28]`` in 0..1, ``audio`` ``[N, 24, T]`` (features of
    :func:`~decentralml.learning.models.speech.log_mel`) and ``text`` ``[N, L]`` (bytes, 0 after
    the end), whichever there are, and gives scores ``[N, classes]``. What is missing is left out
    of the mean, so the same network answers from one sense as from three.
    """

    def __init__(self, width: int = 48, classes: int = 10) -> None:
        super().__init__()
        self.arguments: dict[str, Any] = {"width": width, "classes": classes}
        self.image = nn.Sequential(
            _seen(1, 8), _seen(8, 16), nn.Flatten(), nn.Linear(16 * 7 * 7, width)
        )
        self.audio = nn.Sequential(
            _heard(BANDS, 32), nn.MaxPool1d(2), _heard(32, 32), nn.AdaptiveAvgPool1d(6),
            nn.Flatten(), nn.Linear(6 * 32, width),
        )  # fmt: skip
        self.letters = nn.Embedding(128, 16, padding_idx=0)
        self.text = nn.Sequential(
            _heard(16, 32, 3), nn.AdaptiveMaxPool1d(2), nn.Flatten(), nn.Linear(2 * 32, width)
        )
        self.name = nn.Sequential(nn.ReLU(), nn.Linear(width, classes))

    def forward(self, senses: Mapping[str, Tensor]) -> Tensor:
        meanings = [self._encode(sense, senses[sense]) for sense in SENSES if sense in senses]
        scores: Tensor = self.name(torch.stack(meanings).mean(0))
        return scores

    def _encode(self, sense: str, values: Tensor) -> Tensor:
        if sense == "text":
            values = self.letters(values).transpose(1, 2)
        meaning: Tensor = getattr(self, sense)(values)
        return meaning


def _seen(inputs: int, outputs: int) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU(),
        nn.MaxPool2d(2),
    )  # fmt: skip


def _heard(inputs: int, outputs: int, reach: int = 5) -> nn.Module:
    return nn.Sequential(
        nn.Conv1d(inputs, outputs, reach, padding=reach // 2), nn.BatchNorm1d(outputs), nn.ReLU()
    )
