"""What the automatic choice leaves out before it merges, with a reason for each.

- *The base model again*: it went less than a thousandth of the typical way. A free rider's vote.
- *A near copy*: nearer to an earlier update than a twentieth of the typical distance. One voice
  counts once, whoever repeats it; trainings of one's own are far apart, even on similar data.
- *Against the others*: of the cosines of its way with those of the others the median is below
  -0.2. Honest ways from different data are about orthogonal near the end of training, and agree
  before; whoever pulls back is told from who pulls elsewhere. At most as many as may be bad are
  left out so, the most opposed first.

The first and the last need the base model. Forgers who know this can stay below it, but then they
pull back less: it comes before a robust rule, not instead of one.
"""

from __future__ import annotations

import numpy as np

from decentralml.learning.dtypes import Doubles
from decentralml.learning.robust.geometry import Geometry

STANDING = 0.001
"""Less than this part of the typical way: the base model came back."""
NEAR = 0.05
"""Less than this part of the typical distance apart: a near copy."""
AGAINST = -0.2
"""Below this median cosine: against the others."""


def screened(geometry: Geometry, bad: int) -> dict[int, str]:
    """Which updates are left out, and why, by their place.

    Parameters
    ----------
    bad : how many may be against the others, at most.
    """
    found: dict[int, str] = {}
    if geometry.from_base:
        lengths = geometry.lengths
        for place in np.flatnonzero(lengths <= STANDING * np.median(lengths)):
            found[int(place)] = "it is the base model again"
    found |= _copies(geometry.distances, found)
    if geometry.from_base:
        found |= _against(geometry, found, bad)
    return found


def _copies(squares: Doubles, gone: dict[int, str]) -> dict[int, str]:
    left = [place for place in range(len(squares)) if place not in gone]
    pairs = squares[np.ix_(left, left)][np.triu_indices(len(left), 1)]
    if not pairs.size:
        return {}
    near = NEAR**2 * np.median(pairs)
    copies: dict[int, str] = {}
    for here, place in enumerate(left):
        for earlier in left[:here]:
            if earlier not in copies and squares[place, earlier] < near:
                copies[place] = f"it is a near copy of update {earlier + 1}"
                break
    return copies


def _against(geometry: Geometry, gone: dict[int, str], bad: int) -> dict[int, str]:
    left = [place for place in range(len(geometry.gram)) if place not in gone]
    if len(left) < 3:
        return {}
    inner = geometry.gram[np.ix_(left, left)]
    lengths = np.sqrt(np.diag(inner))
    cosines = inner / np.maximum(np.outer(lengths, lengths), np.finfo(float).tiny)
    others = cosines[~np.eye(len(left), dtype=bool)].reshape(len(left), -1)
    typical = np.median(others, axis=1)
    worst = np.argsort(typical, kind="stable")[: max(0, bad)]
    return {
        left[row]: f"it goes against the others (median cosine {typical[row]:.2f})"
        for row in worst
        if typical[row] < AGAINST
    }
