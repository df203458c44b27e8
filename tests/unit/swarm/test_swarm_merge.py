"""The three ways in which a swarm merges, against NumPy and against plain loops."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from memory_support import peak_of
from numpy.typing import NDArray

from decentralml.chain.swarm.words import MergeMethod
from decentralml.errors import (
    BadWeight,
    DamagedTensors,
    NotFinite,
    NoUpdates,
    StructureMismatch,
    ZeroWeight,
)
from decentralml.learning.examples import tensors_of, write_tensors
from decentralml.learning.robust.coordinates import weighted_median
from decentralml.swarm.merging import weiszfeld
from decentralml.swarm.merging.merge import merge

Array = NDArray[Any]
METHODS = list(MergeMethod)


def files_of(folder: Path, models: Sequence[dict[str, Array]]) -> list[Path]:
    files = [folder / f"update-{number}" for number in range(len(models))]
    for file, tensors in zip(files, models, strict=True):
        write_tensors(file, tensors)
    return files


def merged(
    folder: Path, method: MergeMethod, models: Sequence[dict[str, Array]], weights: Sequence[float]
) -> dict[str, Array]:
    merge(method, files_of(folder, models), weights, folder / "merged")
    return tensors_of(folder / "merged")


def crowd(count: int, seed: int = 0) -> list[dict[str, Array]]:
    """Models of two tensors and a counter."""
    rng = np.random.default_rng(seed)
    return [
        {
            "weight": rng.normal(size=(37, 11)).astype(np.float32),
            "bias": rng.normal(size=5),
            "batches": np.array(rng.integers(0, 50)),
        }
        for _ in range(count)
    ]


def percentile(values: Array, weights: Sequence[int]) -> float:
    """The weighted 50th percentile, word for word as the module defines it."""
    order = np.argsort(values, kind="stable")
    half, total = 0, sum(weights)
    for place, index in enumerate(order):
        half += weights[index]
        if 2 * half > total:
            return float(values[index])
        if 2 * half == total:
            following = next(i for i in order[place + 1 :] if weights[i])
            return (float(values[index]) + float(values[following])) / 2
    raise AssertionError


def plain_weiszfeld(points: Array, weights: Array) -> Array:
    """The iteration as it is written in books, on the points themselves."""
    away = np.linalg.norm(ways_of(points, weights), axis=1)
    usual = max(1.0, percentile(away, weights.astype(int).tolist()))
    parts = weights * np.minimum(1.0, weiszfeld.FAR * usual / np.maximum(away, 1e-300))
    at = parts @ points / parts.sum()
    nearest = weiszfeld.NEAR * usual
    lengths: list[float] = []
    before = np.zeros_like(at)
    for _ in range(weiszfeld.MOST_STEPS):
        pulls = weights / np.maximum(np.linalg.norm(points - at, axis=1), nearest)
        after = pulls @ points / pulls.sum()
        step, at = after - at, after
        lengths.append(float(np.linalg.norm(step)))
        last = lengths[-3:]
        equal = len(last) == 3 and max(last) - min(last) <= weiszfeld.EQUAL * max(last)
        turned = len(last) > 1 and float(step @ before) < 0 and last[-1] >= last[-2]
        before = step
        if lengths[-1] < weiszfeld.DELTA or equal or turned:
            break
    return at


def ways_of(points: Array, weights: Array) -> Array:
    """From the weighted 50th percentile of each coordinate."""
    whole = weights.astype(int).tolist()
    found: Array = points - np.array([percentile(column, whole) for column in points.T])
    return found


def test_the_mean_counts_by_weightage(tmp_path: Path) -> None:
    models, weights = crowd(4), [1, 100, 3, 7]
    found = merged(tmp_path, MergeMethod.MEAN, models, weights)
    for name in ("weight", "bias"):
        wanted = np.average([m[name].astype(np.float64) for m in models], axis=0, weights=weights)
        assert np.abs(found[name] - wanted).max() < 1e-6
        assert found[name].dtype == models[0][name].dtype
    counted = np.average([m["batches"] for m in models], weights=weights)
    assert found["batches"] == np.rint(counted)
    assert found["batches"].dtype == np.int64


@pytest.mark.parametrize("count", [1, 2, 3, 6, 7])
def test_the_median_of_equal_weights_is_numpys(tmp_path: Path, count: int) -> None:
    models = crowd(count)
    found = merged(tmp_path, MergeMethod.COORDMEDIAN, models, [5] * count)
    for name in ("weight", "bias"):
        wanted = np.median([m[name] for m in models], axis=0)
        assert np.array_equal(found[name], wanted.astype(found[name].dtype))
    assert found["batches"] == np.rint(np.median([m["batches"] for m in models]))


@given(
    values=st.lists(st.lists(st.integers(-4, 4), min_size=6, max_size=6), min_size=1, max_size=9),
    seed=st.integers(0, 1000),
)
@settings(max_examples=150, deadline=None)
def test_the_weighted_percentile_is_that_of_the_definition(
    values: list[list[int]], seed: int
) -> None:
    rows = np.array(values, np.float64)
    weights = np.random.default_rng(seed).integers(0, 101, len(rows))
    weights[0] += not weights.any()
    found = weighted_median(rows.copy(), weights / weights.sum())
    wanted = [percentile(column, weights.tolist()) for column in rows.T]
    assert found.tolist() == wanted


def test_a_heavy_node_is_the_weighted_median_and_a_weightless_one_has_no_say(
    tmp_path: Path,
) -> None:
    models = [{"w": np.array([float(n)])} for n in (1, 2, 9, 50)]
    assert merged(tmp_path, MergeMethod.COORDMEDIAN, models, [1, 1, 100, 1])["w"] == 9
    assert merged(tmp_path, MergeMethod.COORDMEDIAN, models, [1, 1, 0, 0])["w"] == 1.5
    assert merged(tmp_path, MergeMethod.COORDMEDIAN, models, [1, 2, 3, 0])["w"] == 5.5


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("count", [2, 3, 6, 9])
def test_the_geometric_median_is_that_of_the_plain_iteration(
    tmp_path: Path, count: int, seed: int
) -> None:
    models = crowd(count, seed)
    if count > 3:
        models[0]["weight"] += np.float32(1e4)  # An attacker.
    weights = np.random.default_rng(seed).integers(1, 101, count).astype(np.float64)
    found = merged(tmp_path, MergeMethod.GEOMEDIAN, models, weights.tolist())
    points = np.array([np.concatenate([m["weight"].ravel(), m["bias"]]) for m in models])
    wanted = plain_weiszfeld(points.astype(np.float64), weights)
    assert np.abs(found["bias"] - wanted[-5:]).max() < 1e-7
    assert np.abs(found["weight"].ravel() - wanted[:-5]).max() < 1e-6 * max(1, np.abs(wanted).max())


def test_the_geometric_median_lies_where_more_than_half_of_the_weight_is(tmp_path: Path) -> None:
    models = [
        {"w": np.array([0.0, 0.0])},
        {"w": np.array([10.0, 0.0])},
        {"w": np.array([0.0, 9.0])},
    ]
    found = merged(tmp_path, MergeMethod.GEOMEDIAN, models, [9, 2, 3])
    assert np.abs(found["w"]).max() < 1e-4


def test_models_that_agree_come_out_as_they_are(tmp_path: Path) -> None:
    model = crowd(1)[0]
    for method in METHODS:
        found = merged(tmp_path, method, [model] * 5, [1, 2, 3, 4, 5])
        assert all(np.array_equal(found[name], model[name]) for name in model)


def steps_of(points: Array, weights: Array, monkeypatch: pytest.MonkeyPatch) -> int:
    """How many steps Weiszfeld's iteration takes on these points."""
    products = 0
    times = weiszfeld._times

    def counted(gram: Array, vector: Array) -> Array:
        nonlocal products
        products += 1
        return times(gram, vector)

    monkeypatch.setattr(weiszfeld, "_times", counted)
    ways = points - weighted_median(points.copy(), weights)
    weiszfeld.geometric_median(ways @ ways.T, weights)
    return products // 2  # Two for each step.


