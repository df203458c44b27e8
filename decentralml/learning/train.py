"""Training and evaluation in plain PyTorch: small, seeded, and the same every time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True, slots=True)
class TrainingSettings:
    """How to train.

    Attributes
    ----------
    epochs : passes over the examples.
    learning_rate, momentum : of stochastic gradient descent.
    batch : examples in a step; a last batch of one example is left out, as batch norm needs two.
    seed : of the order of the examples (and of dropout, where a model has it).
    """

    epochs: int = 1
    learning_rate: float = 0.01
    momentum: float = 0.9
    batch: int = 32
    seed: int = 0


def train(
    model: nn.Module,
    inputs: Tensor,
    labels: Tensor,
    settings: TrainingSettings,
    on_epoch: Callable[[int, float], None] | None = None,
) -> None:
    """Train ``model`` in place on inputs ``[N, …]`` and class labels ``[N]``; cross entropy.

    ``on_epoch`` is called after each epoch with its number, from one, and its mean loss. The
    result depends on the arguments, and on the number of threads and PyTorch's version only.
    """
    optimizer = torch.optim.SGD(
        model.parameters(), lr=settings.learning_rate, momentum=settings.momentum
    )
    model.train()
    with _seeded(settings.seed):
        for epoch in range(1, settings.epochs + 1):
            total, seen = 0.0, 0
            for picked in torch.split(torch.randperm(len(inputs)), settings.batch):
                if len(picked) < 2:
                    continue
                optimizer.zero_grad()
                loss = nn.functional.cross_entropy(model(inputs[picked]), labels[picked])
                loss.backward()  # type: ignore[no-untyped-call]
                optimizer.step()
                total, seen = total + loss.item() * len(picked), seen + len(picked)
            if on_epoch:
                on_epoch(epoch, total / max(seen, 1))
    model.eval()


def predict(model: nn.Module, inputs: Tensor, batch: int = 256) -> Tensor:
    """Scores ``[N, classes]`` of inputs ``[N, …]``; the model is left in evaluation mode."""
    model.eval()
    with torch.inference_mode():
        return torch.cat([model(part) for part in torch.split(inputs, batch)])


def evaluate(model: nn.Module, inputs: Tensor, labels: Tensor) -> dict[str, float]:
    """``accuracy`` (0..1) and mean cross-entropy ``loss`` on inputs ``[N, …]``, labels ``[N]``."""
    scores = predict(model, inputs)
    return {
        "accuracy": (scores.argmax(1) == labels).double().mean().item(),
        "loss": nn.functional.cross_entropy(scores, labels).item(),
    }


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """The seed for what is inside; the caller's random numbers go on as if nothing happened."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield
