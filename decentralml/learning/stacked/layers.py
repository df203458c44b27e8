"""Layers that know what happens to one client of many: they stand in for PyTorch's own.

A forward pass of a model for one client may need more than its arguments: which rows are padding,
how far a shared weight has moved for this client, where to leave what it saw. All of this is in one
:class:`Pass`, which the layers of a model share. The layers keep the names of the parameters
and buffers of those they replace.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

BatchNorm = nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d
BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


@dataclass(slots=True)
class Factors:
    """How far a client's weight of a linear layer has moved: ``-aᵀ h``, never multiplied out.

    Attributes
    ----------
    h : inputs of the layer in the steps so far, ``[rank, in]``.
    a : gradients of its outputs times their rates, ``[rank, out]``.
    """

    h: Tensor
    a: Tensor


@dataclass(slots=True)
class Pass:
    """One forward pass of one client.

    Attributes
    ----------
    mask : ``[N]``, 1 for an example and 0 for padding; None where all are examples.
    factors : of the layers whose weight is shared, by layer.
    probes : zeros added to the outputs of these layers: the loss's gradient by them is its
        gradient by the outputs.
    inputs : what these layers were given, ``[rows, in]``; they fill it.
    products : these inputs times the shared weight, ``[rows, out]``; where the caller knows one,
        because the layer's inputs are the same in every step, it is not computed again.
    buffers : new values of buffers, by name; the layers fill it.
    """

    mask: Tensor | None = None
    factors: dict[str, Factors] = field(default_factory=dict)
    probes: dict[str, Tensor] = field(default_factory=dict)
    inputs: dict[str, Tensor] = field(default_factory=dict)
    products: dict[str, Tensor] = field(default_factory=dict)
    buffers: dict[str, Tensor] = field(default_factory=dict)


class SharedLinear(nn.Module):
    """A linear layer whose weight is the same for all clients, plus each one's factors.

    A layer adapted by gradient descent on K rows in S steps is ``W - aᵀ h`` of rank K·S, so
    ``x (W - aᵀ h)ᵀ = x Wᵀ - (x hᵀ) a``: one product for all clients, and Gram matrices.
    """

    def __init__(self, name: str, layer: nn.Linear) -> None:
        super().__init__()
        self.name, self.weight, self.bias = name, layer.weight, layer.bias
        self.passing = Pass()

    def forward(self, inputs: Tensor) -> Tensor:
        rows = inputs.reshape(-1, inputs.shape[-1])
        products = self.passing.products
        if self.name not in products:
            products[self.name] = rows @ self.weight.T
        outputs = products[self.name]
        if self.bias is not None:
            outputs = outputs + self.bias
        moved = self.passing.factors.get(self.name)
        if moved is not None:
            outputs = outputs - (rows @ moved.h.T) @ moved.a
        if self.name in self.passing.probes:
            outputs = outputs + self.passing.probes[self.name]
        self.passing.inputs[self.name] = rows
        return outputs.reshape(*inputs.shape[:-1], outputs.shape[-1])


class MaskedBatchNorm(nn.Module):
    """Batch norm over the examples of a batch, without its padding; functional in its buffers."""

    weight: Tensor | None
    bias: Tensor | None
    running_mean: Tensor | None
    running_var: Tensor | None
    num_batches_tracked: Tensor | None

    def __init__(self, name: str, layer: BatchNorm) -> None:
        super().__init__()
        self.name, self.eps, self.momentum = name, layer.eps, layer.momentum
        self.weight, self.bias = layer.weight, layer.bias
        for buffer in ("running_mean", "running_var", "num_batches_tracked"):
            self.register_buffer(buffer, getattr(layer, buffer))
        self.passing = Pass()

    def forward(self, inputs: Tensor) -> Tensor:
        over = [d for d in range(inputs.dim()) if d != 1]
        shape = [1, -1] + [1] * (inputs.dim() - 2)
        if self.training or self.running_mean is None or self.running_var is None:
            mean, var = self._measured(inputs, over, shape)
        else:
            mean, var = self.running_mean, self.running_var
        scale = torch.rsqrt(var + self.eps)
        if self.weight is not None:
            scale = scale * self.weight
        outputs = (inputs - mean.view(shape)) * scale.view(shape)
        return outputs if self.bias is None else outputs + self.bias.view(shape)

    def _measured(self, inputs: Tensor, over: list[int], shape: list[int]) -> tuple[Tensor, Tensor]:
        each = inputs[:, :1].numel() // len(inputs)
        mask = self.passing.mask
        if mask is None:
            count = torch.tensor(len(inputs) * each, dtype=inputs.dtype, device=inputs.device)
            mean = inputs.mean(over)
            var = (inputs - mean.view(shape)).square().mean(over)
        else:
            weight = mask.view([-1] + [1] * (inputs.dim() - 1))
            count = (mask.sum() * each).clamp(min=1)
            mean = (inputs * weight).sum(over) / count
            var = ((inputs - mean.view(shape)).square() * weight).sum(over) / count
        if self.training:
            self._remember(mean.detach(), (var * (count / (count - 1).clamp(min=1))).detach())
        return mean, var

    def _remember(self, mean: Tensor, var: Tensor) -> None:
        old_mean, old_var, tracked = self.running_mean, self.running_var, self.num_batches_tracked
        if old_mean is None or old_var is None or tracked is None:
            return
        tracked = tracked + 1
        share = 1 / tracked.to(mean.dtype) if self.momentum is None else self.momentum
        new, prefix = self.passing.buffers, f"{self.name}." if self.name else ""
        new[f"{prefix}running_mean"] = old_mean + share * (mean - old_mean)
        new[f"{prefix}running_var"] = old_var + share * (var - old_var)
        new[f"{prefix}num_batches_tracked"] = tracked
