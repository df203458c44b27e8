"""What a contributor says of its model, beside what was measured."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

TOLERANCE = 0.05
"""Relative difference below which two measurements on different data are not worth a word."""

SHOWN = 4
"""Gaps that a note names, the largest first."""


@dataclass(frozen=True, slots=True)
class Gap:
    """One metric that was claimed and measured.

    Attributes
    ----------
    claimed, measured : the two values; neither decides anything here.
    """

    metric: str
    claimed: float
    measured: float

    @property
    def difference(self) -> float:
        """What was claimed, less what was measured."""
        return self.claimed - self.measured


def claims_gap(
    claimed: Mapping[str, float], measured: Mapping[str, float], tolerance: float = TOLERANCE
) -> tuple[Gap, ...]:
    """The metrics on which claim and measurement differ, largest relative difference first.

    Metrics that only one of them has are not compared. A claim that is no number differs from any.

    Parameters
    ----------
    tolerance : difference as a share of the larger of the two values that is let pass.
    """
    gaps = [
        Gap(name, float(claimed[name]), float(measured[name]))
        for name in sorted(claimed.keys() & measured.keys())
        if _relative(claimed[name], measured[name]) > tolerance
    ]
    return tuple(sorted(gaps, key=lambda gap: -_relative(gap.claimed, gap.measured)))


def claims_note(gaps: tuple[Gap, ...]) -> str | None:
    """One sentence for a report, or None where there is nothing to say."""
    if not gaps:
        return None
    told = ", ".join(f"{gap.metric} {gap.claimed:.4g}" for gap in gaps[:SHOWN])
    found = ", ".join(f"{gap.measured:.4g}" for gap in gaps[:SHOWN])
    return f"note: the contributor claims {told}; measured here: {found}"


def _relative(one: float, other: float) -> float:
    if not (math.isfinite(one) and math.isfinite(other)):
        return math.inf
    largest = max(abs(one), abs(other))
    return abs(one - other) / largest if largest else 0.0
