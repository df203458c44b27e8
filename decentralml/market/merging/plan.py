"""A merge as it is asked for, turned into the rule and the optimizer that do it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from decentralml.bundles.merge import MergePlan, Weighting
from decentralml.errors import BadOptimizer, BadRuleOption, MergePlanInvalid
from decentralml.learning.federate import federate
from decentralml.learning.optimizers import Method, ServerOptimizer
from decentralml.learning.robust.rules import Mixing, Rule, RuleOptions
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
    """A plan whose names and settings were found good.

    Attributes
    ----------
    plan : with nothing left open.
    """

    plan: MergePlan
    weights: Weighting
    rule: Rule
    options: RuleOptions
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
        report = federate(
            updates, out, weights, progress, rule=self.rule, base=base, options=self.options
        ).report
        return Outcome(
            str(report.rule),
            report.reason if report.rule is not report.asked else "",
            [part.share for part in report.parts],
            {place: part.rejected for place, part in enumerate(report.parts) if part.rejected},
        )


def choose(plan: MergePlan, rule: str | None = None, weighting: Weighting | None = None) -> Chosen:
    """The plan with what was asked for instead, its names known and its settings in range.

    Raises
    ------
    MergePlanInvalid
    """
    wanted: dict[str, Any] = {"rule": rule, "weights": weighting}
    plan = replace(plan, **{name: value for name, value in wanted.items() if value is not None})
    if plan.rule not in list(Rule):
        raise MergePlanInvalid(f"rule: {plan.rule!r} is none of {', '.join(Rule)}")
    if plan.mixing is not None and plan.mixing not in list(Mixing):
        raise MergePlanInvalid(f"mixing: {plan.mixing!r} is none of {', '.join(Mixing)}")
    # Robust rules take everybody as equal: who claims most must not decide what is unusual.
    usual = Weighting.EXAMPLES if plan.rule == Rule.MEAN else Weighting.EQUAL
    mixing = None if plan.mixing is None else Mixing(plan.mixing)
    try:
        optimizer = ServerOptimizer(Method(plan.optimizer.lower()), **plan.knobs)
        options = RuleOptions(bad=plan.bad, mixing=mixing)
    except ValueError:
        known = ", ".join(Method)
        raise MergePlanInvalid(f"optimizer: {plan.optimizer!r} is none of {known}") from None
    except (BadOptimizer, BadRuleOption) as error:
        raise MergePlanInvalid(str(error)) from None
    plan = replace(plan, weights=plan.weights or usual)
    return Chosen(plan, plan.weights or usual, Rule(plan.rule), options, optimizer)
