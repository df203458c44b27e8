"""Spoken words from telephone sound: features, and a small network for CTC."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

RATE = 8000
"""Samples a second."""
WINDOW, HOP, BANDS = 256, 100, 24
"""Samples of a window and from one to the next (12.5 ms); bands of the mel scale."""
BLANK = 0
"""What CTC calls the class of no word."""
FAINT = 0.1
"""Energy that is added to every band: silence and the noise of 8-bit sound are the same."""


def from_mu_law(stored: Tensor) -> Tensor:
    """Sound of -1 to 1 from bytes of the mu-law (ITU-T G.711)."""
    packed = stored.float() / 127.5 - 1
    return packed.sign() * (256 ** packed.abs() - 1) / 255


def log_mel(sound: Tensor) -> Tensor:
    """Log energies ``[N, 24, T // 100 + 1]`` of sound ``[N, T]``, each clip's mean taken off."""
    spectrum = torch.stft(sound, WINDOW, HOP, window=torch.hann_window(WINDOW), return_complex=True)
    energies = torch.log(_mel_bands() @ spectrum.abs().square() + FAINT)
    return energies - energies.mean((1, 2), keepdim=True)


@cache
def _mel_bands() -> Tensor:
    """Triangles ``[24, 129]`` over the spectrum, equally far apart on the mel scale (HTK's)."""
    top = 2595 * math.log10(1 + RATE / 2 / 700)
    edges = 700 * (10 ** (torch.linspace(0, top, BANDS + 2) / 2595) - 1)
    tones = torch.linspace(0, RATE / 2, WINDOW // 2 + 1)
    rising = (tones - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - tones) / (edges[2:] - edges[1:-1])[:, None]
    return torch.minimum(rising, falling).clamp(min=0)


class SpeechNet(nn.Module):
    """Scores of a word, or none, every 25 ms.

    Takes features ``[N, 24, T]`` of :func:`log_mel` and gives scores ``[N, T // 2, words + 1]``,
    class 0 being no word, as CTC wants it (Graves et al. 2006). A second of sound has 40 steps.
    """

    def __init__(self, words: int = 10, width: int = 48) -> None:
        super().__init__()
        self.arguments: dict[str, Any] = {"words": words, "width": width}
        self.layers = nn.Sequential(
            _block(BANDS, width), nn.MaxPool1d(2), _block(width, width),
            _block(width, width, 2), _block(width, width, 2),
        )  # fmt: skip
        self.read = nn.Linear(width, words + 1)

    def forward(self, features: Tensor) -> Tensor:
        scores: Tensor = self.read(self.layers(features).transpose(1, 2))
        return scores


def words_heard(scores: Tensor) -> Tensor:
    """Words ``[N, L]`` from scores ``[N, T, words + 1]``, padded with -1: the likeliest path.

    A class that goes on counts once, and blanks are left out.
    """
    best = scores.argmax(2)
    before = torch.nn.functional.pad(best, (1, 0), value=BLANK)[:, :-1]
    kept = [row[(row != BLANK) & (row != old)] - 1 for row, old in zip(best, before, strict=True)]
    return nn.utils.rnn.pad_sequence(kept, batch_first=True, padding_value=-1)


def _block(inputs: int, outputs: int, dilation: int = 1) -> nn.Module:
    return nn.Sequential(
        nn.Conv1d(inputs, outputs, 5, padding=2 * dilation, dilation=dilation, bias=False),
        nn.BatchNorm1d(outputs),
        nn.ReLU(),
    )
