"""What each strategy earns in the mean, by arithmetic alone, in planck.

Per result of a contributor, per result that comes to a creator, per seat of a member. Assumed is
an office whose panels find the truth; ``fails`` is a result's chance to fail. Transaction fees are
left out but where they decide. The simulation measures the same on the chain.
"""

from __future__ import annotations

from collections.abc import Mapping

from decentralml.market.creating import collusion
from decentralml.types import PPM

from . import odds
from .parameters import HOUR, MEMBER_BOND, OFFICE, Parameters
from .world import TICK

PROMPT = 2 * TICK / HOUR
"""Hours from the finding to the release if everybody acts at once."""
ABSENT, UNREVEALED, OVERTURNED = 0.05, 0.2, 0.5
"""Parts of the bond that the protocol slashes."""


def contributors(p: Parameters) -> dict[str, float]:
    """By strategy, for each result begun."""
    task, quality, training = p.task, p.quality, p.costs.training
    fees = task.committee * task.fee
    jury = OFFICE * task.fee

    def result(passes: float, cost: float) -> float:
        return passes * task.reward - (1 - passes) * fees - cost

    segments = task.checkpoints - 1
    faked = segments - round(segments * quality.lazy_part)
    unseen = odds.escapes(segments, faked, task.segments)
    lazy = odds.above(quality.minimum, *quality.lazy)
    honest = odds.above(quality.minimum, *quality.honest)
    poisoned = odds.above(quality.minimum, *quality.poisoned)
    ours = p.sybil_accounts
    late = 1 - TICK / task.working
    return {
        "honest": result(honest, training),
        "lazy": result(
            lazy * (task.invited + (1 - task.invited) * unseen), training * quality.lazy_part
        ),
        "copycat": result(0, 0),
        "free_rider": result(0, 0),
        "poisoner": result(task.invited * poisoned, training),
        "quitter": -task.bond * (1 + late) / 2,
        # Copies are of another order of the data: none of their segments replays.
        "sybil": (result(honest, training) + (ours - 1) * result(0, 0)) / ours,
        "re_roller": -task.bond,
        "colluder": result(0, 0),
        "appellant": result(0, 0) - jury,
    }


def passing(p: Parameters) -> float:
    """The share of results that pass, over all contributors' strategies."""
    task, quality = p.task, p.quality
    honest = odds.above(quality.minimum, *quality.honest)
    poisoned = task.invited * odds.above(quality.minimum, *quality.poisoned)
    sent = 1 - p.contributors["quitter"] - p.contributors["re_roller"]
    good = p.contributors["honest"] + p.contributors["sybil"] / p.sybil_accounts
    return (good * honest + p.contributors["poisoner"] * poisoned) / sent


def creators(p: Parameters) -> dict[str, float]:
    """By strategy, for each result that passes."""
    task, value = p.task, p.value
    fees, jury = task.committee * task.fee, OFFICE * task.fee
    window = task.challenge / HOUR + TICK / HOUR

    def worth(hours: float) -> float:
        return value.model * max(0.0, 1 - value.delay * hours) - task.reward - fees

    silent = worth(PROMPT + window + task.manual * task.review / HOUR)
    trial = 4 * TICK / HOUR
    planted = 1 / task.slots
    return {
        "honest": worth(PROMPT),
        "silent": silent,
        "rejecter": worth(PROMPT + trial) - jury,
        "appellant": worth(PROMPT + trial) - jury,
        "false_gold": worth(PROMPT) - planted * (jury + fees + p.costs.training),
    }


def members(p: Parameters) -> dict[str, float]:
    """By strategy, for each seat on a committee."""
    fee, look = p.task.fee, p.costs.evaluation
    bond = MEMBER_BOND
    right = passing(p) * odds.within(p.task.tolerance / PPM, p.quality.honest[1])
    honest = fee - look
    return {
        "honest": honest,
        "absent": -ABSENT * bond,
        "lazy": right * fee,
        "copying": right * fee,
        "unrevealer": honest / 2 - (look + UNREVEALED * bond) / 2,
        "withholder": honest - sole_earner(p) * UNREVEALED * bond,
        "bribed": _friendly(p, p.costs.bribe),
        "colluding": _friendly(p, 0),
    }


def guessers(p: Parameters, lazy: int) -> tuple[float, float]:
    """Per seat of three: what one of so many earns that all guess alike, and what an honest one.

    Two guesses make a verdict and its score. Where that passes junk, an honest dissent leads to an
    appeal, and half of the guessers' bonds is gone: as long as most of the office evaluates.
    """
    fee, others = p.task.fee, p.task.committee - 1
    good = passing(p)
    close = odds.within(p.task.tolerance / PPM, p.quality.honest[1])
    outvoted = collusion.everyone(OFFICE - 1, lazy, others)
    honest = fee * (1 - outvoted * good * (1 - close)) - p.costs.evaluation
    alone = collusion.seats(OFFICE - 1, lazy - 1, others, 0)
    every = collusion.everyone(OFFICE - 1, lazy - 1, others)
    some = 1 - alone - every
    caught = OVERTURNED * MEMBER_BOND if 2 * lazy < OFFICE else -fee
    guess = alone * good * close * fee + every * fee + some * (good * fee - (1 - good) * caught)
    return guess, honest


def sole_earner(p: Parameters) -> float:
    """Chance that nobody else releases: the contributor is away and no other member earned."""
    away = 0.1
    deviants = len(p.terms[0]) - 1
    return passing(p) * away * collusion.everyone(OFFICE - 1, deviants, p.task.committee - 1)


def _friendly(p: Parameters, bribe: int) -> float:
    """Passes friends' junk whenever asked, and is overturned when a majority did so."""
    fee, look = p.task.fee, p.costs.evaluation
    asked = p.contributors["colluder"] / (1 - p.contributors["quitter"])
    friends = sum(name in ("bribed", "colluding") for name in p.terms[-1])
    others = p.task.committee - 1
    found_out = sum(
        collusion.seats(OFFICE - 1, friends - 1, others, j)
        for j in range(p.task.committee // 2, others + 1)
    )
    return (1 - asked) * (fee - look) + asked * (bribe - found_out * OVERTURNED * MEMBER_BOND)


def coalition(
    p: Parameters, colluders: int, committee: int, challenge: bool, fee: float | None = None
) -> float:
    """Planck that a colluding contributor and its friends in office gain by one attempt with junk.

    An attempt that fails costs what the bond pays to the honest seats; what it pays to friends
    comes home. One that passes brings the reward, and the friends their fees from escrow.
    """
    fee = p.task.fee if fee is None else fee
    needed = committee if challenge else committee // 2 + 1
    gained = 0.0
    for j in range(committee + 1):
        chance = collusion.seats(OFFICE, colluders, committee, j)
        if j >= needed:
            gained += chance * (p.task.reward + j * fee)
        else:
            gained -= chance * (committee - j) * fee
    return gained


def all_roles(p: Parameters) -> Mapping[str, Mapping[str, float]]:
    return {
        "contributor": contributors(p),
        "creator": creators(p),
        "aggregator": members(p),
    }
