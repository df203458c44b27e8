"""Updates of numbers so large that sums forget all others: nothing of them may reach a merge."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from decentralml.learning.kernels import mixing
from decentralml.learning.robust.choose import MOST_BAD
from decentralml.learning.robust.coordinates import near_median
from decentralml.learning.robust.merge import merge_updates
from decentralml.learning.robust.mixing import nearest_neighbours
from decentralml.learning.robust.rules import Mixing, Rule, RuleOptions
from decentralml.learning.sources import ArraySource
from decentralml.learning.tensors import TensorFile
from decentralml.learning.update import Update

Array = NDArray[Any]
HONEST, SIZE = 9, 200
BASELESS = [
    rule
    for rule in Rule
    if rule not in (Rule.MEAN, Rule.FLTRUST, Rule.CENTRED_CLIPPING, Rule.NORM_CLIPPING)
]
MIXINGS = [Mixing.NONE, Mixing.NEAREST_NEIGHBOURS]


def crowd(giants: int, scale: float, alike: bool) -> Array:
    """Giants first, so that whoever is looked at first is one of them."""
    rng = np.random.default_rng(7)
    honest = 1 + 0.01 * rng.standard_normal((HONEST, SIZE))
    theirs = scale * rng.standard_normal((1 if alike else giants, SIZE))
    return np.concatenate([np.repeat(theirs, giants // len(theirs), axis=0), honest]).astype("<f4")


def merged(tmp_path: Path, rows: Array, rule: Rule, base: Array | None, **options: Any) -> Array:
    updates = [
        Update(tmp_path, 1, contributor=f"c{place}", source=ArraySource({"w": row}))
        for place, row in enumerate(rows)
    ]
    out = tmp_path / "out.safetensors"
    start = None if base is None else ArraySource({"w": base})
    merge_updates(updates, out, rule=rule, base=start, options=RuleOptions(**options))
    return np.frombuffer(TensorFile.open(out).read("w"), "<f4")


@pytest.mark.parametrize("alike", [True, False])
@pytest.mark.parametrize("scale", [1e12, 1e36])
@pytest.mark.parametrize("how", MIXINGS)
@pytest.mark.parametrize("rule", BASELESS)
@pytest.mark.parametrize("based", [True, False])
def test_giants_leave_nothing_behind(
    tmp_path: Path, rule: Rule, how: Mixing, scale: float, alike: bool, based: bool
) -> None:
    bad = 3 if rule is Rule.AUTO else min(3, MOST_BAD[rule](HONEST + 2))
    rows = crowd(bad, scale, alike)
    base = np.ones(SIZE, "<f4") if based else None
    found = merged(tmp_path, rows, rule, base, bad=bad, mixing=how)
    assert np.abs(found - 1).max() < 0.1


def test_no_giant_is_added_to_what_it_is_taken_from_again() -> None:
    rows = crowd(3, 1e20, alike=False).astype(np.float64)
    squares = ((rows[:, None] - rows[None]) ** 2).sum(2)
    recipes = mixing.recipes(nearest_neighbours(squares, 3))
    assert recipes.core.tolist() == list(range(3, 12))


def test_the_mean_near_the_median_forgets_nothing_next_to_a_giant() -> None:
    rows = np.array([[-3e38], [1.0], [2.0], [3.0], [3e38]], np.float32)
    assert near_median(rows, 3).tolist() == [2.0]
