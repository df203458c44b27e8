"""How a contributor trains, in words that every way of training shares."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from torch import Tensor

from decentralml.bundles.training import ExamplePrivacy

Loss = Callable[[Tensor, Tensor], Tensor]
"""Of scores ``[N, …]`` and labels ``[N, …]``: one loss for each example, ``[N]``."""


class Local(StrEnum):
    """Names of what a contributor does with the model it is given."""

    FEDAVG = "fedavg"
    FEDSGD = "fedsgd"


@dataclass(frozen=True, slots=True)
class TrainingSettings:
    """How to train.

    Attributes
    ----------
    epochs : passes over the examples.
    learning_rate, momentum : of stochastic gradient descent.
    batch : examples in a step; a last batch of one example is left out, as batch norm needs two.
    seed : of the order of the examples (and of dropout, where a model has it).
    proximal : FedProx's μ; 0 leaves its term out.
    privacy : DP-SGD, by Opacus (:mod:`.privacy.sample_level`); None promises nothing.
    method : ``fedsgd`` takes one step of ``learning_rate`` on all examples at once; of the other
        settings only the seed matters then.
    """

    epochs: int = 1
    learning_rate: float = 0.01
    momentum: float = 0.9
    batch: int = 32
    seed: int = 0
    proximal: float = 0.0
    method: Local = Local.FEDAVG
    privacy: ExamplePrivacy | None = None
