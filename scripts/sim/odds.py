"""Probabilities of the protocol, as pure functions."""

from __future__ import annotations

import math


def seats(n: int, colluders: int, committee: int, j: int) -> float:
    """Chance that exactly ``j`` of a committee's seats fall to the colluders among ``n``."""
    if not max(0, committee - (n - colluders)) <= j <= min(committee, colluders):
        return 0.0
    return (
        math.comb(colluders, j) * math.comb(n - colluders, committee - j) / math.comb(n, committee)
    )


def most(n: int, colluders: int, committee: int) -> float:
    """Chance that the colluders have more than half of a committee."""
    return sum(seats(n, colluders, committee, j) for j in range(committee // 2 + 1, committee + 1))


def everyone(n: int, colluders: int, committee: int) -> float:
    """Chance that a committee is all colluders."""
    return seats(n, colluders, committee, committee)


def honest_seats(n: int, colluders: int, committee: int, least: int = 1) -> float:
    """Expected honest seats of a committee, counting committees with at least ``least`` of them."""
    return sum(
        (committee - j) * seats(n, colluders, committee, j)
        for j in range(committee + 1)
        if committee - j >= least
    )


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
