"""The robust rules against byzfl, against plain loops, and against their papers' promises."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from byzfl_support import aggregators
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from decentralml.errors import TooManyBad
from decentralml.learning.robust import coordinates, streams
from decentralml.learning.robust.centre import centred_clipping, geometric_median
from decentralml.learning.robust.choose import MOST_BAD, choose
from decentralml.learning.robust.krum import bulyan_selection, krum_scores, multi_krum
from decentralml.learning.robust.merge import Report, merge_updates
from decentralml.learning.robust.mixing import buckets, nearest_neighbours
from decentralml.learning.robust.networks import (
    batcher,
    carry_out,
    middle_network,
    network,
    sort_rows,
)
from decentralml.learning.robust.rules import Mixing, Rule, RuleOptions
from decentralml.learning.robust.screen import screened
from decentralml.learning.robust.trust import trusted
from decentralml.learning.sources import ArraySource
from decentralml.learning.tensors import TensorFile
from decentralml.learning.update import Update

Array = NDArray[Any]
ROBUST = [rule for rule in Rule if rule not in (Rule.MEAN, Rule.AUTO, Rule.FLTRUST)]


def updates_of(vectors: Array) -> list[Update]:
    """One update for each row, in two tensors."""
    cut = vectors.shape[1] // 3
    return [
        Update(
            Path("nowhere"),
            1,
            contributor=f"c{number}",
            source=ArraySource({"a": row[:cut], "b": row[cut:].reshape(1, -1)}),
        )
        for number, row in enumerate(vectors)
    ]


def source_of(vector: Array) -> ArraySource:
    cut = len(vector) // 3
    return ArraySource({"a": vector[:cut], "b": vector[cut:].reshape(1, -1)})


def merged(
    tmp_path: Path, vectors: Array, rule: Rule, base: Array | None = None, **options: Any
) -> tuple[Array, Report]:
    out = tmp_path / "out.safetensors"
    weights = options.pop("weights", None)
    reference = options.pop("reference", None)
    report = merge_updates(
        updates_of(vectors),
        out,
        weights,
        rule=rule,
        base=None if base is None else source_of(base),
        options=RuleOptions(**options),
        reference=None if reference is None else source_of(reference),
    )
    file = TensorFile.open(out)
    parts = [np.frombuffer(file.read(name), vectors.dtype) for name in ("a", "b")]
    return np.concatenate(parts), report


def crowd(seed: int = 0, honest: int = 9, bad: int = 2, size: int = 300) -> Array:
    rng = np.random.default_rng(seed)
    vectors = rng.standard_normal((honest + bad, size)).astype(np.float32)
    vectors[honest:] += 100.0
    return vectors


# Against byzfl, the reference implementation of Allouah et al.


@pytest.mark.parametrize("count", [1, 2, 3, 7, 10, 20])
def test_the_median_is_byzfls(tmp_path: Path, count: int) -> None:
    vectors = crowd(honest=count, bad=0)
    wanted = aggregators().Median()(vectors)
    np.testing.assert_allclose(merged(tmp_path, vectors, Rule.MEDIAN)[0], wanted, rtol=3e-7)


@pytest.mark.parametrize(("count", "bad"), [(3, 1), (7, 2), (10, 3), (20, 6), (20, 9)])
def test_the_trimmed_mean_is_byzfls(tmp_path: Path, count: int, bad: int) -> None:
    vectors = crowd(honest=count, bad=0)
    wanted = aggregators().TrMean(f=bad)(vectors)
    found, report = merged(tmp_path, vectors, Rule.TRIMMED_MEAN, bad=bad)
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)
    assert report.bad == bad


def test_the_geometric_median_is_byzfls_after_many_steps(tmp_path: Path) -> None:
    vectors = crowd()
    wanted = aggregators().GeometricMedian(nu=1e-9, T=300)(vectors.astype(np.float64))
    found, _ = merged(tmp_path, vectors, Rule.GEOMETRIC_MEDIAN)
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)


def test_krums_scores_are_byzfls_with_its_number_of_neighbours() -> None:
    # byzfl looks at n - f - 1 neighbours where the paper has n - f - 2.
    vectors = crowd(honest=9, bad=0).astype(np.float64)
    squares = ((vectors[:, None] - vectors[None]) ** 2).sum(2)
    for bad in (1, 2, 3):
        best = int(np.argmin(krum_scores(squares, 9 - bad - 1)))
        np.testing.assert_array_equal(vectors[best], aggregators().Krum(f=bad)(vectors))


def test_centred_clipping_is_byzfls_from_zero(tmp_path: Path) -> None:
    vectors = crowd()
    wanted = aggregators().CenteredClipping(L=4, tau=5.0)(vectors.astype(np.float64))
    found, report = merged(
        tmp_path, vectors, Rule.CENTRED_CLIPPING, np.zeros(300, np.float32), clip=5.0, rounds=4
    )
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)
    assert 0 < report.base_share < 1


@pytest.mark.parametrize("bad", [1, 3])
def test_mixing_neighbours_is_byzfls(tmp_path: Path, bad: int) -> None:
    vectors = crowd(honest=8, bad=bad)
    mixed = aggregators().NNM(f=bad)(vectors.astype(np.float64))
    wanted = aggregators().TrMean(f=bad)(mixed)
    options = {"bad": bad, "mixing": Mixing.NEAREST_NEIGHBOURS}
    found, _ = merged(tmp_path, vectors, Rule.TRIMMED_MEAN, **options)
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5)
    median, _ = merged(tmp_path, vectors, Rule.MEDIAN, **options)
    np.testing.assert_allclose(median, aggregators().Median()(mixed), rtol=1e-5, atol=1e-5)


# Against plain loops.


@pytest.mark.parametrize("rows", range(1, 18))
def test_batchers_network_sorts_every_row_of_zeros_and_ones(rows: int) -> None:
    """By the 0-1 principle a network that sorts those sorts everything."""
    rng = np.random.default_rng(rows)
    if rows <= 10:
        columns = (np.arange(2**rows)[None, :] >> np.arange(rows)[:, None]) & 1
    else:
        columns = rng.integers(0, 2, (rows, 5000))
    values = columns.astype(np.float32)
    order = sort_rows(list(values.copy()), range(rows), np.empty_like(values[0]))
    np.testing.assert_array_equal(np.stack(order), np.sort(values, axis=0))


def test_a_network_for_the_middle_is_smaller_than_one_that_sorts() -> None:
    assert len(network(20, (9, 10))) < len(batcher(20))


@pytest.mark.parametrize(
    ("rows", "ends"), [(1, 0), (2, 0), (3, 1), (7, 2), (10, 3), (11, 5), (20, 6), (30, 9)]
)
def test_the_middle_network_leaves_the_middle_values_in_any_order(rows: int, ends: int) -> None:
    """With many equal values, too: those that are dropped are as many as they should be."""
    rng = np.random.default_rng(rows)
    for values in (rng.standard_normal((rows, 2000)), rng.integers(0, 4, (rows, 2000))):
        found = carry_out(middle_network(rows, ends), list(values.copy()), np.empty_like(values[0]))
        middle = np.sort(np.stack(found[ends : rows - ends]), axis=0)
        assert np.array_equal(middle, np.sort(values, axis=0)[ends : rows - ends])


def test_the_middle_in_any_order_takes_fewer_comparisons_than_in_order() -> None:
    assert len(middle_network(20, 6)) < 0.85 * len(network(20, tuple(range(6, 14))))


def test_krum_and_bulyan_select_as_their_papers_say() -> None:
    vectors = crowd(honest=9, bad=2).astype(np.float64)
    count, bad = 11, 2
    squares = ((vectors[:, None] - vectors[None]) ** 2).sum(2)

    def scores(left: list[int]) -> list[float]:
        near = len(left) - bad - 2
        return [sum(sorted(squares[i, j] for j in left if j != i)[: max(1, near)]) for i in left]

    every = list(range(count))
    ranked = sorted(every, key=scores(every).__getitem__)
    assert multi_krum(squares, bad) == sorted(ranked[: count - bad])
    left, chosen = every, []
    for _ in range(count - 2 * bad):
        found = scores(left)
        best = left[found.index(min(found))]
        chosen.append(best)
        left = [i for i in left if i != best]
    assert bulyan_selection(squares, bad) == sorted(chosen)


def test_bulyans_second_stage_takes_what_is_nearest_to_the_median() -> None:
    rng = np.random.default_rng(1)
    rows = rng.standard_normal((7, 50))
    centre = np.median(rows, axis=0)
    nearest = np.argsort(np.abs(rows - centre), axis=0)[:3]
    wanted = np.take_along_axis(rows, nearest, axis=0).mean(axis=0)
    np.testing.assert_allclose(coordinates.near_median(rows.copy(), 3), wanted, rtol=1e-12)


@settings(max_examples=50, deadline=None)
@given(
    values=st.lists(st.integers(-50, 50), min_size=1, max_size=9),
    seed=st.integers(0, 1000),
)
def test_the_weighted_median_is_that_of_a_list_with_repeats(values: list[int], seed: int) -> None:
    weights = np.random.default_rng(seed).integers(1, 5, len(values))
    rows = np.array(values, np.float64)[:, None]
    wanted = np.median(np.repeat(rows, weights, axis=0), axis=0)
    found = coordinates.weighted_median(rows.copy(), weights.astype(np.float64))
    np.testing.assert_allclose(found, wanted)


def test_a_weighted_trimmed_mean_weighs_what_is_left() -> None:
    rows = np.array([[0.0], [1.0], [3.0], [99.0]])
    weights = np.array([50.0, 1.0, 3.0, 50.0])
    assert coordinates.weighted_trimmed_mean(rows, 1, weights).tolist() == [2.5]


def test_buckets_are_a_partition_and_their_means() -> None:
    mixing = buckets(7, 3, seed=4)
    assert mixing.shape == (3, 7)
    np.testing.assert_allclose(mixing.sum(axis=1), 1)
    assert sorted(np.count_nonzero(mixing, axis=1)) == [1, 3, 3]
    assert (np.count_nonzero(mixing, axis=0) == 1).all()
    np.testing.assert_array_equal(mixing, buckets(7, 3, seed=4))


def test_trust_follows_its_formula(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    base, mine = rng.standard_normal((2, 30))
    vectors = base + np.stack([mine - base + rng.standard_normal(30) for _ in range(4)] + [base])
    vectors[3] = base - 5 * (mine - base)
    way, ways = mine - base, vectors - base
    scores = [
        max(0.0, w @ way / np.linalg.norm(w) / np.linalg.norm(way)) if w.any() else 0.0
        for w in ways
    ]
    scaled = [w * np.linalg.norm(way) / max(np.linalg.norm(w), 1e-30) for w in ways]
    wanted = base + sum(s * w for s, w in zip(scores, scaled, strict=True)) / sum(scores)
    found, report = merged(tmp_path, vectors, Rule.FLTRUST, base, reference=mine)
    np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-12)
    assert report.parts[3].share == 0 and report.parts[4].share == 0
    assert not trusted(np.eye(2), np.array([-1.0, 0.0, 1.0]), np.ones(2)).any()


def test_clipped_norms_follow_their_formula(tmp_path: Path) -> None:
    vectors, base = crowd().astype(np.float64), np.full(300, 0.5)
    ways = vectors - base
    lengths = np.linalg.norm(ways, axis=1)
    for clip in (None, 3.0):
        longest = np.median(lengths) if clip is None else clip
        wanted = base + (ways * np.minimum(1, longest / lengths)[:, None]).mean(axis=0)
        found, _ = merged(tmp_path, vectors, Rule.NORM_CLIPPING, base, clip=clip)
        np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-12)


def test_the_geometric_median_has_the_least_sum_of_distances() -> None:
    rng = np.random.default_rng(5)
    vectors = rng.standard_normal((6, 8))
    weights = np.full(6, 1 / 6)
    at = geometric_median(vectors @ vectors.T, weights)

    def sum_of_distances(point: Array) -> float:
        return float(np.linalg.norm(vectors - point, axis=1).sum())

    best = at @ vectors
    for _ in range(50):
        assert (
            sum_of_distances(best) <= sum_of_distances(best + 1e-3 * rng.standard_normal(8)) + 1e-9
        )
    np.testing.assert_allclose(at.sum(), 1)


def test_the_geometric_median_of_a_majority_in_one_point_is_that_point() -> None:
    vectors = np.array([[1.0, 2.0]] * 3 + [[50.0, -3.0], [7.0, 7.0]])
    at = geometric_median(vectors @ vectors.T, np.full(5, 0.2))
    np.testing.assert_allclose(at @ vectors, [1.0, 2.0], atol=1e-6)


def test_centred_clipping_without_a_radius_is_not_moved_far_by_giants() -> None:
    vectors = np.concatenate([np.ones((7, 4)), np.full((3, 4), 1e9)])
    at = centred_clipping(vectors @ vectors.T, np.full(10, 0.1), None, 3)
    assert np.abs(at @ vectors - 1).max() < 1


# What the rules promise.


@pytest.mark.parametrize("rule", ROBUST)
def test_few_giants_do_not_move_a_robust_merge_far(tmp_path: Path, rule: Rule) -> None:
    vectors = crowd(honest=9, bad=2)
    vectors[9:] = 1e6
    found, report = merged(tmp_path, vectors, rule, np.zeros(300, np.float32), bad=2)
    assert np.abs(found).mean() < 2
    assert report.rule is rule and report.reason


@pytest.mark.parametrize("mixing", list(Mixing))
@pytest.mark.parametrize("rule", ROBUST)
def test_the_order_of_updates_does_not_matter(tmp_path: Path, rule: Rule, mixing: Mixing) -> None:
    if mixing is Mixing.BUCKETING:
        return  # Buckets are drawn by place.
    vectors = crowd(honest=9, bad=2)
    base = np.zeros(300, np.float32)
    first, _ = merged(tmp_path, vectors, rule, base, bad=2, mixing=mixing)
    again, _ = merged(tmp_path, vectors[::-1].copy(), rule, base, bad=2, mixing=mixing)
    np.testing.assert_allclose(first, again, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("rule", [*ROBUST, Rule.MEAN, Rule.AUTO])
def test_updates_that_agree_are_given_back(tmp_path: Path, rule: Rule) -> None:
    value = np.random.default_rng(0).standard_normal(300).astype(np.float32)
    found, _ = merged(tmp_path, np.stack([value] * 11), rule, np.zeros(300, np.float32))
    np.testing.assert_allclose(found, value, rtol=2e-7)


@pytest.mark.parametrize("rule", ROBUST)
def test_pieces_leave_no_seams(tmp_path: Path, rule: Rule, monkeypatch: pytest.MonkeyPatch) -> None:
    vectors, base = crowd(), np.zeros(300, np.float32)
    whole, _ = merged(tmp_path, vectors, rule, base, bad=2)
    monkeypatch.setattr(streams, "ELEMENTS", 80)
    monkeypatch.setattr(streams, "LEAST", 8)
    monkeypatch.setattr("decentralml.learning.mean.PIECE", 8)
    pieces, _ = merged(tmp_path, vectors, rule, base, bad=2)
    np.testing.assert_array_equal(whole, pieces)


@pytest.mark.parametrize("rule", list(MOST_BAD))
@pytest.mark.parametrize("updates", [1, 2, 3, 4, 7, 10, 20])
def test_a_rule_is_asked_for_no_more_than_its_paper_allows(rule: Rule, updates: int) -> None:
    most = MOST_BAD[rule](updates)
    if most < 0:
        with pytest.raises(TooManyBad, match="wait for more updates"):
            choose(rule, updates, RuleOptions())
        return
    assert choose(rule, updates, RuleOptions()).bad <= most
    if rule is not Rule.MEAN:
        with pytest.raises(TooManyBad, match=f"at most {most}"):
            choose(rule, updates, RuleOptions(bad=most + 1))


# The automatic choice.


def test_auto_names_its_rule_and_says_why(tmp_path: Path) -> None:
    _, two = merged(tmp_path, crowd(honest=2, bad=0), Rule.AUTO)
    assert two.rule is Rule.MEAN and "too few" in two.reason
    _, many = merged(tmp_path, crowd(honest=9, bad=2), Rule.AUTO)
    assert (many.rule, many.mixing) == (Rule.TRIMMED_MEAN, Mixing.NEAREST_NEIGHBOURS)
    assert many.asked is Rule.AUTO and many.bad == 3 and "mixed" in many.reason
    _, trusting = merged(tmp_path, crowd(honest=9, bad=0), Rule.AUTO, bad=0)
    assert trusting.rule is Rule.MEAN and "expected" in trusting.reason


def test_auto_leaves_out_the_base_model_copies_and_who_pulls_back(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    base = rng.standard_normal(300)
    honest = base + 1 + rng.standard_normal((7, 300))
    noise = 0.001 * rng.standard_normal(300)
    vectors = np.concatenate([honest, [base, honest[2] + noise, base - 2]]).astype(np.float32)
    found, report = merged(tmp_path, vectors, Rule.AUTO, base.astype(np.float32))
    assert {place: why.split()[1] for place, why in report.rejected.items()} == {
        7: "is", 8: "is", 9: "goes",
    }  # fmt: skip
    assert "base model" in report.rejected[7] and "copy of update 3" in report.rejected[8]
    assert report.rule is Rule.MEAN and "3 of 10 updates were left out" in report.reason
    np.testing.assert_allclose(found, honest.mean(axis=0), rtol=1e-5, atol=1e-5)


def test_any_rule_can_be_asked_to_screen(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    base = np.zeros(300, np.float32)
    honest = (1 + rng.standard_normal((7, 300))).astype(np.float32)
    vectors = np.concatenate([honest, [honest[1]], [-2 * honest.mean(axis=0)]])
    for rule in (Rule.MEDIAN, Rule.MEAN, Rule.NORM_CLIPPING, Rule.TRIMMED_MEAN):
        _, report = merged(tmp_path, vectors, rule, base, screen=True)
        assert list(report.rejected) == [7, 8] and report.rule is rule
        _, plain = merged(tmp_path, vectors, rule, base)
        assert not plain.rejected
    _, auto = merged(tmp_path, vectors, Rule.AUTO, base, screen=False)
    assert not auto.rejected


def test_nobody_honest_is_screened_out_where_ways_are_orthogonal() -> None:
    from decentralml.learning.robust.geometry import Geometry

    vectors = np.random.default_rng(0).standard_normal((10, 5000))
    assert screened(Geometry(vectors @ vectors.T, True), 3) == {}


def test_nearest_neighbours_count_themselves() -> None:
    mixing = nearest_neighbours(np.zeros((4, 4)), 1)
    assert (np.diag(mixing) > 0).all() and np.allclose(mixing.sum(axis=1), 1)
