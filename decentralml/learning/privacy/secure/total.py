"""What a secure sum comes to."""

from __future__ import annotations

import math

from decentralml.learning.dtypes import Doubles
from decentralml.learning.privacy.secure.agreement import Agreement
from decentralml.learning.privacy.secure.fixed_point import Words


class Total:
    """The weighted sum of the survivors' updates, and their weights'.

    Attributes
    ----------
    survivors : places of the clients in it.
    weight : the sum of their weights.
    """

    def __init__(self, agreement: Agreement, survivors: tuple[int, ...], words: Words) -> None:
        """Raises SumImplausible."""
        self._agreement, self._words = agreement, words
        self.survivors = survivors
        self.weight = agreement.coding.decode_weight(int(words[0]), len(survivors))
        self._starts: dict[str, int] = {}
        start = 1
        for name, spec in agreement.tensors.items():
            self._starts[name] = start
            start += math.prod(spec.shape)
        for name in self._starts:
            agreement.coding.check_sum(self._coded(name), len(survivors), name)

    def sum(self, name: str) -> Doubles:
        """Σ weight · tensor, in the tensor's shape."""
        shape = self._agreement.tensors[name].shape
        return self._agreement.coding.decode(self._coded(name)).reshape(shape)

    def mean(self, name: str) -> Doubles:
        """Σ weight · tensor / Σ weight, in the tensor's shape."""
        return self.sum(name) / self.weight

    def _coded(self, name: str) -> Words:
        start = self._starts[name]
        return self._words[start : start + math.prod(self._agreement.tensors[name].shape)]
