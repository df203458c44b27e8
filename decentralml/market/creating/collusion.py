"""How likely a committee falls to colluders, and the fee that makes trying a loss.

A committee of ``committee`` seats is drawn without replacement from ``office`` members, of whom
``colluders`` act together (hypergeometric). ``docs/economics.md`` has the argument.
"""

from __future__ import annotations

from math import comb, inf


def seats(office: int, colluders: int, committee: int, taken: int) -> float:
    """Chance that exactly ``taken`` of a committee's seats fall to the colluders."""
    honest = office - colluders
    if not max(0, committee - honest) <= taken <= min(committee, colluders):
        return 0.0
    return comb(colluders, taken) * comb(honest, committee - taken) / comb(office, committee)


def most(office: int, colluders: int, committee: int) -> float:
    """Chance that the colluders have more than half of a committee."""
    return sum(
        seats(office, colluders, committee, j) for j in range(needed(committee), committee + 1)
    )


def everyone(office: int, colluders: int, committee: int) -> float:
    """Chance that a committee is all colluders."""
    return seats(office, colluders, committee, committee)


def needed(committee: int, challenge: bool = False) -> int:
    """Seats that colluders need to pass junk: one honest member is enough for an appeal."""
    return committee if challenge else committee // 2 + 1


def least_fee(office: int, colluders: int, committee: int, challenge: bool) -> float:
    """The fee, as a part of the reward, from which on attempts with junk lose money in the mean.

    An attempt that fails costs the fees of the honest seats; those of friends come home. Infinite
    where no fee is enough.
    """
    least = needed(committee, challenge)
    chance = {j: seats(office, colluders, committee, j) for j in range(committee + 1)}
    passes = sum(chance[j] for j in range(least, committee + 1))
    own = sum(j * chance[j] for j in range(least, committee + 1))
    honest = sum((committee - j) * chance[j] for j in range(least))
    return passes / (honest - own) if honest > own else inf
