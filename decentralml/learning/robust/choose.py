"""Which rule, how many bad updates it is asked to stand, and why."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from decentralml.errors import TooManyBad
from decentralml.learning.robust.rules import TOLERATED, Mixing, Rule, RuleOptions

CROWD = 3
"""Among fewer updates none can be outvoted."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What is done, and why."""

    rule: Rule
    mixing: Mixing
    bad: int
    reason: str


MOST_BAD: Mapping[Rule, Callable[[int], int]] = {
    Rule.MEAN: lambda n: 0,
    Rule.MEDIAN: lambda n: (n - 1) // 2,
    Rule.TRIMMED_MEAN: lambda n: (n - 1) // 2,
    Rule.GEOMETRIC_MEDIAN: lambda n: (n - 1) // 2,
    Rule.KRUM: lambda n: (n - 3) // 2,
    Rule.MULTI_KRUM: lambda n: (n - 3) // 2,
    Rule.BULYAN: lambda n: (n - 3) // 4,
    Rule.CENTRED_CLIPPING: lambda n: (n - 1) // 2,
    Rule.NORM_CLIPPING: lambda n: (n - 1) // 2,
    Rule.FLTRUST: lambda n: n,
}
"""How many of n updates may be bad, at most, by the rule's paper; below zero: there are too few.

Norm clipping bounds what a bad update does, but not to nothing: see docs/merging.md."""


def choose(rule: Rule, updates: int, options: RuleOptions, *, reference: bool = False) -> Choice:
    """What a rule by name comes to among so many updates.

    Raises
    ------
    TooManyBad : so many bad ones are more than the rule can stand.
    """
    if rule is Rule.AUTO:
        rule, mixing, reason = _automatic(updates, options, reference)
    else:
        mixing, reason = options.mixing or Mixing.NONE, "asked for"
    rows = -(-updates // options.bucket) if mixing is Mixing.BUCKETING else updates
    most = MOST_BAD[rule](rows)
    if mixing is Mixing.NEAREST_NEIGHBOURS:
        most = min(most, (updates - 1) // 2)
    if rule is Rule.MEAN and mixing is not Mixing.NEAREST_NEIGHBOURS:
        bad = 0
    elif options.bad is not None:
        bad = options.bad
    else:
        bad = min(math.ceil(TOLERATED * updates), most)
    if bad > most or most < 0:
        raise TooManyBad(str(rule), updates, max(bad, 0), most)
    return Choice(rule, mixing, bad, reason)


def _automatic(updates: int, options: RuleOptions, reference: bool) -> tuple[Rule, Mixing, str]:
    if updates < CROWD:
        return Rule.MEAN, Mixing.NONE, f"{updates} updates: too few to outvote any of them"
    if options.bad == 0:
        return Rule.MEAN, Mixing.NONE, "no bad updates are expected"
    return (
        Rule.TRIMMED_MEAN,
        options.mixing or Mixing.NEAREST_NEIGHBOURS,
        f"{updates} updates, some of which may be bad, from data that may differ: near ones are "
        "mixed, so that honest ones stand together, and extremes are trimmed",
    )
