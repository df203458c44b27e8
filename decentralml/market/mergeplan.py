"""A merge as it is asked for, turned into the rule and the optimizer that do it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from decentralml.bundles.merge import MergePlan, Weighting
from decentralml.errors import BadOptimizer, MergePlanInvalid
from decentralml.learning.federate import federate
from decentralml.learning.optimizers import ServerOptimizer
from decentralml.learning.update import Update
from decentralml.market.reporting import Progress


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a rule did.

    Attributes
    ----------
    coefficients : of each model in the sum; None where each coordinate was looked at apart.
    rejected : why a model was left out, by its place.
    """

    rule: str
    reason: str
    coefficients: Sequence[float | None]
    rejected: Mapping[int, str]


@dataclass(frozen=True, slots=True)
class Chosen:
    """A plan whose names and settings were found good."""

    plan: MergePlan
    optimizer: ServerOptimizer

    def merge(
        self,
        updates: Sequence[Update],
        out: Path,
        weights: Sequence[float],
        base: Path | None,
        progress: Progress,
    ) -> Outcome:
        """Merge into the folder ``out``. Raises LearningError."""
        federate(updates, out, weights, progress)
        return Outcome("mean", "", list(weights), {})


def choose(plan: MergePlan, rule: str | None = None, weighting: Weighting | None = None) -> Chosen:
    """The plan with what was asked for instead, its names known and its settings in range.

    Raises
    ------
    MergePlanInvalid
    """
    wanted: dict[str, Any] = {"rule": rule, "weights": weighting}
    plan = replace(plan, **{name: value for name, value in wanted.items() if value is not None})
    try:
        return Chosen(plan, ServerOptimizer(plan.optimizer, **plan.knobs))  # type: ignore[arg-type]
    except BadOptimizer as error:
        raise MergePlanInvalid(str(error)) from None
