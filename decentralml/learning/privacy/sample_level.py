"""DP-SGD: local training that tells little of whether any one example was in it, by Opacus.

Each step draws every example with the same chance (Poisson sampling), cuts each one's gradient to
the length ``clip``, and adds normal noise of standard deviation ``noise · clip`` to their sum. This
protects the examples from whoever sees the trained model, the committee and the creator included;
that it was done is the contributor's word. It is another promise than that of a private merge
(:mod:`.user_level`), which protects the contributor from whoever sees the merged model.

The noise must be a secret: PyTorch's generators start from a constant, and ``settings.seed`` is
known to everybody, so both noise and sampling are seeded by the operating system, and no training
is the same twice (it cannot be replayed). The generator is PyTorch's, which is not cryptographic.

Source: Abadi et al., Deep Learning with Differential Privacy, 2016.
https://arxiv.org/abs/1607.00133
"""

from __future__ import annotations

import math
import secrets
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from decentralml.errors import BadPrivacy, NotPrivatelyTrainable, PrivacyNotInstalled
from decentralml.learning.privacy.accountant import RDP, Spent, check_delta
from decentralml.learning.settings import Local, Loss, TrainingSettings

FEW = 8
"""Examples by which a loss is tried."""


@dataclass(frozen=True, slots=True)
class SampleLevel:
    """How private a training is to be.

    Attributes
    ----------
    clip : longest gradient of one example.
    noise : multiplier: standard deviation of the noise on a step's sum, in units of ``clip``.
    delta : chance that the promise does not hold; below one over the number of examples.
    """

    clip: float
    noise: float
    delta: float

    def __post_init__(self) -> None:
        """Raises BadPrivacy."""
        for name in ("clip", "noise"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise BadPrivacy(name, value, "a number above zero")
        check_delta(self.delta)


def train_private(
    model: nn.Module,
    inputs: Tensor,
    labels: Tensor,
    settings: TrainingSettings,
    privacy: SampleLevel,
    on_epoch: Callable[[int, float], None] | None = None,
    loss: Loss | None = None,
) -> Spent:
    """Train ``model`` in place, as :func:`~decentralml.learning.train.train` does, privately.

    Parameters
    ----------
    settings : of the batch the mean size is taken; the seed of nothing.

    Returns
    -------
    What was spent: what a contributor claims as the metric ``epsilon``.

    Raises
    ------
    PrivacyNotInstalled
    NotPrivatelyTrainable : a layer mixes examples (batch norm), or Opacus knows it not.
    BadPrivacy : FedSGD and FedProx are not done privately.
    """

    def mean(trained: nn.Module, picked: Sequence[Tensor]) -> Tensor:
        scores = trained(picked[0])
        return (
            loss(scores, picked[1]).mean()
            if loss
            else nn.functional.cross_entropy(scores, picked[1])
        )

    optimizer = torch.optim.SGD(
        model.parameters(), lr=settings.learning_rate, momentum=settings.momentum
    )
    return descend(model, (inputs, labels), mean, optimizer, settings, privacy, on_epoch)


def descend(
    model: nn.Module,
    examples: Sequence[Tensor],
    mean_loss: Callable[[nn.Module, Sequence[Tensor]], Tensor],
    optimizer: torch.optim.Optimizer,
    settings: TrainingSettings,
    privacy: SampleLevel,
    on_epoch: Callable[[int, float], None] | None = None,
) -> Spent:
    """Train privately by any optimizer of the model's parameters, on any loss.

    Parameters
    ----------
    examples : tensors whose first axis counts the examples.
    mean_loss : of the model and a batch of them; the mean of what each example alone would cost, or
        one example's gradient would depend on the others.

    Raises
    ------
    PrivacyNotInstalled, NotPrivatelyTrainable, BadPrivacy
    """
    try:
        from opacus import PrivacyEngine
        from opacus.validators import ModuleValidator
    except ImportError:
        raise PrivacyNotInstalled from None
    if settings.method is not Local.FEDAVG or settings.proximal:
        what = "fedsgd" if settings.method is not Local.FEDAVG else "a proximal term"
        raise BadPrivacy("private training", what, "fedavg without one")
    faults = ModuleValidator.validate(model.train(), strict=False)
    if faults:
        raise NotPrivatelyTrainable(str(faults[0]))
    _require_mean(model, examples, mean_loss)
    model.train()
    noise, sampling = _secret(), _secret()
    loader = torch.utils.data.DataLoader(
        torch.utils.data.TensorDataset(*examples),
        batch_size=min(settings.batch, len(examples[0])),
        generator=sampling,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of secure_mode, and of hooks that Opacus sets itself
        engine = PrivacyEngine(accountant=RDP)
        wrapped, stepper, batches = engine.make_private(
            module=model,
            optimizer=optimizer,
            data_loader=loader,
            noise_multiplier=privacy.noise,
            max_grad_norm=privacy.clip,
            noise_generator=noise,
        )
        steps = 0
        for epoch in range(1, settings.epochs + 1):
            total, seen = 0.0, 0
            for picked in batches:
                stepper.zero_grad()
                if len(picked[0]):
                    found = mean_loss(wrapped, picked)
                    found.backward()  # type: ignore[no-untyped-call]
                    total, seen = total + found.item() * len(picked[0]), seen + len(picked[0])
                else:  # Nobody was drawn: a step of noise alone.
                    for parameter in model.parameters():
                        parameter.grad_sample = parameter.new_zeros((0, *parameter.shape))  # type: ignore[attr-defined]
                stepper.step()
                steps += 1
            if on_epoch:
                on_epoch(epoch, total / max(seen, 1))
        epsilon = float(engine.get_epsilon(delta=privacy.delta))
        # What trained is the model itself: its names are its own, and its hooks go.
        wrapped.to_standard_module()
    model.eval()
    return Spent(epsilon, privacy.delta, steps, RDP)


@torch.no_grad()
def _require_mean(
    model: nn.Module,
    examples: Sequence[Tensor],
    mean_loss: Callable[[nn.Module, Sequence[Tensor]], Tensor],
) -> None:
    """Refuse a loss in which an example counts by what the others of its batch are."""
    model.eval()  # Dropout would make each look another one.
    count = min(len(examples[0]), FEW)
    together = mean_loss(model, [values[:count] for values in examples])
    alone = [mean_loss(model, [v[i : i + 1] for v in examples]) for i in range(count)]
    if not torch.allclose(together, torch.stack(alone).mean(), rtol=1e-3, atol=1e-5):
        raise NotPrivatelyTrainable("its loss is not the mean of what each example alone costs")


def _secret() -> torch.Generator:
    """A generator that starts where nobody knows."""
    return torch.Generator().manual_seed(secrets.randbits(63))
