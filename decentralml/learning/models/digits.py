"""A small convolutional network for handwritten digits."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn


class DigitNet(nn.Module):
    """Two convolutions with batch norm, each halving the image, and one linear layer.

    Takes float images ``[N, 1, 28, 28]`` in 0..1 and gives scores ``[N, classes]``. With the
    default widths it has 9,146 parameters and 6 buffers (batch norm's running statistics).

    Parameters
    ----------
    widths : channels of the two convolutions.
    classes : number of classes.
    """

    def __init__(self, widths: tuple[int, int] = (8, 16), classes: int = 10) -> None:
        super().__init__()
        first, second = widths
        self.arguments: dict[str, Any] = {"widths": [first, second], "classes": classes}
        self.features = nn.Sequential(
            nn.Conv2d(1, first, 3, padding=1),
            nn.BatchNorm2d(first),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(first, second, 3, padding=1),
            nn.BatchNorm2d(second),
            nn.ReLU(),
            nn.MaxPool2d(2),
        )
        self.classifier = nn.Linear(second * 7 * 7, classes)

    def forward(self, images: Tensor) -> Tensor:
        scores: Tensor = self.classifier(self.features(images).flatten(1))
        return scores
