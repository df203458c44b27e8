"""Clients trained in a stack get what they get one by one, whatever data, model and method."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from decentralml.errors import (
    BadSettings,
    Diverged,
    NoClientExamples,
    NotStackable,
    NoUpdates,
    ZeroWeight,
)
from decentralml.learning.models import DigitNet
from decentralml.learning.stacked.clients import Client
from decentralml.learning.stacked.cost import Engine, choose, pays
from decentralml.learning.stacked.local import Trained, train_clients
from decentralml.learning.stacked.traits import LinearUse, traits
from decentralml.learning.train import Local, TrainingSettings

torch.set_num_threads(1)


class Twice(nn.Module):
    """One large linear layer that is called twice, and one that is tied to it."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(64, 64), nn.Linear(64, 64)
        self.last.weight = self.first.weight

    def forward(self, inputs: Tensor) -> Tensor:
        return self.last(self.first(self.first(inputs).relu()).relu())[:, :3]


class Centred(nn.Module):
    """Examples see each other, by no layer known here."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(6, 3)

    def forward(self, inputs: Tensor) -> Tensor:
        return self.linear(inputs - inputs.mean(0))


class Branching(nn.Module):
    """The data decide which way it goes."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(6, 3)

    def forward(self, inputs: Tensor) -> Tensor:
        return self.linear(inputs if inputs.sum() > 0 else -inputs)


