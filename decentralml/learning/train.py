"""Training and evaluation in plain PyTorch: small, seeded, and the same every time.

FedAvg's local training is some epochs of stochastic gradient descent; FedProx adds to each step's
loss μ/2 · ‖w - w₀‖², the distance from where it started (Li et al., Federated Optimization in
Heterogeneous Networks, 2020, https://arxiv.org/abs/1812.06127). FedSGD takes one step along the
gradient of all examples at once, so that the mean of the contributors' models, weighted by their
examples, is the step along the mean of their gradients (McMahan et al. 2017, section 2).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from decentralml.learning.settings import Local, Loss, TrainingSettings

if TYPE_CHECKING:
    from decentralml.learning.privacy.accountant import Spent

__all__ = ["Local", "Loss", "TrainingSettings", "evaluate", "predict", "seeded", "train"]


def train(
    model: nn.Module,
    inputs: Tensor,
    labels: Tensor,
    settings: TrainingSettings,
    on_epoch: Callable[[int, float], None] | None = None,
    loss: Loss | None = None,
) -> Spent | None:
    """Train ``model`` in place on inputs ``[N, …]`` and class labels ``[N]``.

    ``on_epoch`` is called after each epoch with its number, from one, and its mean loss; the loss
    is cross entropy unless another is given. The result depends on the arguments, and on the
    number of threads and PyTorch's version only; with ``privacy`` on chance, too.

    Returns
    -------
    What was spent of the examples' privacy; None where nothing was asked for.

    Raises
    ------
    PrivacyNotInstalled, NotPrivatelyTrainable, BadPrivacy
    """
    if settings.privacy is not None:
        from decentralml.learning.privacy.sample_level import SampleLevel, train_private

        level = SampleLevel(**asdict(settings.privacy))
        return train_private(model, inputs, labels, settings, level, on_epoch, loss)
    model.train()
    if settings.method == Local.FEDSGD:
        with seeded(settings.seed):
            first = _gradient_step(model, inputs, labels, settings.learning_rate, loss)
        if on_epoch:
            on_epoch(1, first)
        model.eval()
        return None
    start = [p.detach().clone() for p in model.parameters()] if settings.proximal else []
    optimizer = torch.optim.SGD(
        model.parameters(), lr=settings.learning_rate, momentum=settings.momentum
    )
    with seeded(settings.seed):
        for epoch in range(1, settings.epochs + 1):
            total, seen = 0.0, 0
            for picked in torch.split(torch.randperm(len(inputs)), settings.batch):
                if len(picked) < 2:
                    continue
                optimizer.zero_grad()
                mean = _mean_loss(model(inputs[picked]), labels[picked], loss)
                mean.backward()  # type: ignore[no-untyped-call]
                if settings.proximal:
                    _pull(model, start, settings.proximal)
                optimizer.step()
                total, seen = total + mean.item() * len(picked), seen + len(picked)
            if on_epoch:
                on_epoch(epoch, total / max(seen, 1))
    model.eval()
    return None


def _mean_loss(scores: Tensor, labels: Tensor, loss: Loss | None) -> Tensor:
    return loss(scores, labels).mean() if loss else nn.functional.cross_entropy(scores, labels)


def _gradient_step(
    model: nn.Module, inputs: Tensor, labels: Tensor, rate: float, loss: Loss | None
) -> float:
    """One step along the gradient of the mean loss of all examples; returns that loss."""
    parameters = [p for p in model.parameters() if p.requires_grad]
    mean = _mean_loss(model(inputs), labels, loss)
    with torch.no_grad():
        for parameter, gradient in zip(
            parameters, torch.autograd.grad(mean, parameters, allow_unused=True), strict=True
        ):
            if gradient is not None:
                parameter.sub_(gradient, alpha=rate)
    return mean.item()


@torch.no_grad()
def _pull(model: nn.Module, start: list[Tensor], proximal: float) -> None:
    """Add the gradient of μ/2 · ‖w - w₀‖² to the parameters' gradients."""
    for parameter, origin in zip(model.parameters(), start, strict=True):
        if parameter.grad is not None:
            parameter.grad.add_(parameter - origin, alpha=proximal)


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
def seeded(seed: int) -> Iterator[None]:
    """The seed for what is inside; the caller's random numbers go on as if nothing happened."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield
