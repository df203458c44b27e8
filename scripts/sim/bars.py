"""What has to hold, and what of it does not."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from .earnings import ROLES, Row

if TYPE_CHECKING:
    from .collusion import Robbery
    from .copies import Copies


def broken(
    found: Sequence[Row],
    robberies: Sequence[Robbery] = (),
    copies: Sequence[Copies] = (),
) -> list[str]:
    """Sentences on what does not hold; none if all is well.

    A strategy is ahead of honesty if it earned more per job by more than two standard errors: in
    a small run a few jobs say little.
    """
    wrong = []
    for role in ROLES:
        mine = {row.strategy: row for row in found if row.role == role and row.jobs}
        honest = mine.pop("honest", None)
        if honest is None:
            continue
        for row in mine.values():
            if row.per_job >= honest.per_job + chance(honest, row):
                wrong.append(
                    f"a {row.strategy} {role} earns {row.per_job:.3f} a job, "
                    f"an honest one {honest.per_job:.3f}"
                )
    for each in robberies:
        if not each.holds:
            time = "with" if each.challenge else "without"
            wrong.append(
                f"{each.colluders} of 13 and a {each.by} rob a {each.victim} in "
                f"{each.measured:.2%} of the attempts, {time} a challenge time; "
                f"the bound is {each.bound:.2%}"
            )
    replayed = {each.strategy: each.earned for each in copies if each.replay}
    if replayed and replayed["sybil"] >= replayed["honest"]:
        wrong.append("a training that was sent several times earns more than one, despite replay")
    return wrong


def chance(honest: Row, other: Row) -> float:
    """Tokens per job by which another strategy can be ahead by luck: two standard errors.

    The deviation of a single job follows from how much the honest differ from each other.
    """
    one = honest.spread * math.sqrt(honest.jobs / honest.agents)
    return 2 * one * math.sqrt(1 / honest.jobs + 1 / other.jobs)
