"""A character language model of causal convolutions."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn


class ProseNet(nn.Module):
    """Scores of the next character after each character of a text.

    Takes characters ``[N, T]`` (integers below ``characters``) and gives scores
    ``[N, T, characters]``. Each layer looks at three characters that lie twice as far apart as
    those of the layer before, all of them in the past: with five layers it remembers 63.
    """

    def __init__(self, characters: int = 96, width: int = 80, layers: int = 5) -> None:
        super().__init__()
        self.arguments: dict[str, Any] = {
            "characters": characters, "width": width, "layers": layers,
        }  # fmt: skip
        self.embed = nn.Embedding(characters, width)
        self.layers = nn.ModuleList(
            nn.Conv1d(width, width, 3, dilation=2**layer) for layer in range(layers)
        )
        self.norm = nn.LayerNorm(width)
        self.read = nn.Linear(width, characters)

    def forward(self, text: Tensor) -> Tensor:
        state = self.embed(text).transpose(1, 2)
        for layer in self.layers:
            reach = 2 * int(layer.dilation[0])  # type: ignore[index]
            past = nn.functional.pad(state, (reach, 0))
            state = state + nn.functional.gelu(layer(past))
        scores: Tensor = self.read(self.norm(state.transpose(1, 2)))
        return scores
