"""The engineer's network: what a ModelEngineer changes. It travels with the result."""

from typing import Any

from torch import Tensor, nn


class DeepDigitNet(nn.Module):
    """The creator's two convolutions, a third one after them, and a hidden layer.

    Takes images ``[N, 1, 28, 28]`` and gives scores ``[N, classes]``. ``arguments`` is what
    ``structure.json`` will say, and with which the class makes the network again.
    """

    def __init__(self, widths: tuple[int, int, int] = (8, 16, 32), classes: int = 10) -> None:
        super().__init__()
        first, second, third = widths
        self.arguments: dict[str, Any] = {"widths": [first, second, third], "classes": classes}
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
        self.more = nn.Sequential(
            nn.Conv2d(second, third, 3, padding=1),
            nn.BatchNorm2d(third),
            nn.ReLU(),
            nn.MaxPool2d(2),
        )
        self.head = nn.Linear(third * 3 * 3, classes)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.more(self.features(images)).flatten(1))
