"""What a line of private merges has spent: Opacus's accountants, named, over all of them.

Accountants differ by a factor of two and more on the same history: the name goes with the number.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from decentralml.errors import BadPrivacy, PrivacyNotInstalled

RDP = "rdp"
"""Rényi differential privacy: Mironov 2017, https://arxiv.org/abs/1702.07476."""
PRV = "prv"
"""Privacy random variables, tighter: Gopi et al. 2021, https://arxiv.org/abs/2106.02848."""
ACCOUNTANTS = (RDP, PRV)
NO_NOISE = 1e-6
"""A multiplier that hides nobody."""


@dataclass(frozen=True, slots=True)
class Spent:
    """A guarantee: ``(epsilon, delta)`` by the accountant of that name."""

    epsilon: float
    delta: float
    steps: int
    accountant: str


def spent(noises: Sequence[float], delta: float, accountant: str = RDP) -> Spent:
    """What merges with these noise multipliers have spent together.

    Parameters
    ----------
    noises : of each merge, in order; each saw everybody's update (sample rate one).
    delta : chance that the guarantee does not hold; below one over the number of contributors.

    Raises
    ------
    BadPrivacy : also where the accountant cannot count that.
    PrivacyNotInstalled
    """
    check_delta(delta)
    if accountant not in ACCOUNTANTS:
        raise BadPrivacy("accountant", accountant, " or ".join(ACCOUNTANTS))
    if not noises:
        return Spent(0.0, delta, 0, accountant)
    if any(not noise > NO_NOISE for noise in noises):
        return Spent(float("inf"), delta, len(noises), accountant)
    counter = _accountant(accountant)
    try:
        for noise in noises:
            counter.step(noise_multiplier=noise, sample_rate=1.0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of orders at the border: the answer is still a bound
            epsilon = float(counter.get_epsilon(delta=delta))
    except (ArithmeticError, MemoryError, RuntimeError, ValueError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise BadPrivacy(
            "accountant", accountant, f"{RDP}, which counts any noise and delta ({reason})"
        ) from error
    # Bounds of orders fall below what epsilon can be where delta is large.
    return Spent(max(epsilon, 0.0), delta, len(noises), accountant)


def check_delta(delta: float) -> None:
    """Raise BadPrivacy for what is no chance."""
    if not 0 < delta < 1:
        raise BadPrivacy("delta", delta, "a chance between 0 and 1, such as 1e-5")


def _accountant(name: str) -> Any:
    try:
        from opacus.accountants import PRVAccountant, RDPAccountant
    except ImportError:
        raise PrivacyNotInstalled from None
    return {RDP: RDPAccountant, PRV: PRVAccountant}[name]()
