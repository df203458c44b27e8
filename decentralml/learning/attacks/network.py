"""A small network for digits that many contributors train at once, in plain NumPy.

784 pixels, 32 hidden units (ReLU), 10 classes: 25,450 parameters. All contributors' weights lie in
one array with a first axis of contributors, so that a drill takes seconds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from decentralml.learning.examples import Examples

Floats = NDArray[np.float32]
Weights = Mapping[str, Floats]
"""``hidden.weight [784, H]``, ``hidden.bias [H]``, ``output.weight [H, 10]``, ``output.bias``;
stacked: with one more axis in front."""

HIDDEN, CLASSES = 32, 10


@dataclass(frozen=True, slots=True)
class Steps:
    """How a contributor trains in a round: stochastic gradient descent with momentum.

    Attributes
    ----------
    count, batch : steps, and examples in each.
    """

    count: int = 20
    batch: int = 32
    learning_rate: float = 0.05
    momentum: float = 0.9


def first_weights(pixels: int, chance: np.random.Generator) -> dict[str, Floats]:
    """He's initialisation."""

    def matrix(rows: int, columns: int) -> Floats:
        found: Floats = (chance.standard_normal((rows, columns)) * np.sqrt(2 / rows)).astype(
            np.float32
        )
        return found

    return {
        "hidden.weight": matrix(pixels, HIDDEN),
        "hidden.bias": np.zeros(HIDDEN, np.float32),
        "output.weight": matrix(HIDDEN, CLASSES),
        "output.bias": np.zeros(CLASSES, np.float32),
    }


def train_together(
    start: Weights, parties: Sequence[Examples], steps: Steps, chance: np.random.Generator
) -> list[dict[str, Floats]]:
    """What each party makes of ``start`` with its own examples; cross entropy."""
    weights = {name: np.repeat(value[None], len(parties), 0) for name, value in start.items()}
    speed = {name: np.zeros_like(value) for name, value in weights.items()}
    inputs = [as_pixels(party.inputs) for party in parties]
    orders = [_order(len(party), steps, chance) for party in parties]
    for step in range(steps.count):
        picked = [order[step] for order in orders]
        pixels = np.stack([values[rows] for values, rows in zip(inputs, picked, strict=True)])
        labels = np.stack([p.labels[rows] for p, rows in zip(parties, picked, strict=True)])
        for name, slope in _slopes(weights, pixels, labels).items():
            speed[name] *= np.float32(steps.momentum)
            speed[name] += slope
            weights[name] -= np.float32(steps.learning_rate) * speed[name]
    return [
        {name: value[party] for name, value in weights.items()} for party in range(len(parties))
    ]


def predicted(weights: Weights, inputs: NDArray[Any]) -> NDArray[np.int64]:
    """The class of each image."""
    with np.errstate(over="ignore", invalid="ignore"):  # A model that was ruined, too.
        hidden = np.maximum(
            as_pixels(inputs) @ weights["hidden.weight"] + weights["hidden.bias"], 0
        )
        scores = hidden @ weights["output.weight"] + weights["output.bias"]
    classes: NDArray[np.int64] = np.argmax(scores, axis=1)
    return classes


def as_pixels(inputs: NDArray[Any]) -> Floats:
    """Stored 8-bit images ``[N, 28, 28]`` as rows of numbers in 0..1."""
    return (inputs.reshape(len(inputs), -1) / 255).astype(np.float32)


def _order(examples: int, steps: Steps, chance: np.random.Generator) -> NDArray[np.int64]:
    """Which examples each step takes, ``[steps, batch]``: pass after pass, each shuffled."""
    wanted = steps.count * steps.batch
    passes = [chance.permutation(examples) for _ in range(-(-wanted // examples))]
    return np.concatenate(passes)[:wanted].reshape(steps.count, steps.batch)


def _slopes(weights: Weights, pixels: Floats, labels: NDArray[np.int64]) -> dict[str, Floats]:
    """Gradients of the mean loss of each party's batch, ``pixels`` ``[C, B, 784]``."""
    hidden = np.maximum(pixels @ weights["hidden.weight"] + weights["hidden.bias"][:, None], 0)
    scores = hidden @ weights["output.weight"] + weights["output.bias"][:, None]
    scores -= scores.max(axis=2, keepdims=True)
    error = np.exp(scores)
    error /= error.sum(axis=2, keepdims=True)
    np.put_along_axis(
        error, labels[..., None], np.take_along_axis(error, labels[..., None], 2) - 1, 2
    )
    error /= np.float32(pixels.shape[1])
    back = (error @ weights["output.weight"].transpose(0, 2, 1)) * (hidden > 0)
    return {
        "output.weight": hidden.transpose(0, 2, 1) @ error,
        "output.bias": error.sum(axis=1),
        "hidden.weight": pixels.transpose(0, 2, 1) @ back,
        "hidden.bias": back.sum(axis=1),
    }
