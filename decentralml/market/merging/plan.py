"""A merge as it is asked for, turned into the rule and the optimizer that do it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from decentralml.bundles.merge import MergePlan, Weighting
from decentralml.errors import BadOptimizer, BadPrivacy, BadRuleOption, MergePlanInvalid
from decentralml.learning.federate import Merge, federate
from decentralml.learning.optimizers import Method, ServerOptimizer
from decentralml.learning.privacy.accountant import check_delta
from decentralml.learning.privacy.user_level import UserLevel, federate_private
from decentralml.learning.robust.merge import Report
from decentralml.learning.robust.rules import Mixing, Rule, RuleOptions
from decentralml.learning.update import Update
from decentralml.service.reporting import Progress
from decentralml.storage.unixfs import cid_of


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
    privacy: UserLevel | None = None

    def merge(
        self,
        updates: Sequence[Update],
        out: Path,
        weights: Sequence[float],
        base: Path | None,
        progress: Progress,
        noise_key: bytes | None = None,
        reference: Path | None = None,
    ) -> Outcome:
        """Merge into the folder ``out``; a private merge needs a base. Raises LearningError."""
        report = self._merge(updates, out, weights, base, progress, noise_key, reference).report
        return Outcome(
            str(report.rule),
            self._reason(report, reference),
            [part.share for part in report.parts],
            {place: part.rejected for place, part in enumerate(report.parts) if part.rejected},
        )

    def _reason(self, report: Report, reference: Path | None) -> str:
        """What is to be said of the rule: why it was chosen, or what it went by."""
        if reference is not None:
            return f"compared with the update {cid_of(reference)} of whoever merged"
        return report.reason if report.rule is not report.asked or self.privacy else ""

    def _merge(
        self,
        updates: Sequence[Update],
        out: Path,
        weights: Sequence[float],
        base: Path | None,
        progress: Progress,
        noise_key: bytes | None,
        reference: Path | None,
    ) -> Merge:
        if self.privacy is None:
            return federate(
                updates,
                out,
                weights,
                progress,
                rule=self.rule,
                base=base,
                options=self.options,
                reference=reference,
            )
        assert base is not None and noise_key is not None
        return federate_private(updates, out, base, self.privacy, noise_key, progress)


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
    privacy = _privacy(plan)
    usual = Weighting.EQUAL if privacy else usual
    plan = replace(plan, weights=plan.weights or usual)
    return Chosen(plan, plan.weights or usual, Rule(plan.rule), options, optimizer, privacy)


def _privacy(plan: MergePlan) -> UserLevel | None:
    """What of the plan is private, where nothing else in it makes that void.

    What the server's optimizer does comes after the noise, and sees nothing else of the updates:
    any will do.
    """
    asked = plan.privacy
    if asked is None:
        return None
    others: tuple[tuple[str, object, object], ...] = (
        ("rule", plan.rule, Rule.MEAN),
        ("weights", plan.weights or Weighting.EQUAL, Weighting.EQUAL),
        ("mixing", plan.mixing or Mixing.NONE, Mixing.NONE),
        ("bad", plan.bad or 0, 0),
    )
    for name, value, only in others:
        if value != only:
            raise MergePlanInvalid(
                f"{name}: with {value} one contributor may move a private merge further than its "
                f"noise hides; leave it out ({only}), or leave out clip, noise and delta"
            )
    try:
        check_delta(asked.delta)
        if asked.budget is not None and not asked.budget > 0:
            raise BadPrivacy("budget", asked.budget, "an epsilon above zero, or leave it out")
        return UserLevel(asked.clip, asked.noise)
    except BadPrivacy as error:
        raise MergePlanInvalid(str(error)) from None
