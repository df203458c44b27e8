"""Merge rules by name, and what can be set about them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from decentralml.errors import BadRuleOption


class Rule(StrEnum):
    """How many models become one."""

    AUTO = "auto"
    """Chosen by what is known of the updates; the report says why (:mod:`.choose`)."""
    MEAN = "mean"
    MEDIAN = "median"
    TRIMMED_MEAN = "trimmed-mean"
    GEOMETRIC_MEDIAN = "geometric-median"
    KRUM = "krum"
    MULTI_KRUM = "multi-krum"
    BULYAN = "bulyan"
    CENTRED_CLIPPING = "centred-clipping"
    NORM_CLIPPING = "norm-clipping"
    FLTRUST = "fltrust"


FROM_BASE = frozenset({Rule.CENTRED_CLIPPING, Rule.NORM_CLIPPING, Rule.FLTRUST})
"""Rules that measure updates from the model they began from."""


class Mixing(StrEnum):
    """What is done to the updates before the rule sees them."""

    NONE = "none"
    NEAREST_NEIGHBOURS = "nearest-neighbour-mixing"
    BUCKETING = "bucketing"


@dataclass(frozen=True, slots=True)
class RuleOptions:
    """What can be set about a rule; what it has no use for it ignores.

    Attributes
    ----------
    bad : updates that may be bad, at most (the papers' *f*). Default: as many as the rule can
        stand, but at most 30 % of all (and at least one).
    mixing : what is done first. With ``auto`` it is chosen, too, unless it is given.
    bucket : updates averaged in a bucket (bucketing).
    clip : the longest way from the centre, in the updates' own units (centred and norm clipping);
        default: the median of the ways.
    rounds : steps of centred clipping.
    seed : of the order in which updates fall into buckets.
    screen : first leave out the base model returned, near copies, and who goes against the others
        (:mod:`.screen`). Default: ``auto`` does.
    drop_unusable : leave out updates that hold NaN or infinity, or have another structure, and say
        so in the report. Default: every rule but ``mean`` does; with ``mean`` one is an error.
    """

    bad: int | None = None
    mixing: Mixing | None = None
    bucket: int = 2
    clip: float | None = None
    rounds: int = 3
    seed: int = 0
    screen: bool | None = None
    drop_unusable: bool | None = None

    def __post_init__(self) -> None:
        if self.bad is not None and self.bad < 0:
            raise BadRuleOption("bad", self.bad, "at least 0")
        if self.bucket < 1:
            raise BadRuleOption("bucket", self.bucket, "at least 1")
        if self.rounds < 1:
            raise BadRuleOption("rounds", self.rounds, "at least 1")
        if self.clip is not None and not (math.isfinite(self.clip) and self.clip > 0):
            raise BadRuleOption("clip", self.clip, "a finite number above 0")


TOLERATED = 0.3
"""Part of the updates that may be bad, where nothing else is said."""
