"""Meta-learners: what the server keeps, what a client makes of it, and what it sends back.

A learner of your own is one small class: subclass :class:`Learner` and say in ``adapt`` (and, where
a client's loss is not that of its adapted model, in ``objective``) what a client does with the
server's state; the engine differentiates it, stacks it over clients and shares large layers.

Sources: Chen et al., Federated Meta-Learning with Fast Convergence and Efficient Communication,
2018 (https://arxiv.org/abs/1802.07876); Finn et al. 2017 (MAML, https://arxiv.org/abs/1703.03400);
Li et al. 2017 (Meta-SGD, https://arxiv.org/abs/1707.09835); Nichol et al. 2018 (Reptile,
https://arxiv.org/abs/1803.02999); McMahan et al. 2017 (FedAvg, https://arxiv.org/abs/1602.05629).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from decentralml.bundles.meta import RATE
from decentralml.errors import BadSettings
from decentralml.learning.meta.adapt import Adapted, Batch, Body
from decentralml.learning.settings import TrainingSettings
from decentralml.learning.stacked.model import Tensors

ONCE = TrainingSettings(momentum=0.0)
THRICE = TrainingSettings(momentum=0.0, epochs=3)
"""Local training of FedAvg and of Reptile, by default."""

State = Mapping[str, Tensor]


class Learner(ABC):
    """What is learned and how.

    Attributes
    ----------
    name : shown in reports.
    steps : of a client's adaptation; the engine reckons its cost by it.
    element_rates : whether a client adapts with a learning rate for each element.
    """

    name: str
    steps: int = 1
    element_rates: ClassVar[bool] = False

    def start(self, parameters: State) -> Tensors:
        """The server's first state, from a model's parameters; it must keep them by name."""
        return dict(parameters)

    @abstractmethod
    def adapt(self, body: Body, state: State, support: Batch) -> Adapted:
        """One client's model: what it makes of the state with its support set."""

    def objective(
        self, body: Body, state: State, support: Batch, query: Batch
    ) -> tuple[Tensor, Adapted]:
        """One client's loss, whose gradient by the state the server wants; and its model."""
        adapted = self.adapt(body, state, support)
        return body.loss(adapted, query), adapted

    def local(self) -> TrainingSettings | None:
        """Local training whose outcome, minus the start, is sent instead of a gradient; or None."""
        return None


@dataclass(frozen=True)
class MAML(Learner):
    """The start from which few steps suffice: g = ∇_θ L_query(θ - rate · ∇L_support(θ)).

    Attributes
    ----------
    rate : of the client's steps, above zero.
    steps : at least one.
    first_order : leave out second derivatives.
    """

    rate: float = 0.1
    steps: int = 1
    first_order: bool = False

    def __post_init__(self) -> None:
        _checked(self.rate, self.steps)

    @property
    def name(self) -> str:  # type: ignore[override]
        return "FOMAML" if self.first_order else "MAML"

    def adapt(self, body: Body, state: State, support: Batch) -> Adapted:
        return body.adapt(
            state, support, rate=self.rate, steps=self.steps, first_order=self.first_order
        )


@dataclass(frozen=True)
class MetaSGD(Learner):
    """MAML that learns each parameter's inner rate too: θ - rates ∘ ∇L_support(θ).

    Attributes
    ----------
    rate : which all of them are at the start.
    steps : at least one; the paper takes one.
    """

    rate: float = 0.1
    steps: int = 1
    name: str = "Meta-SGD"
    element_rates: ClassVar[bool] = True

    def __post_init__(self) -> None:
        _checked(self.rate, self.steps)

    def start(self, parameters: State) -> Tensors:
        rates = {RATE + n: torch.full_like(v, self.rate) for n, v in parameters.items()}
        return {**parameters, **rates}

    def adapt(self, body: Body, state: State, support: Batch) -> Adapted:
        theta = {n: v for n, v in state.items() if not n.startswith(RATE)}
        rates = {n.removeprefix(RATE): v for n, v in state.items() if n.startswith(RATE)}
        return body.adapt(theta, support, rate=rates, steps=self.steps)


@dataclass(frozen=True)
class FedAvg(Learner):
    """The baseline: local training on all of a client's examples; nothing is adapted for a test.

    With ``tuned`` it is FedAvg(Meta): a test client takes ``steps`` steps of ``rate`` on its
    support set first.
    """

    training: TrainingSettings = ONCE
    tuned: bool = False
    rate: float = 0.1
    steps: int = 1

    def __post_init__(self) -> None:
        _checked(self.rate, self.steps)

    @property
    def name(self) -> str:  # type: ignore[override]
        return "FedAvg(Meta)" if self.tuned else "FedAvg"

    def adapt(self, body: Body, state: State, support: Batch) -> Adapted:
        if not self.tuned:
            return body.as_it_is(state)
        return body.adapt(state, support, rate=self.rate, steps=self.steps)

    def local(self) -> TrainingSettings | None:
        return self.training


@dataclass(frozen=True)
class Reptile(Learner):
    """The start moves towards what clients' own training makes of it; tests adapt as MAML's do."""

    training: TrainingSettings = THRICE
    rate: float = 0.1
    steps: int = 1
    name: str = "Reptile"

    def __post_init__(self) -> None:
        _checked(self.rate, self.steps)

    def adapt(self, body: Body, state: State, support: Batch) -> Adapted:
        return body.adapt(state, support, rate=self.rate, steps=self.steps)

    def local(self) -> TrainingSettings | None:
        return self.training


def _checked(rate: float, steps: int) -> None:
    if not rate > 0:
        raise BadSettings("the inner learning rate", rate, "above zero")
    if steps < 1:
        raise BadSettings("the inner steps", steps, "at least 1")
