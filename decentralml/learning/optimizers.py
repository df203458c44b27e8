"""What a server makes of a merged model: its optimizer, element by element.

Merging gives the mean ``merged`` of what the contributors made of ``base``. The server takes
``merged - base`` as a direction, Δ, in which its own optimizer steps:

===========  =====================================================  ==========================
FedAvg       x + η Δ                                                McMahan et al. 2017
FedAvgM      m ← β₁ m + Δ;  x + η m                                 Hsu et al. 2019
FedAdagrad   v ← v + Δ²                                             Reddi et al. 2021
FedAdam      v ← β₂ v + (1 - β₂) Δ²                                 Reddi et al. 2021
FedYogi      v ← v - (1 - β₂) Δ² sign(v - Δ²)                       Reddi et al. 2021
===========  =====================================================  ==========================

where the last three have m ← β₁ m + (1 - β₁) Δ and step to x + η m / (√v + τ), with m₀ = 0 and
v₀ = τ². There is no correction of the bias, as in the paper (Flower's FedAdam has one).

Sources: https://arxiv.org/abs/1602.05629, algorithm 1; https://arxiv.org/abs/1909.06335, section
4.3; https://arxiv.org/abs/2003.00295, algorithm 2.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from decentralml.errors import BadOptimizer

Array = NDArray[Any]
State = Mapping[str, Array]
"""What an optimizer remembers: one array of the parameters' shape by the name of each slot."""


class Method(StrEnum):
    """Names of the server's optimizers."""

    FEDAVG = "fedavg"
    FEDAVGM = "fedavgm"
    FEDADAGRAD = "fedadagrad"
    FEDADAM = "fedadam"
    FEDYOGI = "fedyogi"


ADAPTIVE = frozenset({Method.FEDADAGRAD, Method.FEDADAM, Method.FEDYOGI})
_RATES = {method: 0.1 if method in ADAPTIVE else 1.0 for method in Method}


@dataclass(frozen=True, slots=True)
class ServerOptimizer:
    """One of the five, with its settings. It holds no state: :meth:`step` takes and returns it.

    Attributes
    ----------
    name : the method, or its name.
    learning_rate : η; default: 1 for FedAvg and FedAvgM, 0.1 for the others.
    momentum : β₁ in [0, 1).
    decay : β₂ in [0, 1), of FedAdam and FedYogi.
    adaptivity : τ > 0; the smaller, the more the adaptive ones level the steps of elements.

    Raises
    ------
    BadOptimizer
        A name that is not known, or a setting outside its range.
    """

    name: Method
    learning_rate: float = field(default=math.nan)
    momentum: float = 0.9
    decay: float = 0.99
    adaptivity: float = 1e-3

    def __post_init__(self) -> None:
        try:
            method = Method(self.name)
        except ValueError:
            known = ", ".join(Method)
            raise BadOptimizer(f"{self.name!r} is none of {known}") from None
        object.__setattr__(self, "name", method)
        if math.isnan(self.learning_rate):
            object.__setattr__(self, "learning_rate", _RATES[method])
        for setting, allowed, what in (
            ("learning_rate", 0 < self.learning_rate < math.inf, "above zero"),
            ("momentum", 0 <= self.momentum < 1, "in [0, 1)"),
            ("decay", 0 <= self.decay < 1, "in [0, 1)"),
            ("adaptivity", 0 < self.adaptivity < math.inf, "above zero"),
        ):
            if not allowed:
                raise BadOptimizer(f"{setting} is {getattr(self, setting)} and must be {what}")

    @property
    def slots(self) -> tuple[str, ...]:
        """Names of the arrays in the state."""
        if self.name is Method.FEDAVG:
            return ()
        return ("momentum", "square") if self.name in ADAPTIVE else ("momentum",)

    def start(self, values: Array) -> dict[str, Array]:
        """The state before the first step on parameters like ``values``, in float64."""
        initial = {"momentum": 0.0, "square": self.adaptivity**2}
        return {slot: np.full(np.shape(values), initial[slot]) for slot in self.slots}

    def step(self, base: Array, merged: Array, state: State) -> tuple[Array, dict[str, Array]]:
        """The next parameters, and the state after them.

        Everything is element by element, so a tensor may be given in pieces, each with the same
        piece of its state; nothing is changed in place.

        Parameters
        ----------
        base : what the contributors started from.
        merged : the mean of what they made of it: same shape and type. Floating arrays are
            stepped in float64 and returned in their own type; of others (counters, masks)
            ``merged`` is the next value and the state stays. ``BF16`` must be given as floats.
        state : of the step before; empty before the first.
        """
        known = dict(state) if state else self.start(merged)
        if merged.dtype.kind != "f":
            return merged, known
        if self.name is Method.FEDAVG and self.learning_rate == 1:
            return merged, known
        delta = np.asarray(merged, np.float64) - base
        if self.name is Method.FEDAVG:
            direction = delta
        elif self.name is Method.FEDAVGM:
            direction = known["momentum"] = self.momentum * known["momentum"] + delta
        else:
            mean = self.momentum * known["momentum"] + (1 - self.momentum) * delta
            square = self._square(known["square"], delta * delta)
            known = {"momentum": mean, "square": square}
            direction = mean / (np.sqrt(square) + self.adaptivity)
        return (base + self.learning_rate * direction).astype(merged.dtype), known

    def _square(self, square: Array, new: Array) -> Array:
        if self.name is Method.FEDADAGRAD:
            return square + new
        if self.name is Method.FEDADAM:
            return self.decay * square + (1 - self.decay) * new
        result: Array = square - (1 - self.decay) * new * np.sign(square - new)
        return result
