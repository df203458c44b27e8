"""Training is the same every time and leaves nothing behind; evaluation is what it says."""

from __future__ import annotations

import torch
from torch import nn

from decentralml.learning.train import TrainingSettings, evaluate, predict, train


def problem() -> tuple[torch.Tensor, torch.Tensor]:
    """Points on two sides of a line: 65 of them, so that a batch of 32 leaves one over."""
    rng = torch.Generator().manual_seed(0)
    inputs = torch.randn(65, 4, generator=rng)
    return inputs, (inputs.sum(1) > 0).long()


def network() -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        return nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 2))


def trained(settings: TrainingSettings) -> nn.Module:
    model = network()
    train(model, *problem(), settings)
    return model


def test_the_same_seed_gives_the_same_bits_and_another_does_not() -> None:
    first, again = trained(TrainingSettings(epochs=3)), trained(TrainingSettings(epochs=3))
    other = trained(TrainingSettings(epochs=3, seed=1))
    for name, value in first.state_dict().items():
        assert torch.equal(value, again.state_dict()[name])
    assert not torch.equal(first.state_dict()["0.weight"], other.state_dict()["0.weight"])


def test_training_learns_reports_each_epoch_and_ends_in_evaluation_mode() -> None:
    losses: list[tuple[int, float]] = []
    model = network()
    before = evaluate(model, *problem())
    train(
        model,
        *problem(),
        TrainingSettings(epochs=10, learning_rate=0.05),
        lambda n, loss: losses.append((n, loss)),
    )
    after = evaluate(model, *problem())
    assert [n for n, _ in losses] == list(range(1, 11)) and losses[-1][1] < losses[0][1]
    assert after["accuracy"] > 0.9 > before["accuracy"] and after["loss"] < before["loss"]
    assert not model.training


def test_the_callers_random_numbers_go_on_undisturbed() -> None:
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    trained(TrainingSettings())
    assert torch.equal(torch.rand(1), expected)


def test_evaluation_changes_nothing_and_does_not_depend_on_the_batch() -> None:
    model = network().train()
    tracked = model.state_dict()["1.num_batches_tracked"].clone()
    inputs, labels = problem()
    scores = predict(model, inputs, batch=7)
    torch.testing.assert_close(scores, predict(model, inputs))
    assert torch.equal(model.state_dict()["1.num_batches_tracked"], tracked)
    assert evaluate(model, inputs, labels)["accuracy"] == (
        (scores.argmax(1) == labels).double().mean().item()
    )
