"""Members of the office. What a strategy does not say, it does as the honest do."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from decentralml.types import PPM, Verdict

from ..parameters import Parameters
from ..work import Finding


@dataclass(slots=True)
class Sight:
    """What a seated member has before it."""

    jury: bool
    last: bool
    """Whether this is the last moment before the deadline."""
    asked: Verdict | None
    """What the result's contributor or creator asks its friends to say, if it has any."""
    friends: int
    """Seats of the panel that such friends have, its own among them."""
    seats: int
    challenge: bool
    """Whether the task has a challenge time."""
    evaluate: Callable[[], Finding]
    """Costs what evaluation costs."""
    rng: random.Random
    parameters: Parameters


class Honest:
    """Evaluates, commits, reveals, releases."""

    name = "honest"
    releases = True
    bribable = False
    colludes = False

    def finding(self, sight: Sight) -> Finding | None:
        """What it commits to; None: nothing yet."""
        return sight.evaluate()

    def reveals(self, sight: Sight) -> bool:
        return True


class Absent(Honest):
    """In office for the title."""

    name = "absent"
    releases = False

    def finding(self, sight: Sight) -> Finding | None:
        return None


class Lazy(Honest):
    """Says what is most often right without looking."""

    name = "lazy"

    def finding(self, sight: Sight) -> Finding | None:
        return guess(sight.parameters)


class Copying(Honest):
    """Waits for the others' findings, which nobody shows before it has committed; then guesses."""

    name = "copying"

    def finding(self, sight: Sight) -> Finding | None:
        return guess(sight.parameters) if sight.last else None


class Unrevealer(Honest):
    """Commits, and in half of the cases does not say to what."""

    name = "unrevealer"

    def reveals(self, sight: Sight) -> bool:
        return sight.rng.random() < 0.5


class Withholder(Honest):
    """Leaves it to others to release keys."""

    name = "withholder"
    releases = False


class Frivolous(Honest):
    """Judges with care on committees, and by a coin on juries."""

    name = "frivolous"

    def finding(self, sight: Sight) -> Finding | None:
        if not sight.jury:
            return sight.evaluate()
        return guess(sight.parameters) if sight.rng.random() < 0.5 else Finding(Verdict.FAIL, 0)


class Colluding(Honest):
    """Says whatever its friends ask for."""

    name = "colluding"
    colludes = True

    def finding(self, sight: Sight) -> Finding | None:
        return _favour(sight.asked, sight.parameters) if sight.asked else sight.evaluate()


class Bribed(Colluding):
    """The same, for money."""

    name = "bribed"
    bribable = True


class Cunning(Colluding):
    """Does a favour only where that can do any good; else it judges as the honest do.

    Most seats have to be friends'. Where the task has a challenge time, an honest dissent leads to
    an appeal: then junk passes only if all seats are; with most of them it can be said that nothing
    can be found out. A good result that they fail is appealed against in any case; they hope that
    it is not.
    """

    name = "cunning"

    def finding(self, sight: Sight) -> Finding | None:
        if sight.asked is None or sight.jury:
            return sight.evaluate()
        if 2 * sight.friends <= sight.seats:
            return sight.evaluate()
        if sight.asked is Verdict.FAIL or not sight.challenge:
            return _favour(sight.asked, sight.parameters)
        if sight.friends == sight.seats:
            return _favour(Verdict.PASS, sight.parameters)
        stalls = sight.asked is Verdict.INCONCLUSIVE
        return _favour(sight.asked, sight.parameters) if stalls else sight.evaluate()


def guess(parameters: Parameters) -> Finding:
    """The likeliest finding: a pass, with the score that honest results have in the mean."""
    return Finding(Verdict.PASS, round(parameters.quality.honest[0] * PPM))


def _favour(asked: Verdict, parameters: Parameters) -> Finding:
    return guess(parameters) if asked is Verdict.PASS else Finding(asked, 0)


STRATEGIES = {
    kind.name: kind()
    for kind in (
        Honest,
        Absent,
        Lazy,
        Copying,
        Unrevealer,
        Withholder,
        Frivolous,
        Colluding,
        Bribed,
        Cunning,
    )
}
