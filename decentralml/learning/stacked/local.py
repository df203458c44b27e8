"""Local training of many clients from one model, and the weighted mean of what they get.

The same as :func:`~decentralml.learning.train.train` for each client, up to rounding, whichever
engine runs it: the same batches in the same order, momentum, FedProx and FedSGD. Only a model
with dropout draws other random numbers in a stack than in a loop.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from decentralml.errors import Diverged, NoClientExamples, NoUpdates, ZeroWeight
from decentralml.learning.stacked.clients import Client, batches
from decentralml.learning.stacked.cost import MEMORY, Choice, Engine, choose
from decentralml.learning.stacked.merged import Mean
from decentralml.learning.stacked.model import StackedModel, Tensors
from decentralml.learning.stacked.steps import Stack
from decentralml.learning.stacked.traits import Traits, traits
from decentralml.learning.train import Local, Loss, TrainingSettings, train

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Trained:
    """What clients made of a model.

    Attributes
    ----------
    mean : their models' weighted mean: all parameters and buffers, by name.
    losses : each client's mean loss over all its steps, ``[C]``.
    models : each client's tensors, ``[C, …]``; None unless they were asked for.
    choice : how it was run.
    """

    mean: Tensors
    losses: Tensor
    models: Tensors | None
    choice: Choice


def train_clients(
    module: nn.Module,
    clients: Sequence[Client],
    settings: TrainingSettings,
    *,
    seeds: Sequence[int] | None = None,
    weights: Sequence[float] | None = None,
    loss: Loss | None = None,
    engine: Engine = Engine.AUTO,
    memory: int = MEMORY,
    device: torch.device | str | None = None,
    keep: bool = False,
    known: Traits | None = None,
    progress: Progress | None = None,
) -> Trained:
    """Train a copy of ``module`` for each client, on its own examples; merge the copies.

    Parameters
    ----------
    module : where they start; it is not changed.
    seeds : of each client's order of examples; default: the settings' seed plus its place.
    weights : of the mean; default: numbers of examples.
    loss : default: cross entropy.
    engine, memory : see :func:`~decentralml.learning.stacked.cost.choose`.
    device : where to train; default: where the module is.
    keep : return all the models too; they take memory for each client.
    known : the module's traits, if the caller has measured them.
    progress : called with the clients done, and all.

    Raises
    ------
    NoUpdates
        There is no client.
    NoClientExamples, Diverged
        A client has nothing to train on, or its model is no longer finite.
    ZeroWeight, NotStackable, BadSettings
    """
    if not clients:
        raise NoUpdates
    for client in clients:
        if not len(client):
            raise NoClientExamples(client.name, "training")
    seeds = seeds or [settings.seed + place for place in range(len(clients))]
    shares = torch.tensor(
        [float(len(c)) for c in clients] if weights is None else list(weights), dtype=torch.float64
    )
    if not shares.sum() > 0:
        raise ZeroWeight(float(shares.sum()))
    shares /= shares.sum()
    module = copy.deepcopy(module)
    if device is not None:
        module = module.to(device)
    known = known or traits(module, clients[0].inputs)
    plan = [batches(len(c), settings, s) for c, s in zip(clients, seeds, strict=True)]
    sizes = {len(b) for steps in plan for b in steps}
    choice = choose(
        known,
        batch=max(sizes, default=1),
        steps=max(map(len, plan)),
        ragged=len(sizes) > 1,
        differentiated=False,
        engine=engine,
        memory=memory,
    )
    run = _Run(module, settings, loss, Mean(_state(module)), keep)
    if choice.engine is Engine.LOOP:
        for place, client in enumerate(clients):
            run.alone(client, seeds[place], shares[place])
            if progress:
                progress(place + 1, len(clients))
    else:
        # Clients of like size together: little padding, and those that finish first leave first.
        order = sorted(range(len(clients)), key=lambda place: -len(plan[place]))
        for start in range(0, len(order), choice.chunk):
            picked = order[start : start + choice.chunk]
            run.together(
                StackedModel(module, {n: known.linear[n].rows for n in choice.shared}),
                [clients[p] for p in picked],
                [plan[p] for p in picked],
                shares[picked],
            )
            if progress:
                progress(start + len(picked), len(clients))
        run.reorder(order)
    models = {n: torch.stack(v) for n, v in run.kept.items()} if keep else None
    return Trained(run.mean.result(), torch.tensor(run.losses), models, choice)


class _Run:
    """One round of local training, gathering what the clients give."""

    def __init__(
        self,
        module: nn.Module,
        settings: TrainingSettings,
        loss: Loss | None,
        mean: Mean,
        keep: bool,
    ) -> None:
        self.module, self.settings, self.loss, self.mean = module, settings, loss, mean
        self.keep = keep
        self.losses: list[float] = []
        self.kept: dict[str, list[Tensor]] = {n: [] for n in _state(module)} if keep else {}

    def alone(self, client: Client, seed: int, share: Tensor) -> None:
        model, device = copy.deepcopy(self.module), _device(self.module)
        ended: list[float] = []
        train(
            model,
            client.inputs.to(device),
            client.labels.to(device),
            replace(self.settings, seed=seed),
            lambda _, loss: ended.append(loss),
            self.loss,
        )
        self.losses.append(sum(ended) / len(ended))
        for name, value in _state(model).items():
            self._take(name, value[None], [client], share[None])

    def together(
        self,
        model: StackedModel,
        clients: Sequence[Client],
        plan: Sequence[Sequence[Tensor]],
        shares: Tensor,
    ) -> None:
        stack = Stack(model, clients, plan, self.loss)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.settings.seed)
            local = self.settings.method == Local.FEDAVG
            stack.run(
                rate=self.settings.learning_rate,
                momentum=self.settings.momentum if local else 0.0,
                proximal=self.settings.proximal if local else 0.0,
            )
        self.losses += stack.losses.tolist()
        for name, values in stack.values.items():
            self._take(name, values, clients, shares)
        for name in model.weight_of.values():
            moved = stack.moved(name, shares)
            if not moved.isfinite().all():
                stack.blame(name)
            self.mean.move(name, moved)
            if self.keep:
                self.kept[name] += list(stack.weight(name))
        if self.keep:
            for name in model.parameters.keys() - stack.values.keys() - {*model.weight_of.values()}:
                self.kept[name] += [model.parameters[name]] * len(clients)

    def _take(self, name: str, values: Tensor, clients: Sequence[Client], shares: Tensor) -> None:
        if values.is_floating_point():
            sound = values.detach().flatten(1).isfinite().all(1)
            if not sound.all():
                raise Diverged(clients[int((~sound).nonzero()[0])].name, f"its tensor {name!r}")
        self.mean.add(name, values.detach(), shares)
        if self.keep:
            self.kept[name] += list(values.detach())

    def reorder(self, order: Sequence[int]) -> None:
        """Put what was gathered in ``order`` back into the clients' own order."""
        back = sorted(range(len(order)), key=order.__getitem__)
        self.losses = [self.losses[b] for b in back]
        self.kept = {n: [values[b] for b in back] for n, values in self.kept.items()}


def _state(module: nn.Module) -> Tensors:
    """Parameters and buffers by name, each once."""
    named = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    return {name: value.detach() for name, value in named.items()}


def _device(module: nn.Module) -> torch.device:
    return next((p.device for p in module.parameters()), torch.device("cpu"))