class Counting(nn.Module):
    """A buffer of its own, changed in place."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(6, 3)
        self.register_buffer("seen", torch.zeros(6))

    def forward(self, inputs: Tensor) -> Tensor:
        if self.training:
            self.seen.add_(inputs.detach().abs().amax(0) * 0 + 1)
        return self.linear(inputs)


def wide() -> nn.Module:
    model = nn.Sequential(
        nn.Flatten(), nn.Linear(256, 96), nn.ReLU(), nn.Linear(96, 96), nn.Tanh(), nn.Linear(96, 3)
    )
    model[3].bias.requires_grad_(False)
    return model


def normed() -> nn.Module:
    return nn.Sequential(nn.Linear(6, 9), nn.BatchNorm1d(9), nn.ReLU(), nn.Linear(9, 3))


def flat() -> nn.Module:
    return nn.Sequential(nn.Linear(6, 9), nn.LayerNorm(9), nn.ReLU(), nn.Linear(9, 3))


MODELS = {
    "small": (flat, (6,)),
    "batch norm": (normed, (6,)),
    "wide, shared weights": (wide, (16, 16)),
    "tied": (Twice, (64,)),
    "own buffer": (Counting, (6,)),
    "convolutions": (lambda: DigitNet((2, 3), 3), (1, 28, 28)),
}
METHODS = {
    "momentum and proximal term": TrainingSettings(
        epochs=2, batch=4, learning_rate=0.05, proximal=0.3
    ),
    "plain": TrainingSettings(epochs=1, batch=5, learning_rate=0.05, momentum=0),
    "fedsgd": TrainingSettings(learning_rate=0.05, method=Local.FEDSGD),
}


def made(model: object) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return model()  # type: ignore[operator,no-any-return]


def clients(shape: tuple[int, ...], sizes: tuple[int, ...] = (7, 4, 9, 2, 1, 5)) -> list[Client]:
    rng = torch.Generator().manual_seed(0)
    return [
        Client(
            f"c{place}",
            torch.randn(size, *shape, generator=rng),
            torch.randint(0, 3, (size,), generator=rng),
        )
        for place, size in enumerate(sizes)
    ]


def both(model: nn.Module, parties: list[Client], how: TrainingSettings) -> tuple[Trained, Trained]:
    before = {name: value.clone() for name, value in model.state_dict().items()}
    alone = train_clients(model, parties, how, engine=Engine.LOOP, keep=True)
    together = train_clients(model, parties, how, engine=Engine.STACKED, keep=True)
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name])
    return alone, together


def assert_same(alone: Trained, together: Trained) -> None:
    assert alone.models and together.models and alone.mean.keys() == together.mean.keys()
    torch.testing.assert_close(together.losses, alone.losses, rtol=1e-5, atol=1e-5)
    for name in alone.mean:
        torch.testing.assert_close(together.mean[name], alone.mean[name], rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(together.models[name], alone.models[name], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("how", METHODS)
@pytest.mark.parametrize("name", MODELS)
def test_ragged_clients_get_in_a_stack_what_they_get_one_by_one(name: str, how: str) -> None:
    build, shape = MODELS[name]
    sizes = (7, 4, 9, 2, 3, 5) if how == "fedsgd" else (7, 4, 9, 2, 1, 5)
    assert_same(*both(made(build), clients(shape, sizes), METHODS[how]))


def test_shared_weights_are_shared_in_that_test_and_chunks_change_nothing() -> None:
    model, parties = made(wide), clients((16, 16))
    how = METHODS["momentum and proximal term"]
    whole = train_clients(model, parties, how, engine=Engine.STACKED)
    assert "1" in whole.choice.shared and "5" not in whole.choice.shared
    apart = train_clients(model, parties, how, engine=Engine.STACKED, memory=1)
    assert apart.choice.chunk == 1
    for name, value in whole.mean.items():
        torch.testing.assert_close(apart.mean[name], value)


def test_a_client_of_one_example_keeps_the_model_but_counts() -> None:
    parties = clients((6,), (1, 1))
    trained = train_clients(made(flat), parties, TrainingSettings(), engine=Engine.STACKED)
    for name, value in made(flat).state_dict().items():
        assert torch.equal(trained.mean[name], value)


def test_the_mean_weighs_by_examples_or_as_told() -> None:
    model, parties = made(flat), clients((6,))
    trained = train_clients(model, parties, TrainingSettings(), engine=Engine.STACKED, keep=True)
    assert trained.models
    weight = torch.tensor([7, 4, 9, 2, 1, 5]) / 28
    expected = torch.tensordot(weight, trained.models["0.weight"], 1)
    torch.testing.assert_close(trained.mean["0.weight"], expected)
    only = train_clients(model, parties, TrainingSettings(), weights=[0, 0, 1, 0, 0, 0])
    torch.testing.assert_close(only.mean["0.weight"], trained.models["0.weight"][2])


def test_dropout_differs_between_clients_and_repeats_with_the_seed() -> None:
    model = made(lambda: nn.Sequential(nn.Linear(6, 40), nn.Dropout(0.5), nn.Linear(40, 3)))
    twins = [clients((6,), (8,))[0]] * 2

    def models(seed: int) -> Tensor:
        how = TrainingSettings(seed=seed)
        kept = train_clients(model, twins, how, seeds=[0, 0], engine=Engine.STACKED, keep=True)
        assert kept.models
        return kept.models["0.weight"]

    assert not torch.equal(models(0)[0], models(0)[1])
    assert torch.equal(models(0), models(0)) and not torch.equal(models(0), models(1))


def test_a_sequence_gives_a_shared_layer_several_rows_of_each_example() -> None:
    class Pooled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed, self.mix, self.out = (
                nn.Linear(8, 128),
                nn.Linear(128, 128),
                nn.Linear(128, 3),
            )

        def forward(self, inputs: Tensor) -> Tensor:
            return self.out(self.mix(self.embed(inputs).relu()).relu().mean(1))

    how = TrainingSettings(batch=4, learning_rate=0.05)
    alone, together = both(made(Pooled), clients((5, 8), (4, 4, 3)), how)
    assert together.choice.shared == ("mix",)
    assert_same(alone, together)


@pytest.mark.parametrize(
    ("model", "reason"), [(Centred, "see each other"), (Branching, "data-dependent")]
)
def test_what_cannot_be_stacked_runs_in_a_loop_and_says_why(model: object, reason: str) -> None:
    parties = clients((6,))
    trained = train_clients(made(model), parties, TrainingSettings(batch=4))
    assert trained.choice.engine is Engine.LOOP and reason in trained.choice.reason
    with pytest.raises(NotStackable, match=reason):
        train_clients(made(model), parties, TrainingSettings(batch=4), engine=Engine.STACKED)


def test_large_models_run_in_a_loop() -> None:
    big = traits(nn.Sequential(nn.Conv2d(1, 64, 5), nn.Flatten()), torch.randn(2, 1, 28, 28))
    choice = choose(big, batch=32, steps=3, ragged=False, differentiated=False)
    assert choice.engine is Engine.LOOP and choice.reason == "large convolutions"


def test_sharing_pays_for_few_rows_only() -> None:
    layer = LinearUse(784, 200, 1)
    assert pays(layer, 10, 3) and not pays(layer, 32, 100)
    assert not pays(LinearUse(32, 10, 1), 10, 3)


@pytest.mark.parametrize("engine", [Engine.LOOP, Engine.STACKED])
@pytest.mark.parametrize("model", [flat, wide])
def test_a_client_that_diverges_is_named(engine: Engine, model: object) -> None:
    parties = clients((6,) if model is flat else (16, 16))
    parties[2].inputs[0] = math.nan
    with pytest.raises(Diverged, match="client c2 diverged: its tensor"):
        train_clients(made(model), parties, TrainingSettings(), engine=engine)


def test_bad_clients_and_settings_are_named() -> None:
    model, parties = made(flat), clients((6,), (3, 0))
    with pytest.raises(NoClientExamples, match="client c1 has an empty training set"):
        train_clients(model, parties, TrainingSettings())
    with pytest.raises(NoUpdates):
        train_clients(model, [], TrainingSettings())
    with pytest.raises(ZeroWeight):
        train_clients(model, parties[:1], TrainingSettings(), weights=[0])
    with pytest.raises(BadSettings, match="engine is 'warp' and must be one of auto"):
        train_clients(model, parties[:1], TrainingSettings(), engine="warp")  # type: ignore[arg-type]
