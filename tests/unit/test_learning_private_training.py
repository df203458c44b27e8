"""Local training by DP-SGD: what is spent, what is refused, and that the model stays itself."""

from __future__ import annotations

import math
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from decentralml.bundles.training import ExamplePrivacy, LocalTraining
from decentralml.errors import BadPrivacy, NotPrivatelyTrainable, PrivacyNotInstalled
from decentralml.learning.lesson import Folder, Lesson, learn
from decentralml.learning.local import local_settings
from decentralml.learning.privacy.sample_level import SampleLevel, train_private
from decentralml.learning.train import Local, TrainingSettings, train

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


# --- asked for by a bundle


ASKED = ExamplePrivacy(noise=1.0, clip=1.0, delta=1e-4)


def lesson(**other: Any) -> Lesson:
    usual: dict[str, Any] = {
        "name": "points",
        "model": linear,
        "prepare": lambda arrays: {k: torch.from_numpy(v) for k, v in arrays.items()},
        "loss": lambda model, batch: nn.functional.cross_entropy(model(batch["x"]), batch["y"]),
        "predict": lambda model, batch: {"scores": model(batch["x"])},
        "measure": lambda predictions, labels: {},
        "first": SETTINGS,
        "own": SETTINGS,
    }
    return Lesson(**(usual | other))


def folder() -> Folder:
    inputs, labels = points()
    return Folder({"x": inputs.numpy()}, {"y": labels.numpy()})


def test_settings_switch_plain_training_and_lessons_to_dp_sgd(tmp_path: Path) -> None:
    inputs, labels = points()
    LocalTraining(epochs=2, privacy=ASKED).write(tmp_path)
    settings = local_settings(tmp_path, SETTINGS)
    assert settings.privacy == ASKED
    model = linear()
    plain = train(model, inputs, labels, settings)
    assert plain is not None and (plain.steps, plain.delta) == (16, 1e-4)
    model = linear()
    taught = learn(lesson(), model, folder(), settings)
    assert taught is not None and taught.epsilon == pytest.approx(plain.epsilon)
    assert (model(inputs).argmax(1) == labels).double().mean() > 0.7, "by Adam"
    assert train(linear(), inputs, labels, SETTINGS) is None
    assert learn(lesson(), linear(), folder(), SETTINGS) is None


def test_a_loss_in_which_examples_count_by_the_others_is_refused() -> None:
    def contrastive(model: nn.Module, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        scores = model(batch["x"])
        return (scores - scores.mean(0)).square().mean() + scores.square().sum()

    with pytest.raises(NotPrivatelyTrainable, match="the mean of"):
        learn(lesson(loss=contrastive), nn_noise(), folder(), replace(SETTINGS, privacy=ASKED))


def nn_noise() -> nn.Module:
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(2, 2))


def test_a_step_in_which_nobody_is_drawn_is_noise_alone() -> None:
    inputs, labels = points(8)
    settings = replace(SETTINGS, batch=1, epochs=4, privacy=ASKED)
    found = train(linear(), inputs, labels, settings)
    assert found is not None and found.steps == 32


def test_a_missing_extra_is_one_line_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opacus", None)
    with pytest.raises(PrivacyNotInstalled, match=r"pip install 'decentralml\[privacy\]'"):
        train(linear(), *points(), replace(SETTINGS, privacy=ASKED))
