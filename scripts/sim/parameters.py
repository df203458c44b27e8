"""``parameters.toml`` as it is used: money in planck, times in milliseconds."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from decentralml.types import PPM, UNIT

FILE = Path(__file__).with_name("parameters.toml")
HOUR = 3_600_000
OFFICE = 13
"""Seats that the runtime's election fills."""
MEMBER_BOND = 10 * UNIT
"""What the runtime holds from an aggregator."""


@dataclass(frozen=True, slots=True)
class TaskParameters:
    """Terms of the tasks; money in planck, times in milliseconds, shares from 0 to 1."""

    reward: int
    fee: int
    committee: int
    bond: int
    tolerance: int
    """Parts per million."""
    challenge: int
    review: int
    working: int
    checkpoints: int
    segments: int
    slots: int
    invited: float
    manual: float


@dataclass(frozen=True, slots=True)
class Costs:
    """Planck that work costs off the chain."""

    training: int
    evaluation: int
    bribe: int


@dataclass(frozen=True, slots=True)
class Value:
    """Planck that an accepted result is worth to its creator."""

    model: int
    poisoned: int
    delay: float
    """The part that is lost with each hour."""


@dataclass(frozen=True, slots=True)
class Quality:
    """Scores: mean and standard deviation, from 0 to 1."""

    minimum: float
    honest: tuple[float, float]
    lazy: tuple[float, float]
    junk: tuple[float, float]
    poisoned: tuple[float, float]
    lazy_part: float


@dataclass(frozen=True, slots=True)
class Parameters:
    task: TaskParameters
    costs: Costs
    value: Value
    quality: Quality
    contributors: Mapping[str, float]
    """Share of each strategy."""
    sybil_accounts: int
    creators: Mapping[str, float]
    creators_share: float
    """Of all agents."""
    honest_aggregators: int
    terms: tuple[tuple[str, ...], ...]
    """Strategies in office that are not honest, term by term."""
    collusion_office: tuple[int, ...]
    collusion_attempts: int

    def with_attempts(self, count: int) -> Parameters:
        """The same with another number of attempts of each robbery."""
        return replace(self, collusion_attempts=count)


def load(file: Path = FILE) -> Parameters:
    """The parameters in a file. Raises OSError, ValueError, KeyError, TypeError."""
    read = tomllib.loads(file.read_text("utf-8"))
    task, quality = dict(read["task"]), dict(read["quality"])
    for name in ("reward", "fee", "bond"):
        task[name] = planck(task[name])
    for name in ("challenge", "review", "working"):
        task[name] = round(task[name] * HOUR)
    task["tolerance"] = round(task["tolerance"] * PPM)
    for name, value in quality.items():
        if isinstance(value, list):
            quality[name] = tuple(value)
    value = read["value"]
    contributors, creators = dict(read["contributors"]), dict(read["creators"])
    return Parameters(
        task=TaskParameters(**task),
        costs=Costs(**{name: planck(cost) for name, cost in read["costs"].items()}),
        value=Value(planck(value["model"]), planck(value["poisoned"]), value["delay"]),
        quality=Quality(**quality),
        sybil_accounts=contributors.pop("sybil_accounts"),
        contributors=_shares(contributors),
        creators_share=creators.pop("share"),
        creators=_shares(creators),
        honest_aggregators=read["aggregators"]["honest"],
        terms=tuple(tuple(term) for term in read["aggregators"]["terms"]),
        collusion_office=tuple(read["collusion"]["office"]),
        collusion_attempts=read["collusion"]["attempts"],
    )


def planck(tokens: float) -> int:
    return round(tokens * UNIT)


def _shares(shares: dict[str, Any]) -> dict[str, float]:
    total = sum(shares.values())
    if abs(total - 1) > 1e-9:
        raise ValueError(f"the shares of {', '.join(shares)} add up to {total}, not to 1")
    return {name: float(share) for name, share in shares.items()}
