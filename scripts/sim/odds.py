"""Probabilities of the simulated world; those of the draw are ``market.creating.collusion``'s."""

from __future__ import annotations

import math


def at_least(count: int, attempts: int, chance: float) -> float:
    """Chance of so many hits or more in independent attempts."""
    return sum(
        math.comb(attempts, n) * chance**n * (1 - chance) ** (attempts - n)
        for n in range(count, attempts + 1)
    )


def above(minimum: float, mean: float, deviation: float) -> float:
    """Chance that a normal variable is at least ``minimum``."""
    return 0.5 * math.erfc((minimum - mean) / (deviation * math.sqrt(2)))


def within(distance: float, deviation: float) -> float:
    """Chance that a normal variable is within ``distance`` of its mean."""
    return math.erf(distance / (deviation * math.sqrt(2)))


def escapes(segments: int, dishonest: int, drawn: int) -> float:
    """Chance that none of the dishonest segments of a run is drawn."""
    return math.comb(segments - dishonest, drawn) / math.comb(segments, drawn)
