"""Which rule, how many bad updates it is asked to stand, and why."""

from __future__ import annotations

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


def choose(rule: Rule, updates: int, options: RuleOptions, *, screened: int = 0) -> Choice:
    """What a rule by name comes to among so many updates.

    Parameters
    ----------
    screened : updates that the automatic choice left out before: so many bad ones are gone.

    Raises
    ------
    TooManyBad : so many bad ones are more than the rule can stand.
    """
    if rule is Rule.AUTO:
        rule, mixing, reason = _automatic(updates, options, screened)
    else:
        mixing, reason = options.mixing or Mixing.NONE, "asked for"
    rows = -(-updates // options.bucket) if mixing is Mixing.BUCKETING else updates
    most = MOST_BAD[rule](rows)
    if mixing is Mixing.NEAREST_NEIGHBOURS:
        half = (updates - 1) // 2
        most = half if rule is Rule.MEAN else min(most, half)
    elif rule is Rule.MEAN:
        return Choice(rule, mixing, 0, reason)
    if options.bad is None or screened:
        bad = min(max(0, expected(updates + screened, options) - screened), most)
    else:
        bad = options.bad
    if bad > most or most < 0:
        raise TooManyBad(str(rule), updates, max(bad, 0), most)
    return Choice(rule, mixing, bad, reason)


def expected(updates: int, options: RuleOptions) -> int:
    """How many of so many updates may be bad, where the rule sets no limit."""
    return max(1, int(TOLERATED * updates)) if options.bad is None else options.bad


def _automatic(updates: int, options: RuleOptions, screened: int) -> tuple[Rule, Mixing, str]:
    if updates + screened < CROWD:
        return Rule.MEAN, Mixing.NONE, f"{updates} updates: too few to outvote any of them"
    left = expected(updates + screened, options) - screened
    gone = f"{screened} of {updates + screened} updates were left out" if screened else ""
    if left <= 0 or updates < CROWD:
        why = gone or "no bad updates are expected"
        return Rule.MEAN, Mixing.NONE, f"{why}: the others are averaged"
    return (
        Rule.TRIMMED_MEAN,
        options.mixing or Mixing.NEAREST_NEIGHBOURS,
        f"{gone + '; ' if gone else ''}{left} of {updates} may be bad and honest data may differ: "
        "near updates are mixed, so that honest ones stand together, and extremes are trimmed",
    )
