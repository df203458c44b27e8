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
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from decentralml.errors import BadPrivacy, NotPrivatelyTrainable, PrivacyNotInstalled
from decentralml.learning.privacy.accountant import RDP, Spent, check_delta
from decentralml.learning.train import Local, Loss, TrainingSettings


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
    try:
        from opacus import PrivacyEngine
        from opacus.validators import ModuleValidator
    except ImportError:
        raise PrivacyNotInstalled from None
    if settings.method is not Local.FEDAVG or settings.proximal:
        what = "fedsgd" if settings.method is not Local.FEDAVG else "a proximal term"
        raise BadPrivacy("private training", what, "fedavg without one")
    model.train()
    faults = ModuleValidator.validate(model, strict=False)
    if faults:
        raise NotPrivatelyTrainable(str(faults[0]))
    noise, sampling = _secret(), _secret()
    optimizer = torch.optim.SGD(
        model.parameters(), lr=settings.learning_rate, momentum=settings.momentum
    )
    data = torch.utils.data.TensorDataset(inputs, labels)
    loader = torch.utils.data.DataLoader(
        data, batch_size=min(settings.batch, len(inputs)), generator=sampling
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
            for picked, wanted in batches:
                stepper.zero_grad()
                scores = wrapped(picked)
                mean = (
                    loss(scores, wanted).mean()
                    if loss
                    else nn.functional.cross_entropy(scores, wanted)
                )
                mean.backward()  # type: ignore[no-untyped-call]
                stepper.step()
                steps += 1
                if len(picked):
                    total, seen = total + mean.item() * len(picked), seen + len(picked)
            if on_epoch:
                on_epoch(epoch, total / max(seen, 1))
        epsilon = float(engine.get_epsilon(delta=privacy.delta))
        # What trained is the model itself: its names are its own, and its hooks go.
        wrapped.to_standard_module()
    model.eval()
    return Spent(epsilon, privacy.delta, steps, RDP)


def _secret() -> torch.Generator:
    """A generator that starts where nobody knows."""
    return torch.Generator().manual_seed(secrets.randbits(63))
