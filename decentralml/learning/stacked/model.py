"""Any module as a pure function of one client's parameters and buffers; ``vmap`` makes it many."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor, nn
from torch.func import functional_call

from decentralml.learning.stacked.layers import (
    BATCH_NORMS,
    Factors,
    MaskedBatchNorm,
    Pass,
    SharedLinear,
)

Tensors = dict[str, Tensor]


@dataclass(frozen=True, slots=True)
class Forward:
    """What a forward pass gives.

    Attributes
    ----------
    outputs : ``[N, …]``.
    buffers : all buffers after the pass, by name.
    inputs, products : of each shared layer, see :class:`~.layers.Pass`.
    """

    outputs: Tensor
    buffers: Tensors
    inputs: Tensors
    products: Tensors


class StackedModel:
    """A module that many clients run at once, each with parameters and buffers of its own.

    The module given stays as it is; its values are taken as they are now.

    Parameters
    ----------
    module : any module.
    shared : linear layers whose weight all clients share (see :class:`SharedLinear`), and how many
        rows each is given for one example; each must be called exactly once in a forward pass.

    Attributes
    ----------
    parameters, buffers : the module's own, by name, detached. A parameter of two names has one.
    trainable : names of the parameters that are trained.
    weight_of : the name of each shared layer's weight.
    """

    def __init__(self, module: nn.Module, shared: Mapping[str, int] | None = None) -> None:
        self.shared = dict(shared or {})
        self.weight_of = {n: f"{n}.weight" if n else "weight" for n in self.shared}
        self.parameters = {n: p.detach() for n, p in module.named_parameters()}
        self.trainable = frozenset(n for n, p in module.named_parameters() if p.requires_grad)
        self.buffers = {n: b.detach() for n, b in module.named_buffers()}
        self._module = copy.deepcopy(module)
        self._wired: list[SharedLinear | MaskedBatchNorm] = []
        for name, layer in list(self._module.named_modules()):
            if name in self.shared:
                self._replace(name, SharedLinear(name, layer))
            elif type(layer) in BATCH_NORMS:
                self._replace(name, MaskedBatchNorm(name, layer))
        own = {f"{layer.name}." for layer in self._wired if isinstance(layer, MaskedBatchNorm)}
        self._foreign = [n for n in self.buffers if not any(n.startswith(o) for o in own)]

    def _replace(self, name: str, layer: SharedLinear | MaskedBatchNorm) -> None:
        parent, _, last = name.rpartition(".")
        self._wired.append(layer)
        if name:
            setattr(self._module.get_submodule(parent), last, layer)
        else:
            self._module = layer

    def __call__(
        self,
        parameters: Mapping[str, Tensor],
        buffers: Mapping[str, Tensor],
        inputs: Tensor,
        *,
        mask: Tensor | None = None,
        factors: Mapping[str, Factors] | None = None,
        probes: Mapping[str, Tensor] | None = None,
        products: Mapping[str, Tensor] | None = None,
        training: bool = True,
    ) -> Forward:
        """Run for one client on inputs ``[N, …]``; see :class:`Pass` for the other arguments."""
        passing = Pass(mask, dict(factors or {}), dict(probes or {}), products=dict(products or {}))
        for layer in self._wired:
            layer.passing = passing
        self._module.train(training)
        values = dict(buffers)
        for name in self._foreign:  # those that the module changes in place are its own
            values[name] = values[name].clone()
        outputs = functional_call(self._module, {**parameters, **values}, (inputs,))
        after = {**values, **passing.buffers}
        return Forward(outputs, after, passing.inputs, passing.products)
