"""The weighted mean of many clients' models, summed as they come."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from decentralml.learning.stacked.model import Tensors


class Mean:
    """``base + Σ shareᵢ (wᵢ - base)``, in float64; counters are rounded, as in ``mean.py``."""

    def __init__(self, base: Mapping[str, Tensor]) -> None:
        self._base = dict(base)
        self._moved = {n: torch.zeros_like(v, dtype=torch.float64) for n, v in base.items()}

    def add(self, name: str, values: Tensor, shares: Tensor) -> None:
        """Some clients' values ``[C, …]`` and their shares ``[C]``."""
        distance = values.double() - self._base[name].double()
        self._moved[name] += torch.tensordot(shares.double().to(distance.device), distance, 1)

    def move(self, name: str, distance: Tensor) -> None:
        """Clients' distances from the base, already weighted and summed."""
        self._moved[name] += distance.double()

    def result(self) -> Tensors:
        """The mean, in the types of the base."""
        return {name: self._narrowed(name, moved) for name, moved in self._moved.items()}

    def _narrowed(self, name: str, moved: Tensor) -> Tensor:
        base = self._base[name]
        value = base.double() + moved
        return (value if base.is_floating_point() else value.round()).to(base.dtype)