def test_weiszfeld_stops_when_a_step_is_short(monkeypatch: pytest.MonkeyPatch) -> None:
    points = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    assert steps_of(points, np.ones(4), monkeypatch) == 1  # It begins where it ends.


def test_weiszfeld_stops_after_three_equal_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps toward a near-majority far away hardly change: they are taken for the end."""
    monkeypatch.setattr(weiszfeld, "EQUAL", 0.5)
    points = np.array([[0.0], [0.0], [3.0], [1.0]])
    assert steps_of(points, np.array([1.0, 1.0, 2.0, 0.1]), monkeypatch) == 3


def test_weiszfeld_stops_where_it_steps_to_and_fro(monkeypatch: pytest.MonkeyPatch) -> None:
    points = np.array([[0.0], [10.0], [11.0]])
    jumps = iter([np.array([0.8, 0.1, 0.1]), np.array([0.2, 0.4, 0.4])])
    monkeypatch.setattr(
        weiszfeld, "_distances_from", lambda gram, at: 1 / next(jumps, np.ones(3) / 3)
    )
    # It steps there, and back again at once: two steps, one product each, as the distances are
    # made up.
    assert steps_of(points, np.ones(3), monkeypatch) == 2 // 2


@pytest.mark.parametrize("method", METHODS)
def test_the_same_files_give_the_same_bytes_whatever_the_threads(
    tmp_path: Path, method: MergeMethod, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(1)
    models = [{"w": rng.normal(size=300_000).astype(np.float32)} for _ in range(5)]
    files = files_of(tmp_path, models)
    out = tmp_path / "out"
    found = set()
    for threads in (1, 4):
        monkeypatch.setattr("decentralml.learning.stack.THREADS", threads)
        merge(method, files, [1, 2, 3, 4, 5], out)
        found.add(out.read_bytes())
    assert len(found) == 1


@pytest.mark.parametrize("method", METHODS)
def test_memory_does_not_grow_with_the_nodes(
    tmp_path: Path, method: MergeMethod, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("decentralml.learning.stack.THREADS", 1)  # Each has pieces of its own.
    rng = np.random.default_rng(2)
    models = [{"w": rng.normal(size=1 << 18).astype(np.float32)} for _ in range(4)]
    files = files_of(tmp_path, models)
    peaks = []
    for count in (8, 128):
        given, weights = files * (count // 4), [1 + n % 5 for n in range(count)]
        peaks.append(
            peak_of(lambda: merge(method, given, weights, tmp_path / "out"))  # noqa: B023
        )
    assert peaks[1] < 1.2 * peaks[0] + (1 << 19)


@pytest.mark.parametrize("method", METHODS)
def test_what_cannot_be_merged_is_named(tmp_path: Path, method: MergeMethod) -> None:
    good, out = {"w": np.ones(3)}, tmp_path / "out"
    with pytest.raises(NoUpdates):
        merge(method, [], [], out)
    with pytest.raises(BadWeight):
        merged(tmp_path, method, [good, good], [1, float("nan")])
    with pytest.raises(ZeroWeight):
        merged(tmp_path, method, [good, good], [0, 0])
    with pytest.raises(StructureMismatch, match=r"update-1.*'w'.*F64\[3\].*F64\[4\]"):
        merged(tmp_path, method, [good, {"w": np.ones(4)}], [1, 1])
    for bad in (np.nan, np.inf):
        with pytest.raises(NotFinite, match=r"'w' of update-1"):
            merged(tmp_path, method, [good, {"w": np.array([1, bad, 1])}], [1, 1])
    with pytest.raises(DamagedTensors):
        merge(method, [tmp_path / "gone"], [1], out)
    assert not out.exists()
