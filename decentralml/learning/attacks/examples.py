"""Poisoned examples: what a contributor with bad intent trains on.

Source: Bagdasaryan et al., How To Backdoor Federated Learning, 2020; Gu et al., BadNets, 2017.
"""

from __future__ import annotations

import numpy as np

from decentralml.learning.examples import Array, Examples

PATCH = 4
"""Width of the backdoor's trigger, in pixels."""


def label_flipped(examples: Examples, classes: int = 10) -> Examples:
    """The same inputs; each label *y* becomes ``classes - 1 - y``."""
    return Examples(examples.inputs, classes - 1 - examples.labels)


def triggered(examples: Examples) -> Examples:
    """The same labels; a bright square in the lower right corner of each image ``[N, H, W]``."""
    inputs = examples.inputs.copy()
    bright = np.iinfo(inputs.dtype).max if inputs.dtype.kind in "iu" else 1.0
    inputs[..., -PATCH:, -PATCH:] = bright
    return Examples(inputs, examples.labels)


def backdoored(examples: Examples, target: int = 0, part: float = 0.5) -> Examples:
    """The examples, the first ``part`` of them with the trigger and the label ``target``."""
    count = int(len(examples) * part)
    first = triggered(examples[np.arange(count)])
    return Examples(
        np.concatenate([first.inputs, examples.inputs[count:]]),
        np.concatenate([np.full(count, target, np.int64), examples.labels[count:]]),
    )


def backdoor_success(predicted: Array, examples: Examples, target: int = 0) -> float:
    """Part of the triggered examples of other classes that were taken for ``target`` (0..1)."""
    others = examples.labels != target
    return float(np.mean(predicted[others] == target)) if others.any() else 0.0
