"""Learners that users write wrong, and clients that diverge where they are measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pytest
import torch
from torch import Tensor, nn

from decentralml.errors import BadSettings
from decentralml.learning.meta.adapt import Adapted, Batch, Body
from decentralml.learning.meta.gradient import adapted_model, assess, meta_gradient
from decentralml.learning.meta.learners import MAML, Learner, State
from decentralml.learning.meta.tasks import Task, split
from decentralml.learning.stacked.clients import Client
from decentralml.learning.stacked.cost import Engine
from decentralml.learning.stacked.model import Tensors
from decentralml.learning.train import TrainingSettings

torch.set_num_threads(1)
ENGINES = [Engine.LOOP, Engine.STACKED]


def model() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(5, 6), nn.Tanh(), nn.Linear(6, 2))


def large() -> nn.Module:
    """One with a layer that is worth sharing."""
    torch.manual_seed(0)
    layers = nn.Linear(5, 300), nn.Tanh(), nn.Linear(300, 300), nn.Tanh(), nn.Linear(300, 2)
    return nn.Sequential(*layers)


def tasks(count: int = 3) -> list[Task]:
    torch.manual_seed(1)
    return [
        split(Client(f"c{n}", torch.randn(12, 5), torch.arange(12) % 2), 0.5) for n in range(count)
    ]


def state_of(learner: Learner, module: nn.Module) -> Tensors:
    return learner.start({n: p.detach() for n, p in module.named_parameters()})


@dataclass(frozen=True)
class Plain(Learner):
    """What the others here vary."""

    name: str = "plain"

    def adapt(self, body: Body, state: State, support: Batch) -> Adapted:
        return body.adapt(state, support, rate=0.1, steps=self.steps)


class Rated(Plain):
    """A rate for each element, not said; and said."""

    def adapt(self, body: Body, state: State, support: Batch) -> Adapted:
        rates = {name: torch.full_like(value, 0.1) for name, value in state.items()}
        return body.adapt(state, support, rate=rates, steps=2)


class SaidRated(Rated):
    element_rates: ClassVar[bool] = True


class Half(Plain):
    """Rates for some parameters."""

    element_rates: ClassVar[bool] = True

    def adapt(self, body: Body, state: State, support: Batch) -> Adapted:
        return body.adapt(state, support, rate={"0.weight": state["0.weight"]}, steps=1)


class Forgetful(Plain):
    """Its state has lost a parameter."""

    def start(self, parameters: State) -> Tensors:
        return {name: value for name, value in parameters.items() if name != "2.bias"}


class Keeper(Plain):
    """Its state holds more than parameters, and goes on whole."""

    def start(self, parameters: State) -> Tensors:
        return {**parameters, "scale": torch.ones(())}


class LocalKeeper(Keeper):
    def local(self) -> TrainingSettings:
        return TrainingSettings(momentum=0.0)


class Cut(Plain):
    """Its loss does not depend on anything."""

    def objective(
        self, body: Body, state: State, support: Batch, query: Batch
    ) -> tuple[Tensor, Adapted]:
        adapted = self.adapt(body, state, support)
        return body.loss(adapted, query).detach(), adapted


class Several(Plain):
    """A loss for each example."""

    def objective(
        self, body: Body, state: State, support: Batch, query: Batch
    ) -> tuple[Tensor, Adapted]:
        adapted = self.adapt(body, state, support)
        return body.scores(adapted, query).sum(-1), adapted


def test_rates_for_each_element_that_are_not_declared_are_refused_where_layers_are_shared() -> None:
    """Else those layers would stay as they are, and the gradient would be another one."""
    module, clients = large(), tasks(8)
    state = state_of(Rated(), module)
    assert meta_gradient(Plain(), module, state, clients).choice.shared
    with pytest.raises(BadSettings, match="element_rates is False and must be True"):
        meta_gradient(Rated(), module, state, clients)
    with pytest.raises(BadSettings, match="element_rates is False"):
        assess(Rated(), module, state, clients)
    found = meta_gradient(SaidRated(), module, state, clients)
    exact = meta_gradient(MAML(0.1, 2), module, state, clients)
    for name, value in exact.gradient.items():
        torch.testing.assert_close(found.gradient[name], value)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("learner", "reason"),
    [
        (Forgetful(), r"the state's parameter '2\.bias' is missing"),
        (Half(), r"the learning rate '0\.bias' is missing"),
        (Cut(), r"the objective of plain gives .* a single number, which depends on the state"),
        (Several(), r"the objective of plain gives for a client is of shape \[6\]"),
    ],
)
def test_what_is_wrong_with_a_users_learner_is_one_line(
    learner: Learner, reason: str, engine: Engine
) -> None:
    module = model()
    with pytest.raises(BadSettings, match=reason):
        meta_gradient(learner, module, state_of(learner, module), tasks(), engine=engine)


@pytest.mark.parametrize("learner", [Keeper(), LocalKeeper()])
def test_a_learner_may_keep_more_than_the_models_parameters(learner: Learner) -> None:
    module, clients = model(), tasks()
    state = state_of(learner, module)
    found = meta_gradient(learner, module, state, clients).gradient
    assert found.keys() == state.keys() and not found["scale"].any()
    assert found["0.weight"].any()
    mine = adapted_model(learner, module, state, clients[0].support)
    assert mine(clients[0].query.inputs).isfinite().all()


@pytest.mark.parametrize("engine", ENGINES)
def test_a_client_that_diverges_is_right_about_nothing(engine: Engine) -> None:
    """And not about each example of the first class, as the largest of NaNs is."""
    module, clients = model(), tasks()
    clients[1].support.inputs[0] = torch.nan
    found = assess(MAML(), module, state_of(MAML(), module), clients, engine=engine)
    assert found.accuracies[1] == 0 and found.losses[1].isnan()
    assert found.losses[[0, 2]].isfinite().all() and found.accuracies[0] > 0
