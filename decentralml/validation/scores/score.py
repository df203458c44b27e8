"""What a scorer returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Score:
    """``ppm`` is what the chain gets, rounded down; ``metrics`` what it was made of."""

    ppm: int
    metrics: Mapping[str, float]
