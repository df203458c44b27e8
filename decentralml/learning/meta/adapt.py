"""One client's adaptation of a shared start, differentiable through all its steps.

Everything here is for one client and pure: the engine stacks it over clients. Large linear layers
keep their shared weight: after S steps on K rows it is ``W - aᵀ h`` (see
:class:`~decentralml.learning.stacked.layers.SharedLinear`), and derivatives of any order go
through ``a``, ``h`` and ``W``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.func import grad

from decentralml.errors import BadSettings
from decentralml.learning.settings import Loss
from decentralml.learning.stacked.layers import Factors
from decentralml.learning.stacked.model import StackedModel, Tensors
from decentralml.learning.stacked.steps import masked_mean

_Seen = tuple[Tensor, Tensors, Tensors, Tensors]
"""Of a step: loss, buffers, and the inputs and products of shared layers."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Examples of one client: inputs and labels ``[N, …]``, mask ``[N]`` or None (all count)."""

    inputs: Tensor
    labels: Tensor
    mask: Tensor | None = None


@dataclass(frozen=True, slots=True)
class Adapted:
    """A client's model after its adaptation.

    Attributes
    ----------
    parameters : by name; of shared layers, the weight from which all clients started.
    factors : how far the client moved the weights of shared layers.
    buffers : by name.
    losses : support loss before each step, ``[steps]``.
    """

    parameters: Tensors
    factors: dict[str, Factors]
    buffers: Tensors
    losses: Tensor


class Body:
    """The model as a learner sees it: functions of parameters, for one client."""

    def __init__(self, model: StackedModel, loss: Loss, leading: frozenset[str]) -> None:
        self._model, self._loss, self._leading = model, loss, leading

    def adapt(
        self,
        parameters: Mapping[str, Tensor],
        support: Batch,
        *,
        rate: float | Mapping[str, Tensor],
        steps: int,
        first_order: bool = False,
    ) -> Adapted:
        """Take steps of gradient descent on the whole support set.

        Parameters
        ----------
        parameters : all of the model's, by name.
        rate : one for all, or a tensor for each parameter, by name (Meta-SGD). A learner with
            tensors says so by ``element_rates``, as no weight can be shared then.
        first_order : take the steps' gradients as constants.

        Raises
        ------
        BadSettings : a parameter, or its rate, is not given; or rates for each element by a learner
            that does not say so.
        """
        parameters = self._whole(parameters)
        weights = set(self._model.weight_of.values())
        if isinstance(rate, Mapping):
            if weights:
                raise BadSettings("element_rates", False, "True of a learner that adapts by them")
            _require(self._model.trainable, rate, "the learning rate")
        own = {n: v for n, v in parameters.items() if n in self._model.trainable - weights}
        fixed = {n: v for n, v in parameters.items() if n not in own}
        buffers: Tensors = dict(self._model.buffers)
        factors: dict[str, Factors] = {}
        products: Tensors = {}
        losses = []

        def objective(own: Tensors, probes: Tensors) -> tuple[Tensor, _Seen]:
            forward = self._model(
                {**fixed, **own},
                buffers,
                support.inputs,
                mask=support.mask,
                factors=factors,
                probes=probes,
                products=products,
            )
            loss = masked_mean(self._loss(forward.outputs, support.labels), support.mask)
            return loss, (loss, forward.buffers, forward.inputs, forward.products)

        for _ in range(steps):
            (gradients, deltas), seen = grad(objective, argnums=(0, 1), has_aux=True)(
                own, self._probes(support.inputs)
            )
            loss, buffers, inputs, found = seen
            losses.append(loss)
            if first_order:
                gradients, deltas, inputs = map(_constant, (gradients, deltas, inputs))
            rates = rate if isinstance(rate, Mapping) else dict.fromkeys(own, rate)
            own = {n: v - rates[n] * gradients[n] for n, v in own.items()}
            if not isinstance(rate, Mapping):
                factors = {
                    layer: self._grown(layer, factors.get(layer), inputs[layer], rate * delta)
                    for layer, delta in deltas.items()
                }
            products = {n: v for n, v in found.items() if n in self._leading}
        return Adapted({**fixed, **own}, factors, buffers, torch.stack(losses))

    def loss(self, adapted: Adapted, batch: Batch, *, training: bool = True) -> Tensor:
        """Mean loss of an adapted model, a scalar."""
        scores = self.scores(adapted, batch, training=training)
        return masked_mean(self._loss(scores, batch.labels), batch.mask)

    def scores(self, adapted: Adapted, batch: Batch, *, training: bool = False) -> Tensor:
        """What an adapted model gives for each example, ``[N, …]``."""
        return self._model(
            adapted.parameters,
            adapted.buffers,
            batch.inputs,
            mask=batch.mask,
            factors=adapted.factors,
            training=training,
        ).outputs

    def as_it_is(self, parameters: Mapping[str, Tensor]) -> Adapted:
        """A client's model without any adaptation."""
        parameters = self._whole(parameters)
        return Adapted(parameters, {}, dict(self._model.buffers), torch.zeros(0))

    def _whole(self, state: Mapping[str, Tensor]) -> Tensors:
        """The model's parameters, of whatever a learner keeps."""
        _require(self._model.parameters, state, "the state's parameter")
        return {name: state[name] for name in self._model.parameters}

    def _grown(self, layer: str, before: Factors | None, h: Tensor, a: Tensor) -> Factors:
        if before is None:
            return Factors(h, a)
        if layer in self._leading:
            return Factors(before.h, before.a + a)
        return Factors(torch.cat([before.h, h]), torch.cat([before.a, a]))

    def _probes(self, inputs: Tensor) -> Tensors:
        """Zeros like the outputs of each shared layer, ``[rows, out]``."""
        return {
            layer: self._model.parameters[weight].new_zeros(
                len(inputs) * self._model.shared[layer], len(self._model.parameters[weight])
            )
            for layer, weight in self._model.weight_of.items()
        }


def _require(names: Iterable[str], given: Mapping[str, Tensor], what: str) -> None:
    missing = sorted(set(names) - set(given))
    if missing:
        raise BadSettings(f"{what} {missing[0]!r}", "missing", "there, by the model's name for it")


def _constant(values: Tensors) -> Tensors:
    return {name: value.detach() for name, value in values.items()}
