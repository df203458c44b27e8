"""One step of each optimizer that a recipe may name, with its state in the open.

A checkpoint holds all that an optimizer knows: some tensors of a parameter's shape (its *slots*,
zeros at the start) and the number of steps taken. What PyTorch's optimizers keep besides would
escape the comparison. The numbers are those of ``torch.optim`` with these settings.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from decentralml.bundles.replay import Optimizer

MOMENTUM = 0.9
DECAYS = (0.9, 0.999)
"""Adam's, of the mean of the gradients and of their squares."""
EPSILON = 1e-8


@torch.no_grad()
def update(
    optimizer: Optimizer,
    parameter: Tensor,
    slots: Mapping[str, Tensor],
    gradient: Tensor,
    rate: float,
    step: int,
) -> None:
    """Change ``parameter`` and ``slots`` in place.

    Parameters
    ----------
    slots : by the names in :attr:`~decentralml.bundles.replay.Optimizer.slots`.
    rate : learning rate.
    step : steps taken before this one.
    """
    if optimizer is Optimizer.SGD:
        parameter.add_(gradient, alpha=-rate)
    elif optimizer is Optimizer.MOMENTUM:
        momentum = slots["momentum"].mul_(MOMENTUM).add_(gradient)
        parameter.add_(momentum, alpha=-rate)
    else:
        _adam(parameter, slots["mean"], slots["square"], gradient, rate, step + 1)


def _adam(
    parameter: Tensor, mean: Tensor, square: Tensor, gradient: Tensor, rate: float, step: int
) -> None:
    """Kingma and Ba, algorithm 1 (https://arxiv.org/abs/1412.6980)."""
    first, second = DECAYS
    mean.mul_(first).add_(gradient, alpha=1 - first)
    square.mul_(second).addcmul_(gradient, gradient, value=1 - second)
    root = (square / (1 - second**step)).sqrt_().add_(EPSILON)
    parameter.addcdiv_(mean, root, value=-rate / (1 - first**step))
