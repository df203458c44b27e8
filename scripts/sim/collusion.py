"""What a colluding minority takes from a victim, against what the protocol says it can.

Two victims. A *creator*: colluding contributors send it junk, and their friends in office pass it
where nobody can find out. A *contributor*: a creator has its friends in office fail good results,
and give it their contents.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path

from decentralml.market.creating import collusion as draws

from . import odds, trial
from .chain import START
from .market import terms_of
from .parameters import OFFICE, Parameters

CASES = (
    ("honest", "colluder", False),
    ("honest", "colluder", True),
    ("honest", "staller", True),
    ("robber", "honest", False),
    ("robber", "honest", True),
)
"""Creator, contributor, and whether the task has a challenge time."""
LUCK = 1e-4
"""What is less likely than this is not luck."""


@dataclass(frozen=True, slots=True)
class Robbery:
    """One victim before one office."""

    victim: str
    by: str
    """Strategy of who robs it."""
    colluders: int
    challenge: bool
    attempts: int
    robbed: int
    """Attempts in which the victim lost."""
    bound: float
    """Chance of that for one attempt, by docs/protocol.md."""
    lost: float
    """Planck that the victim lost for each attempt."""
    most: float
    """Planck that it could lose for each attempt, in the mean."""
    coalition: float
    """Planck that contributor and members together gained by each attempt."""

    @property
    def measured(self) -> float:
        return self.robbed / self.attempts

    @property
    def deviation(self) -> float:
        """Standard deviation of what is measured if the bound is exact."""
        return math.sqrt(self.bound * (1 - self.bound) / self.attempts)

    @property
    def holds(self) -> bool:
        """Whether so many robbed attempts, or more, can be luck at the bound."""
        return odds.at_least(self.robbed, self.attempts, self.bound) > LUCK


def rob(folder: Path, cache: Path, parameters: Parameters, colluders: int) -> list[Robbery]:
    """Both victims, with and without a challenge time, before an office with so many colluders."""
    count = parameters.collusion_attempts
    office = ["cunning"] * colluders + ["honest"] * (OFFICE - colluders)
    groups = []
    for creator, contributor, challenge in CASES:
        terms = terms_of(parameters, START, manual=False, invited=False)
        time = parameters.task.challenge if challenge else 0
        terms = replace(terms, slots=count, challenge_time=time)
        name = f"{creator}/{contributor}/{challenge}"
        groups.append(trial.group(name, terms, creator, contributor, count))
    trial.run(folder, cache, parameters, office, groups).close()
    return [_robbery(parameters, colluders, group) for group in groups]


def _robbery(parameters: Parameters, colluders: int, group: trial.Group) -> Robbery:
    task = parameters.task
    challenge = group.terms.challenge_time > 0
    contributor = group.contributors[0].strategy
    victim, by = "creator", contributor
    if group.creator.strategy == "robber":
        victim, by = "contributor", "robber"
    most = draws.most(OFFICE, colluders, task.committee)
    fees = task.committee * task.fee
    if victim == "creator":
        # That nothing could be found out about junk is wrong, too, and paid for by the creator.
        bound = draws.everyone(OFFICE, colluders, task.committee) if challenge else most
        lost = -group.creator.earned
        coalition = group.contributed + group.members
        at_most = bound * (task.reward + fees)
    else:
        bound = 0.0 if challenge else most
        lost = group.deserved - group.contributed
        # These results would have come anyway, and their members have earned their fees.
        coalition = group.wronged * parameters.value.model + group.members
        coalition -= group.friendly * task.fee
        at_most = bound * (task.reward + fees)
    attempts = group.attempts
    return Robbery(
        victim,
        by,
        colluders,
        challenge,
        attempts,
        group.wronged,
        bound,
        lost / attempts,
        at_most,
        coalition / attempts,
    )
