"""Steps of stochastic gradient descent for a stack of clients, nothing of them differentiated."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.func import grad, vmap
from torch.nn import functional
from torch.nn.utils.rnn import pad_sequence

from decentralml.errors import Diverged
from decentralml.learning.settings import Loss
from decentralml.learning.stacked.clients import Client, padded
from decentralml.learning.stacked.layers import Factors
from decentralml.learning.stacked.model import StackedModel, Tensors


def cross_entropy(scores: Tensor, labels: Tensor) -> Tensor:
    """Of each example, ``[N]``."""
    return functional.cross_entropy(scores, labels, reduction="none")


def masked_mean(losses: Tensor, mask: Tensor | None) -> Tensor:
    """Mean of losses ``[N]`` over the examples that ``mask`` lets pass; 0 of none."""
    if mask is None:
        return losses.mean()
    # A padded row may give anything, infinity too, but must have no part in sum or gradient.
    return torch.where(mask > 0, losses, 0.0).sum() / mask.sum().clamp(min=1)


class Stack:
    """Clients side by side, the one with most steps first, so that those at work come first.

    Shared weights stay as they are; how far each client has moved one after t steps is
    ``Σ_s d_s δ_sᵀ h_s`` with inputs ``h_s`` and gradients of the outputs ``δ_s`` of its steps, and
    the ``d_s`` are numbers that momentum and FedProx change in the same way for all clients.

    Attributes
    ----------
    values : trainable parameters and buffers of each client, ``[C, …]``, but shared weights.
    losses : each client's mean loss over all its steps, ``[C]``.
    """

    def __init__(
        self,
        model: StackedModel,
        clients: Sequence[Client],
        plan: Sequence[Sequence[Tensor]],
        loss: Loss | None,
    ) -> None:
        self.model, self.clients = model, clients
        self.loss = loss or cross_entropy
        device = next((p.device for p in model.parameters.values()), torch.device("cpu"))
        self.data = padded(clients).to(device)
        self.device, count = device, len(clients)
        weights = set(model.weight_of.values())
        self._own = [n for n in model.parameters if n in model.trainable and n not in weights]
        stacked = {n: model.parameters[n] for n in self._own} | model.buffers
        self.values: Tensors = {
            n: v.expand(count, *v.shape).contiguous() for n, v in stacked.items()
        }
        for name, value in self.values.items():
            if value.data_ptr() == stacked[name].data_ptr():
                self.values[name] = value.clone()
        self.losses = torch.zeros(count, device=device)
        self.h: dict[str, list[Tensor]] = {n: [] for n in model.shared}
        self.delta: dict[str, list[Tensor]] = {n: [] for n in model.shared}
        self._coefficients: list[Tensor] = [torch.zeros(0)]
        self.lengths = [len(steps) for steps in plan]
        self.index, self.counts = _laid_out(plan, self.lengths)

    def run(self, *, rate: float, momentum: float, proximal: float) -> None:
        """Take all steps of the plan."""
        lengths = self.lengths
        velocity = {n: torch.zeros_like(self.values[n]) for n in self._own} if momentum else {}
        speed = torch.zeros(0)
        seen = torch.zeros(len(self.clients), device=self.device)
        for step in range(lengths[0]):
            active = sum(length > step for length in lengths)
            gradients, losses, counts = self._gradients(step, active)
            self.losses[:active] += losses * counts
            seen[:active] += counts
            for name in self._own:
                gradient, value = gradients[name], self.values[name][:active]
                if proximal:
                    gradient = gradient + proximal * (value - self.model.parameters[name])
                if momentum:
                    gradient = velocity[name][:active].mul_(momentum).add_(gradient)
                value.sub_(gradient, alpha=rate)
            distance = self._coefficients[-1]
            speed = torch.cat([momentum * speed + proximal * distance, torch.ones(1)])
            self._coefficients.append(torch.cat([distance, torch.zeros(1)]) - rate * speed)
        self.losses /= seen.clamp(min=1)

    def _gradients(self, step: int, active: int) -> tuple[Tensors, Tensor, Tensor]:
        """Of the clients still at work: gradients, losses ``[C]`` and examples ``[C]``."""
        counts = self.counts[step, :active].to(self.device)
        width = int(counts.max())
        ragged = int(counts.min()) < width
        mask = (torch.arange(width, device=self.device) < counts[:, None]).float()
        rows = torch.arange(active, device=self.device)[:, None]
        index = self.index[step, :active, :width].to(self.device)
        inputs, labels = self.data.inputs[rows, index], self.data.labels[rows, index]
        own = {n: self.values[n][:active] for n in self._own}
        buffers = {n: self.values[n][:active] for n in self.model.buffers}
        factors = self._factors(active)
        probes = self._probes(inputs)
        mapped = vmap(
            grad(self._loss, argnums=(0, 1), has_aux=True),
            in_dims=(0, 0, 0, 0, 0, 0 if ragged else None, 0),
            randomness="different",
        )
        (gradients, deltas), (losses, after, seen) = mapped(
            own, probes, buffers, inputs, labels, mask if ragged else None, factors
        )
        for name, value in after.items():
            self.values[name][:active] = value
        for name in self.model.shared:
            self.h[name].append(seen[name])
            self.delta[name].append(deltas[name])
        return gradients, losses, counts

    def _loss(
        self,
        own: Tensors,
        probes: Tensors,
        buffers: Tensors,
        inputs: Tensor,
        labels: Tensor,
        mask: Tensor | None,
        factors: dict[str, tuple[Tensor, Tensor]],
    ) -> tuple[Tensor, tuple[Tensor, Tensors, Tensors]]:
        forward = self.model(
            {**self.model.parameters, **own},
            buffers,
            inputs,
            mask=mask,
            factors={name: Factors(*pair) for name, pair in factors.items()},
            probes=probes,
        )
        loss = masked_mean(self.loss(forward.outputs, labels), mask)
        return loss, (loss, forward.buffers, forward.inputs)

    def _probes(self, inputs: Tensor) -> Tensors:
        """Zeros like the outputs of each shared layer for this batch, ``[C, rows, out]``."""
        return {
            name: torch.zeros(
                len(inputs),
                inputs.shape[1] * self.model.shared[name],
                self.model.parameters[weight].shape[0],
                dtype=self.model.parameters[weight].dtype,
                device=self.device,
            )
            for name, weight in self.model.weight_of.items()
        }

    def _factors(self, active: int) -> dict[str, tuple[Tensor, Tensor]]:
        """Of each shared layer, how far the first clients have moved it."""
        if len(self._coefficients) == 1:
            return {}
        scales = self._coefficients[-1]
        return {
            name: (
                torch.cat([h[:active] for h in self.h[name]], 1),
                torch.cat(
                    [-float(c) * d[:active] for c, d in zip(scales, self.delta[name], strict=True)],
                    1,
                ),
            )
            for name in self.model.shared
        }

    def moved(self, weight: str, shares: Tensor) -> Tensor:
        """``Σ shareᵢ (wᵢ - base)`` of a shared weight, ``[out, in]``, without any wᵢ."""
        h, delta = self._scaled(weight, shares.to(self.model.parameters[weight]))
        return delta.flatten(0, 1).T @ h.flatten(0, 1)

    def weight(self, weight: str) -> Tensor:
        """A shared weight as each client has it, ``[C, out, in]``."""
        base = self.model.parameters[weight]
        h, delta = self._scaled(weight, base.new_ones(len(self.clients)))
        return base + delta.transpose(1, 2) @ h

    def _scaled(self, weight: str, shares: Tensor) -> tuple[Tensor, Tensor]:
        """Inputs and gradients of all steps, ``[C, rank, …]``; those scaled as they count."""
        layer = next(n for n, w in self.model.weight_of.items() if w == weight)
        steps, count = len(self.h[layer]), len(self.clients)
        after = torch.zeros(steps + 1, steps)
        for length, scales in enumerate(self._coefficients):
            after[length, :length] = scales
        scale = (after[self.lengths].to(shares) * shares[:, None]).T
        outputs, width = self.model.parameters[weight].shape
        inputs, deltas = [shares.new_zeros(count, 0, width)], [shares.new_zeros(count, 0, outputs)]
        for h, delta, scaled in zip(self.h[layer], self.delta[layer], scale, strict=True):
            missing = (0, 0, 0, 0, 0, count - len(h))
            inputs.append(functional.pad(h, missing))
            deltas.append(functional.pad(delta, missing) * scaled.to(delta)[:, None, None])
        return torch.cat(inputs, 1), torch.cat(deltas, 1)

    def blame(self, weight: str) -> None:
        """Name the client whose shared weight is not finite."""
        for client, moved in zip(self.clients, self.weight(weight), strict=True):
            if not moved.isfinite().all():
                raise Diverged(client.name, f"its tensor {weight!r}")
        raise Diverged("(the mean)", f"its tensor {weight!r}")


def _laid_out(plan: Sequence[Sequence[Tensor]], lengths: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Examples of each step and client, ``[steps, C, batch]``, and how many, ``[steps, C]``."""
    parts = [part for steps in plan for part in steps]
    if not parts:
        return torch.zeros(0, len(plan), 0, dtype=torch.long), torch.zeros(0, len(plan))
    flat = pad_sequence(parts, batch_first=True)
    client = torch.repeat_interleave(torch.arange(len(plan)), torch.tensor(lengths))
    step = torch.cat([torch.arange(length) for length in lengths])
    index = flat.new_zeros(max(lengths), len(plan), flat.shape[1])
    counts = torch.zeros(max(lengths), len(plan), dtype=torch.long)
    index[step, client] = flat
    counts[step, client] = torch.tensor([len(part) for part in parts])
    return index, counts
