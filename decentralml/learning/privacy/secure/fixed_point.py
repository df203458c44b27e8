"""Numbers as integers modulo 2³² or 2⁶⁴ and back, with room for the sum of all clients.

A client of weight w adds ``round(w · x · 2^fraction)`` for each number x. The agreement names the
largest x and the largest w, so that it is known beforehand that the sum of all cannot wrap; what
does not keep to it is refused, not clipped. Two's complement makes negative numbers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from decentralml.errors import BadPrivacy, SumImplausible, ValueOutOfRange
from decentralml.learning.dtypes import Array, Doubles

Words = NDArray[Any]
"""Unsigned integers of the modulus' width."""
UNSIGNED: Final[dict[int, np.dtype[Any]]] = {32: np.dtype("<u4"), 64: np.dtype("<u8")}
_SIGNED: Final[dict[int, np.dtype[Any]]] = {32: np.dtype("<i4"), 64: np.dtype("<i8")}
_FRACTIONS: Final = range(-63, 64)
MAX_WEIGHT: Final = 2**31 - 1


@dataclass(frozen=True, slots=True)
class FixedPoint:
    """How numbers are coded.

    Attributes
    ----------
    bits : of the modulus, 32 or 64.
    fraction : binary places after the point; below zero where numbers are large.
    limit : the largest absolute value of a number.
    heaviest : the largest weight of a client.
    clients : how many may take part.

    Raises
    ------
    BadPrivacy : one of them is out of range, or the sum of all clients might wrap.
    """

    bits: int
    fraction: int
    limit: float
    heaviest: int
    clients: int

    def __post_init__(self) -> None:
        if self.bits not in UNSIGNED:
            raise BadPrivacy("the modulus' width", self.bits, "32 or 64 bits")
        if self.fraction not in _FRACTIONS:
            raise BadPrivacy("the fraction", self.fraction, "-63 to 63 binary places")
        if not (math.isfinite(self.limit) and self.limit > 0):
            raise BadPrivacy("the range", self.limit, "a finite number above zero")
        if not 1 <= self.heaviest <= MAX_WEIGHT:
            raise BadPrivacy("the largest weight", self.heaviest, f"1 to {MAX_WEIGHT}")
        if self.clients < 1:
            raise BadPrivacy("the number of clients", self.clients, "at least one")
        needed = self.clients * max(self.largest, self.heaviest)
        if needed >= 1 << (self.bits - 1):
            raise BadPrivacy(
                "the fraction",
                self.fraction,
                f"fewer binary places (the sum of {self.clients} clients may need "
                f"{needed.bit_length() + 1} bits of {self.bits}), a smaller range or weight, or a "
                "wider modulus",
            )

    @classmethod
    def finest(cls, bits: int, limit: float, heaviest: int, clients: int) -> FixedPoint:
        """The coding with the most binary places that the modulus has room for.

        Raises BadPrivacy.
        """
        if bits in UNSIGNED and math.isfinite(limit) and limit > 0 and heaviest > 0 < clients:
            room = Fraction(1 << (bits - 1)) / (Fraction(limit) * heaviest * clients)
            guess = room.numerator.bit_length() - room.denominator.bit_length() + 1
            top = min(guess, _FRACTIONS[-1])
            for fraction in range(top, top - 5, -1):
                try:
                    return cls(bits, fraction, limit, heaviest, clients)
                except BadPrivacy:
                    continue
        return cls(bits, _FRACTIONS[0], limit, heaviest, clients)

    @property
    def largest(self) -> int:
        """The largest absolute value that one client adds for a number.

        The product is rounded twice in float64: one part in 2⁵⁰ is more than that can add.
        """
        exact = Fraction(self.limit) * self.heaviest * Fraction(2) ** self.fraction
        return math.ceil(exact * (1 + Fraction(1, 1 << 50))) + 1

    def checked_weight(self, weight: int) -> int:
        """Raises BadPrivacy."""
        if isinstance(weight, bool) or not isinstance(weight, int):
            raise BadPrivacy("the weight", weight, "a whole number, such as a count of examples")
        if not 1 <= weight <= self.heaviest:
            raise BadPrivacy("the weight", weight, f"1 to {self.heaviest}, as was agreed")
        return weight

    def encode(self, values: Array, weight: int, tensor: str) -> Words:
        """Numbers times a weight as words.

        Raises ValueOutOfRange: one is no number or beyond the range.
        """
        doubles = values.astype(np.float64)
        sizes = np.abs(doubles)
        if not sizes.max(initial=0.0) <= self.limit:  # false for nan, too
            raise ValueOutOfRange(tensor, float(doubles[~(sizes <= self.limit)][0]), self.limit)
        scaled = np.rint(doubles * math.ldexp(weight, self.fraction))
        return scaled.astype(_SIGNED[self.bits]).view(UNSIGNED[self.bits])

    def check_sum(self, words: Words, clients: int, tensor: str) -> None:
        """Raises SumImplausible: so many clients cannot come to that."""
        signed = words.view(_SIGNED[self.bits])
        most = clients * self.largest
        for found in (int(signed.max(initial=0)), int(signed.min(initial=0))):
            if abs(found) > most:
                raise SumImplausible(f"the tensor {tensor!r}", found, most)

    def decode(self, words: Words) -> Doubles:
        """The sum of weighted numbers."""
        return np.ldexp(words.view(_SIGNED[self.bits]).astype(np.float64), -self.fraction)

    def decode_weight(self, word: int, clients: int) -> int:
        """Raises SumImplausible."""
        if not clients <= word <= clients * self.heaviest:
            raise SumImplausible("the weights", word, clients * self.heaviest)
        return word
