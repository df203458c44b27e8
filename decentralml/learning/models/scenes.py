"""A convolutional network that finds, outlines and names the one digit of a cluttered scene."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


class SceneNet(nn.Module):
    """One trunk of convolutions and three heads: where, what, and which pixels are edges.

    Takes float scenes ``[N, 1, 40, 40]`` in 0..1 (any size that is divisible by four will do) and
    gives ``boxes`` ``[N, 4]`` (top, left, bottom, right, in pixels), ``edges`` ``[N, 40, 40]``
    (scores, above zero: an edge) and ``classes`` ``[N, classes]`` (scores). Edges are read off the
    first layer. Of the last one a heat map over the cells of 4 by 4 pixels says where the object
    is; features are averaged by it, and box and class follow from those.
    """

    def __init__(self, width: int = 12, classes: int = 10) -> None:
        super().__init__()
        self.arguments: dict[str, Any] = {"width": width, "classes": classes}
        self.fine = _block(1, width)
        self.edge = nn.Sequential(_block(width, width // 2), nn.Conv2d(width // 2, 1, 3, padding=1))
        self.coarse = nn.Sequential(
            nn.MaxPool2d(2), _block(width, 2 * width),
            nn.MaxPool2d(2), _block(2 * width, 4 * width), _block(4 * width, 6 * width, 2),
        )  # fmt: skip
        self.heat = nn.Conv2d(6 * width, 1, 1)
        self.box = nn.Linear(6 * width, 4)
        self.name = nn.Linear(6 * width, classes)

    def forward(self, scenes: Tensor) -> dict[str, Tensor]:
        fine = self.fine(scenes)
        cells = self.coarse(fine)
        heat = self.heat(cells).flatten(1).softmax(1)
        found = torch.einsum("nc,nfc->nf", heat, cells.flatten(2))
        return {
            "boxes": self._boxes(found, heat, cells.shape[2], cells.shape[3]),
            "edges": self.edge(fine)[:, 0],
            "classes": self.name(found),
        }

    def _boxes(self, found: Tensor, heat: Tensor, rows: int, columns: int) -> Tensor:
        """Around the heat map's centre, moved and sized by what was found there."""
        across = torch.arange(columns, device=heat.device).repeat(rows)
        down = torch.arange(rows, device=heat.device).repeat_interleave(columns)
        centre = torch.stack([heat @ (down + 0.5), heat @ (across + 0.5)], 1) * 4
        moved, size = self.box(found).split(2, 1)
        centre, half = centre + 4 * moved, 8 * size.exp()
        return torch.cat([centre - half, centre + half], 1)


def _block(inputs: int, outputs: int, dilation: int = 1) -> nn.Module:
    """A convolution that keeps the size, batch norm, ReLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=dilation, dilation=dilation, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
    )
