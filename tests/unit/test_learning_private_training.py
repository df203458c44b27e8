"""Local training by DP-SGD: what is spent, what is refused, and that the model stays itself."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from decentralml.errors import BadPrivacy, NotPrivatelyTrainable
from decentralml.learning.privacy.sample_level import SampleLevel, train_private
from decentralml.learning.train import Local, TrainingSettings

pytest.importorskip("opacus", reason="the extra privacy is not installed")
SETTINGS = TrainingSettings(epochs=3, learning_rate=0.5, momentum=0.0, batch=32)
PRIVATE = SampleLevel(clip=1.0, noise=1.0, delta=1e-4)


def points(count: int = 256) -> tuple[torch.Tensor, torch.Tensor]:
    inputs = torch.randn(count, 2, generator=torch.Generator().manual_seed(1))
    return inputs, (inputs[:, 1] > inputs[:, 0]).long()


def linear() -> nn.Module:
    model = nn.Sequential(nn.Linear(2, 2))
    nn.init.zeros_(model[0].weight)
    return model


def test_it_learns_and_tells_what_was_spent() -> None:
    model, (inputs, labels) = linear(), points()
    losses: list[float] = []
    found = train_private(model, inputs, labels, SETTINGS, PRIVATE, lambda n, x: losses.append(x))
    accuracy = (model(inputs).argmax(1) == labels).double().mean()
    assert accuracy > 0.8 and len(losses) == 3
    assert (found.steps, found.delta, found.accountant) == (24, 1e-4, "rdp")
    # By hand: without sampling it would be the Gaussian mechanism, 24 times.
    assert 0 < found.epsilon < 24 / 2 + math.sqrt(2 * 24 * math.log(1e4))


def test_the_model_stays_itself() -> None:
    model, (inputs, labels) = linear(), points()
    names = list(model.state_dict())
    train_private(model, inputs, labels, SETTINGS, PRIVATE)
    assert list(model.state_dict()) == names and not model.training
    assert not any(hasattr(p, "grad_sample") for p in model.parameters())
    train_private(model, inputs, labels, SETTINGS, PRIVATE)


def test_noise_is_no_function_of_a_seed_that_others_know() -> None:
    inputs, labels = points()
    found = []
    for _ in range(2):
        torch.manual_seed(0)
        model = linear()
        nn.init.zeros_(model[0].bias)
        train_private(model, inputs, labels, SETTINGS, PRIVATE)
        found.append(model[0].weight.detach().clone())
    assert not torch.allclose(*found, atol=1e-4)


def test_one_example_moves_a_step_by_the_clip_at_most() -> None:
    model = linear()
    nn.init.zeros_(model[0].bias)
    settings = TrainingSettings(epochs=1, learning_rate=1.0, momentum=0.0, batch=1)
    quiet = SampleLevel(clip=0.5, noise=1e-3, delta=1e-4)
    train_private(model, torch.full((1, 2), 1e3), torch.tensor([0]), settings, quiet)
    moved = torch.cat([p.detach().flatten() for p in model.parameters()]).norm()
    assert abs(moved - 0.5) < 0.01


def test_batch_norm_is_refused_by_name() -> None:
    model = nn.Sequential(nn.Linear(2, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))
    with pytest.raises(NotPrivatelyTrainable, match="BatchNorm"):
        train_private(model, *points(), SETTINGS, PRIVATE)


@pytest.mark.parametrize(
    "settings", [TrainingSettings(method=Local.FEDSGD), TrainingSettings(proximal=0.1)]
)
def test_what_is_not_done_privately_is_refused(settings: TrainingSettings) -> None:
    with pytest.raises(BadPrivacy, match="fedavg"):
        train_private(linear(), *points(), settings, PRIVATE)


@pytest.mark.parametrize("values", [(0, 1, 1e-5), (1, 0, 1e-5), (1, math.nan, 1e-5), (1, 1, 0)])
def test_absurd_settings_are_refused(values: tuple[float, float, float]) -> None:
    with pytest.raises(BadPrivacy):
        SampleLevel(*values)
