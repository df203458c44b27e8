"""Finite updates of any size from less than half of a swarm: medians stay where the others are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from decentralml.chain.swarm.words import MergeMethod
from decentralml.learning.examples import tensors_of, write_tensors
from decentralml.swarm.merging.merge import merge

Array = NDArray[Any]
MEDIANS = [MergeMethod.COORDMEDIAN, MergeMethod.GEOMEDIAN]
HONEST, SIZE = 8, 50


def merged(folder: Path, method: MergeMethod, rows: Array, weights: Sequence[float]) -> Array:
    """By a swarm of nodes with one tensor of 32 and one of 64 bits, half of each row in each."""
    files = [folder / f"update-{number}" for number in range(len(rows))]
    for file, row in zip(files, rows, strict=True):
        narrow, wide = np.split(row, 2)
        write_tensors(file, {"narrow": narrow.astype(np.float32), "wide": wide})
    merge(method, files, weights, folder / "merged")
    found = tensors_of(folder / "merged")
    return np.concatenate([found["narrow"].astype(np.float64), found["wide"]])


def honest() -> Array:
    return 1 + 0.01 * np.random.default_rng(1).standard_normal((HONEST, SIZE))


def giants(scales: Sequence[float], alike: bool) -> Array:
    rng = np.random.default_rng(2)
    ways = rng.standard_normal((1 if alike else len(scales), SIZE))
    return np.array(scales)[:, None] * ways


@pytest.mark.parametrize("method", MEDIANS)
@pytest.mark.parametrize("alike", [True, False])
@pytest.mark.parametrize(
    "scales",
    [[1e6] * 3, [1e12] * 3, [1e36] * 3, [1e36, 1e20, 1e10], [1e8, 1e16, 1e24]],
)
def test_giants_do_not_move_a_median(
    tmp_path: Path, method: MergeMethod, scales: list[float], alike: bool
) -> None:
    rows = np.concatenate([giants(scales, alike), honest()])
    found = merged(tmp_path, method, rows, [1] * len(rows))
    assert np.abs(found - 1).max() < 0.03


@pytest.mark.parametrize("method", MEDIANS)
def test_more_giants_than_others_do_not_while_their_weight_is_less(
    tmp_path: Path, method: MergeMethod
) -> None:
    rows = np.concatenate([giants([1e12] * 10, alike=True), honest()])
    found = merged(tmp_path, method, rows, [1] * 10 + [2] * HONEST)
    assert np.abs(found - 1).max() < 0.05


def test_a_giant_pulls_the_geometric_median_no_more_than_one_that_is_far(tmp_path: Path) -> None:
    """What counts of it is its direction: all digits of the others' places are kept."""
    found = [
        merged(
            tmp_path,
            MergeMethod.GEOMEDIAN,
            np.concatenate([giants([scale] * 3, alike=False), honest()]),
            [1] * (3 + HONEST),
        )
        for scale in (1e6, 1e36)
    ]
    assert np.abs(found[0] - found[1]).max() < 1e-5
