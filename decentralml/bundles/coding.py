"""How the update of a model travels: which of its elements, and in how many bits each.

A coding is written as people say it: ``"q8"``, ``"q4"``, ``"q2"`` (every element in so many bits),
``"top1%"`` (only the hundredth of a tensor's elements that changed most), ``"top1%-q4"`` (both).
A task pins it in ``task.toml``::

    [result]
    coding = "top1%-q4"

What the words mean in bytes: :mod:`decentralml.learning.compress`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from math import ceil

from decentralml.errors import CodingInvalid

WHOLE = 32
BITS = (8, 4, 2)
_PERCENT = r"top(?P<percent>\d{1,2}(?:\.\d{1,4})?|100)%"
_BITS = r"q(?P<bits>[842])"
_PATTERN = re.compile(rf"(?=[tq])(?:{_PERCENT}(?=$|-q))?(?:-?{_BITS})?")


@dataclass(frozen=True, slots=True)
class Coding:
    """What travels of an update.

    Attributes
    ----------
    percent : of a tensor's elements, those that changed most, as it was written; empty for all.
    bits : of each of them; 32 leaves them as they are.
    """

    percent: str = ""
    bits: int = WHOLE

    @classmethod
    def parse(cls, text: str) -> Coding:
        """Read a coding. Raises CodingInvalid."""
        found = _PATTERN.fullmatch(text)
        if found is None or not text:
            raise CodingInvalid(text)
        percent = found["percent"] or ""
        if percent and not 0 < Fraction(percent) <= 100:
            raise CodingInvalid(text)
        return cls(percent, int(found["bits"] or WHOLE))

    def __str__(self) -> str:
        parts = [f"top{self.percent}%"] if self.percent else []
        return "-".join(parts + ([f"q{self.bits}"] if self.bits < WHOLE else []))

    @property
    def sparse(self) -> bool:
        return bool(self.percent)

    def most(self, elements: int) -> int:
        """How many of a tensor's elements travel, at least one."""
        share = Fraction(self.percent) / 100 if self.percent else Fraction(1)
        return min(elements, max(1, ceil(elements * share)))
