"""How the accepted models of a task are merged into the next one: the section ``merge``.

The creator pins it in ``task.toml``, so that contributors know it before they take a slot, and so
that whoever merges, the creator or an aggregator it appoints, makes the same model to the byte (a
private merge: the same account only, of whose secret the noise is made)::

    [merge]
    rule = "mean"               # how models are combined: learning/robust names the others
    weights = "examples"        # or equal, score, quality, adjusted
    bad = 2                     # models that may be bad, where the rule asks for that
    mixing = "none"             # what is done to the models before the rule sees them
    optimizer = "fedavg"        # of the server: fedavgm, fedadagrad, fedadam, fedyogi
    learning_rate = 1.0         # of the server, and what else its optimizer has
    momentum = 0.9
    decay = 0.99
    adaptivity = 0.001
    clip = 0.5                  # a private merge (docs/privacy.md): longest way of one model,
    noise = 1.0                 # the noise's multiplier,
    delta = 1e-5                # the chance at which epsilon is told,
    budget = 8.0                # and the epsilon that nothing goes beyond

Everything may be left out, but the first three of the last four only together. What rules and
optimizers there are is the business of ``learning/``; here a name is a word.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from decentralml.bundles.fields import Fields

MEAN = "mean"
FEDAVG = "fedavg"
MAX_WORD = 64
KNOBS = ("learning_rate", "momentum", "decay", "adaptivity")
"""What a server's optimizer may be told."""
PRIVACY = ("clip", "noise", "delta", "budget")


class Weighting(StrEnum):
    """How much each model counts in a merge."""

    EXAMPLES = "examples"
    """By the examples its signed manifest claims (FedAvg). Nobody can measure them."""
    EQUAL = "equal"
    SCORE = "score"
    """By the score that its committee found."""
    QUALITY = "quality"
    """By the type's quality, from the metrics that its committee measured."""
    ADJUSTED = "adjusted"
    """The claimed examples times that quality."""

    @property
    def claimed(self) -> bool:
        """Whether it takes a contributor's word for anything."""
        return self in (Weighting.EXAMPLES, Weighting.ADJUSTED)


@dataclass(frozen=True, slots=True)
class Privacy:
    """How private a merge is to be.

    Attributes
    ----------
    clip : longest way of one model from the base model.
    noise : standard deviation of the noise, in units of ``clip``.
    delta : chance that the guarantee does not hold, for which epsilon is told.
    budget : the largest epsilon that a line of models may come to; None: there is none.
    """

    clip: float
    noise: float
    delta: float
    budget: float | None = None


@dataclass(frozen=True, slots=True)
class MergePlan:
    """See the module.

    Attributes
    ----------
    rule, mixing, optimizer : names of ``learning/``.
    weights : None takes ``examples`` with the mean, and ``equal`` with every other rule.
    bad : how many models may be bad, at most; None leaves it to the rule.
    knobs : settings of the optimizer, by name; those left out are its own defaults.
    privacy : None: nothing is clipped, and no noise added.
    """

    rule: str = MEAN
    weights: Weighting | None = None
    bad: int | None = None
    mixing: str | None = None
    optimizer: str = FEDAVG
    knobs: Mapping[str, float] = field(default_factory=dict)
    privacy: Privacy | None = None

    def to_document(self) -> dict[str, Any]:
        """As it stands in a manifest."""
        knobs = {name: float(value) for name, value in self.knobs.items()}
        said: dict[str, Any] = {"weights": self.weights, "bad": self.bad, "mixing": self.mixing}
        said |= {} if self.privacy is None else asdict(self.privacy)
        return (
            {"rule": self.rule, "optimizer": self.optimizer}
            | {name: value for name, value in said.items() if value is not None}
            | knobs
        )


def read_merge(section: Fields | None) -> MergePlan | None:
    """The section of ``task.toml`` or of a manifest; None where there is none.

    Raises
    ------
    ManifestError
    """
    if section is None:
        return None
    usual = MergePlan()
    plan = MergePlan(
        rule=section.text("rule", MAX_WORD) if section.has("rule") else usual.rule,
        weights=section.choice("weights", Weighting) if section.has("weights") else usual.weights,
        bad=section.integer("bad", 0, 2**31) if section.has("bad") else None,
        mixing=section.text("mixing", MAX_WORD) if section.has("mixing") else None,
        optimizer=section.text("optimizer", MAX_WORD)
        if section.has("optimizer")
        else usual.optimizer,
        knobs={name: _finite(section, name) for name in KNOBS if section.has(name)},
        privacy=_privacy(section),
    )
    section.end()
    return plan


def _privacy(section: Fields) -> Privacy | None:
    given = {name: _finite(section, name) for name in PRIVACY if section.has(name)}
    if not given:
        return None
    missing = [name for name in PRIVACY[:3] if name not in given]
    if missing:
        raise section.wrong(f"a private merge needs {', '.join(missing)}, too")
    return Privacy(**given)


def _finite(section: Fields, name: str) -> float:
    value = section.number(name)
    if not math.isfinite(value):
        raise section.wrong(f"{name} is a finite number")
    return value
