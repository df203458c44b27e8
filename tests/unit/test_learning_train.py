"""Training is the same every time and leaves nothing behind; evaluation is what it says."""

from __future__ import annotations

import torch
from torch import nn

from decentralml.learning.train import Local, TrainingSettings, evaluate, predict, train


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


def linear(weight: float) -> nn.Module:
    """One weight, of a model that scores class 0 with ``w · x`` and class 1 with 0."""
    model = nn.Linear(1, 2, bias=False)
    model.weight.data = torch.tensor([[weight], [0.0]])
    return model


def test_fedsgd_takes_one_step_along_the_gradient_of_all_examples() -> None:
    # At w = 0 both classes have probability 1/2. Loss gradients of the first weight, x (p - y):
    # x = 1 of class 0 gives -1/2, x = 3 of class 1 gives 3/2; the mean is 1/2. Of the second: -1/2.
    model, seen = linear(0.0), []
    train(
        model,
        torch.tensor([[1.0], [3.0]]),
        torch.tensor([0, 1]),
        TrainingSettings(learning_rate=0.2, method=Local.FEDSGD, epochs=7, batch=1),
        lambda epoch, loss: seen.append((epoch, round(loss, 6))),
    )
    torch.testing.assert_close(model.weight.data, torch.tensor([[-0.1], [0.1]]))
    assert seen == [(1, 0.693147)] and not model.training


def test_the_mean_of_fedsgd_is_the_step_along_the_mean_gradient() -> None:
    inputs, labels = problem()
    settings = TrainingSettings(learning_rate=0.1, method=Local.FEDSGD)
    parts = [slice(0, 20), slice(20, 65)]

    def stepped(part: slice) -> torch.Tensor:
        torch.manual_seed(0)
        model = nn.Linear(4, 2)
        train(model, inputs[part], labels[part], settings)
        return model.weight.data

    mean = (20 * stepped(parts[0]) + 45 * stepped(parts[1])) / 65
    torch.testing.assert_close(mean, stepped(slice(0, 65)))


def test_fedprox_pulls_each_step_towards_the_start() -> None:
    # Two steps on x = (1, 1) of class 0 from w = (0, 0), rate 1, no momentum. The first step has
    # no distance yet: w = (1/2, -1/2). In the second the loss gives
    # -1 + sigmoid(1) = -0.268941 for the first weight, and the term μ (w - w₀) = 0.4 · 0.5 = 0.2:
    # w = 0.5 + 0.268941 - 0.2.
    model = linear(0.0)
    settings = TrainingSettings(epochs=2, learning_rate=1.0, momentum=0.0, batch=2, proximal=0.4)
    train(model, torch.ones(2, 1), torch.zeros(2, dtype=torch.long), settings)
    torch.testing.assert_close(model.weight.data, torch.tensor([[0.568941], [-0.568941]]))


def test_a_stronger_proximal_term_stays_nearer() -> None:
    def distance(proximal: float) -> float:
        model, before = trained(TrainingSettings(epochs=4, proximal=proximal)), network()
        pairs = zip(model.parameters(), before.parameters(), strict=True)
        return sum((a - b).square().sum().item() for a, b in pairs)

    assert distance(10.0) < distance(1.0) < distance(0.0)
