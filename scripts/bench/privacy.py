"""What private merges promise, and what they cost on digits.

    python scripts/bench/privacy.py [--rounds 15] [--seeds 2]

Prints epsilon for some noise multipliers and numbers of merges (delta 1e-5), and then the accuracy
of a linear classifier of MNIST's digits (7,850 numbers) that 20, 100 and 400 contributors train
together: 4,000 examples dealt out evenly, one epoch each a round, everybody in every round. The
merges are those of ``decentralml federate``.
"""

from __future__ import annotations

import argparse
import functools
import tempfile
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import load_file
from torch import Tensor, nn

from decentralml.learning.examples import images, read_mnist
from decentralml.learning.privacy.accountant import spent
from decentralml.learning.privacy.user_level import UserLevel, merge_private
from decentralml.learning.sources import ArraySource
from decentralml.learning.update import Update

DELTA = 1e-5
NOISES = (0.5, 1.0, 2.0, 4.0, 8.0)
CLIP = 0.5
TRAINING = 4_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--seeds", type=int, default=2)
    settings = parser.parse_args()
    torch.set_num_threads(1)
    print("epsilon (delta 1e-5; RDP, in brackets PRV) by noise, after 1, 5, 15, 50 merges")
    for noise in NOISES:
        row = [_promised(noise, merges) for merges in (1, 5, 15, 50)]
        print(f"{noise:4g}  " + "  ".join(row))
    print(f"\naccuracy after {settings.rounds} rounds, clip {CLIP}, mean of {settings.seeds} seeds")
    for crowd in (20, 100, 400):
        cells = []
        for wanted in (None, *NOISES):
            found = [_accuracy(crowd, wanted, settings.rounds, s) for s in range(settings.seeds)]
            cells.append(f"{'none' if wanted is None else f'{wanted:g}'}: {np.mean(found):.1%}")
        print(f"{crowd} contributors  " + "  ".join(cells), flush=True)


def _promised(noise: float, merges: int) -> str:
    rdp, prv = (spent([noise] * merges, DELTA, name).epsilon for name in ("rdp", "prv"))
    return f"{rdp:7.3g} ({prv:.3g})"


def _accuracy(crowd: int, noise: float | None, rounds: int, seed: int) -> float:
    """Of the last model on MNIST's held-out examples; ``noise`` None: the plain mean."""
    train, test = _examples()
    order = np.random.default_rng(seed).permutation(TRAINING)
    parts = [torch.from_numpy(part) for part in np.array_split(order, crowd)]
    weight, bias = torch.zeros(784, 10), torch.zeros(10)
    for number in range(rounds):
        ways = [_trained(weight, bias, train[0][part], train[1][part]) for part in parts]
        if noise is None:
            weight = torch.stack([each[0] for each in ways]).mean(0)
            bias = torch.stack([each[1] for each in ways]).mean(0)
            continue
        updates = [
            Update(Path(str(place)), 1, source=_source(*each)) for place, each in enumerate(ways)
        ]
        key = bytes([seed, number, *bytes(30)])
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder, "m")
            merge_private(updates, out, _source(weight, bias), UserLevel(CLIP, noise), key)
            merged = load_file(out)
        weight, bias = (torch.from_numpy(merged[name]) for name in ("weight", "bias"))
    scores = test[0] @ weight + bias
    return float((scores.argmax(1) == test[1]).double().mean())


@functools.cache
def _examples() -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """For training and held out: inputs ``[N, 784]`` and labels ``[N]``."""
    found = read_mnist()
    order = np.random.default_rng(0).permutation(len(found))
    inputs = torch.from_numpy(images(found.inputs)).flatten(1)[order]
    labels = torch.from_numpy(found.labels)[order]
    cut = TRAINING
    return (inputs[:cut], labels[:cut]), (inputs[cut:], labels[cut:])


def _trained(weight: Tensor, bias: Tensor, inputs: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """One epoch, in batches of ten, in the examples' order."""
    own = [weight.clone().requires_grad_(), bias.clone().requires_grad_()]
    for x, y in zip(inputs.split(10), labels.split(10), strict=True):
        loss = nn.functional.cross_entropy(x @ own[0] + own[1], y)
        with torch.no_grad():
            for values, gradient in zip(own, torch.autograd.grad(loss, own), strict=True):
                values -= 0.1 * gradient
    return own[0].detach(), own[1].detach()


def _source(weight: Tensor, bias: Tensor) -> ArraySource:
    return ArraySource({"weight": weight.numpy(), "bias": bias.numpy()})


if __name__ == "__main__":
    main()
