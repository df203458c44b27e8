"""Merging's compiled loops against NumPy and exact sums: to the bit where the order is promised."""

from __future__ import annotations

import gc
import math
import threading
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
import wasmtime
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from decentralml.learning.kernels import arena as module
from decentralml.learning.kernels import mixing, order, products, sums
from decentralml.learning.kernels.arena import LINE, PAGE, Arena
from decentralml.learning.robust.mixing import buckets, nearest_neighbours
from decentralml.learning.robust.networks import middle_network, network

Array = NDArray[Any]
DOUBLE = np.dtype(np.float64)
UNIT = 2.0**-53
"""How far, of its own size, a float64 can be from what it was rounded from."""
NOT_FINITE = (math.nan, -math.nan, math.inf, -math.inf)
ENOUGH = settings(max_examples=40, deadline=None)
ROWS, COUNTS, SEEDS = st.integers(1, 21), st.integers(1, 300), st.integers(0, 2**32 - 1)


def floats(seed: int, n: int, count: int) -> Array:
    """Of all sizes: denormal ones, zeros of both signs, the largest."""
    rng = np.random.default_rng(seed)
    values = rng.standard_normal((n, count)) * 10.0 ** rng.integers(-44, 38, (n, count))
    values[rng.random((n, count)) < 0.1] = 0.0
    found: Array = np.copysign(values, rng.standard_normal((n, count))).astype(np.float32)
    return found


def within(arena: Arena, values: Array) -> Array:
    rows = arena.rows(*values.shape, values.dtype)
    rows[:] = values
    return rows


def same_bits(one: Array, two: Array) -> bool:
    return one.tobytes() == two.tobytes()


# Where the numbers lie.


def test_rows_are_padded_with_zeros_and_lie_an_odd_number_of_lines_apart() -> None:
    arena = Arena()
    arena.array((PAGE,), "u1").fill(255)
    arena.clear()
    for dtype in ("f4", "f8", "u1", "i2"):
        rows = arena.rows(3, 1000, dtype)
        assert rows.strides[0] // LINE % 2 == 1 and rows.strides[0] % LINE == 0
        address = rows.__array_interface__["data"][0]
        assert address % LINE == 0
        beyond = np.lib.stride_tricks.as_strided(rows, (3, rows.strides[0] // rows.itemsize))
        assert not beyond[:, 1000:].any()


def test_arrays_stay_where_they_are_while_the_memory_grows() -> None:
    arena = Arena()
    first = arena.array((10,), DOUBLE)
    first[:] = 7
    others = [arena.array((1 << 18,), DOUBLE) for _ in range(8)]
    for other in others:
        other.fill(1)
    assert (first == 7).all() and all((other == 1).all() for other in others)


def test_what_is_made_in_passing_is_written_over_and_cleared_memory_is_used_again() -> None:
    arena = Arena()
    with arena.passing():
        one = arena.array((100,), DOUBLE)
    two = arena.array((100,), DOUBLE)
    assert np.shares_memory(one, two)
    arena.clear()
    assert np.shares_memory(arena.array((100,), DOUBLE), two)


def test_a_memory_is_kept_for_the_next_arena_unless_it_is_large() -> None:
    with patch.object(module, "_kept", []):
        first = Arena()
        address = first.array((10,), DOUBLE).__array_interface__["data"][0]
        other = Arena().array((10,), DOUBLE)
        assert other.__array_interface__["data"][0] != address
        del first, other
        gc.collect()
        again = Arena()
        reached = {again.array((10,), DOUBLE).__array_interface__["data"][0]}
        reached.add(Arena().array((10,), DOUBLE).__array_interface__["data"][0])
        assert address in reached
        again.array((module.KEPT,), "u1")
        before = len(module._kept)
        del again
        gc.collect()
        assert len(module._kept) == before


def test_a_memory_whose_arena_is_collected_in_a_circle_is_sound() -> None:
    with patch.object(module, "_kept", []):
        for _ in range(20):
            arena = Arena()
            rows = within(arena, np.ones((2, 1 << 14), np.float32))
            assert order.finite(arena, rows)
            circle: list[Any] = [arena, rows]
            circle.append(circle)
            del arena, rows, circle
            gc.collect()
            assert len(module._kept) == 1


def test_an_array_that_outlives_its_arena_can_still_be_read() -> None:
    with patch.object(module, "_kept", []):
        values = Arena().array((module.KEPT,), DOUBLE)  # too large to be kept
        gc.collect()
        values.fill(3)
        assert values.sum() == 3 * module.KEPT


def test_each_thread_has_memory_of_its_own() -> None:
    arena = Arena()
    mine = arena.array((10,), DOUBLE)
    mine.fill(1)
    seen: list[Array] = []

    def other() -> None:
        theirs = arena.array((10,), DOUBLE)
        theirs.fill(2)
        seen.append(theirs)

    thread = threading.Thread(target=other)
    thread.start()
    thread.join()
    assert not np.shares_memory(mine, seen[0]) and (mine == 1).all()


def test_a_loop_cannot_leave_its_memory() -> None:
    arena = Arena()
    rows = arena.rows(1, 16, "f4")
    with pytest.raises(wasmtime.Trap, match="out of bounds"):
        arena.run(order._ODD, rows, 0, 1 << 28, 1)
    assert order.finite(arena, within(arena, np.ones((1, 16), np.float32)))


# Sums.


@ENOUGH
@given(n=ROWS, count=COUNTS, seed=SEEDS)
def test_a_weighted_sum_is_numpys_in_that_order_to_the_bit(n: int, count: int, seed: int) -> None:
    values = floats(seed, n, count)
    factors = np.random.default_rng(seed).random(n)
    wanted = values[0] * factors[0]
    for row, factor in zip(values[1:], factors[1:], strict=True):
        wanted = wanted + row * factor
    arena = Arena()
    total = arena.rows(1, count, DOUBLE)[0]
    within(arena, np.full((1, 8), np.nan))  # what lies beside it is not looked at
    coefficients = arena.array((n,), DOUBLE)
    coefficients[:] = factors
    cut = (n + 1) // 2
    rows = within(arena, values)
    assert sums.add(arena, total, rows[:cut], coefficients[:cut], anew=True)
    if cut < n:
        assert sums.add(arena, total, rows[cut:], coefficients[cut:], anew=False)
    assert same_bits(total, wanted)


@ENOUGH
@given(n=ROWS, count=COUNTS, seed=SEEDS)
def test_a_weighted_mean_is_as_near_the_exact_one_as_its_bound_says(
    n: int, count: int, seed: int
) -> None:
    values = floats(seed, n, count)
    factors = np.random.default_rng(seed).random(n)
    arena = Arena()
    total, coefficients = arena.rows(1, count, DOUBLE)[0], arena.array((n,), DOUBLE)
    coefficients[:] = factors
    sums.add(arena, total, within(arena, values), coefficients, anew=True)
    for column, found in zip(values.T, total, strict=True):
        parts = [float(v) * float(c) for v, c in zip(column, factors, strict=True)]
        assert abs(found - math.fsum(parts)) <= n * UNIT * math.fsum(map(abs, parts)) + 5e-324


@pytest.mark.parametrize("odd", NOT_FINITE)
@pytest.mark.parametrize("factor", [0.0, 0.5])
def test_one_number_that_is_not_finite_is_seen_wherever_it_is(odd: float, factor: float) -> None:
    for place in (0, 1, 15, 16, 98):
        values = np.ones((3, 99), np.float32)
        values[1, place] = odd
        arena = Arena()
        rows, total = within(arena, values), arena.rows(1, 99, DOUBLE)[0]
        coefficients = arena.array((3,), DOUBLE)
        coefficients[:] = factor
        assert not sums.add(arena, total, rows, coefficients, anew=True)
        assert not order.finite(arena, rows)


# Inner products.


@ENOUGH
@given(n=ROWS, count=COUNTS, seed=SEEDS, wide=st.booleans())
def test_inner_products_are_as_near_the_exact_ones_as_any_order_of_sums(
    n: int, count: int, seed: int, wide: bool
) -> None:
    rng = np.random.default_rng(seed)
    values = rng.standard_normal((n, count)).astype(np.float64 if wide else np.float32)
    origin = rng.standard_normal(count).astype(values.dtype)
    arena = Arena()
    rows, start = within(arena, values), within(arena, origin[None].astype(np.float64))[0]
    found = products.products(arena, rows, start)
    ways = values.astype(np.float64) - origin
    sizes = np.abs(ways) @ np.abs(ways).T
    bound = (count + 2) * UNIT * sizes
    exact = [[math.fsum(one * two) for one in ways] for two in ways]
    assert (np.abs(found - exact) <= bound).all() and np.array_equal(found, found.T)
    if not wide:
        squares = products.squares(arena, rows, within(arena, origin[None])[0])
        assert (np.abs(squares - np.diag(exact)) <= np.diag(bound)).all()


def test_products_are_summed_alike_wherever_their_rows_are_among_the_others() -> None:
    values = floats(1, 7, 500).clip(-1e3, 1e3)
    arena = Arena()
    origin = arena.rows(1, 500, DOUBLE)[0]
    origin.fill(0)
    found = products.products(arena, within(arena, values), origin)
    shuffled = [5, 0, 6, 2, 4, 1, 3]
    again = products.products(arena, within(arena, values[shuffled]), origin)
    assert same_bits(again, found[np.ix_(shuffled, shuffled)])


def test_an_update_that_is_not_finite_spoils_its_own_products_alone() -> None:
    values = np.ones((5, 40), np.float32)
    values[2, 7] = np.nan
    arena = Arena()
    origin = arena.rows(1, 40, DOUBLE)[0]
    origin.fill(0)
    rows = within(arena, values)
    with np.errstate(invalid="ignore"):
        found = products.products(arena, rows, origin)
    odd = np.zeros((5, 5), bool)
    odd[2], odd[:, 2] = True, True
    assert np.array_equal(np.isnan(found), odd) and (found[~odd] == 40).all()
    assert np.array_equal(np.isnan(products.squares(arena, rows, origin)), odd.diagonal())


# Order statistics and mixing.


@ENOUGH
@given(n=ROWS, count=COUNTS, seed=SEEDS, part=st.floats(0, 0.99))
def test_trimmed_means_and_medians_are_those_of_sorted_columns(
    n: int, count: int, seed: int, part: float
) -> None:
    values = floats(seed, n, count)
    bad = int(part * ((n - 1) // 2))
    arena = Arena()
    ordered = np.sort(values, axis=0).astype(np.float64)
    kept = range(bad, n - bad)
    rows = within(arena, values)
    found = order.mean_of_ranks(arena, rows, middle_network(n, bad), kept)
    bound = n * UNIT * np.abs(ordered[kept]).sum(axis=0) + 5e-324
    exact = np.array([math.fsum(column) / len(kept) for column in ordered[kept].T])
    assert (np.abs(found - exact) <= bound).all()
    middle = tuple(sorted({(n - 1) // 2, n // 2}))
    found = order.mean_of_ranks(arena, rows, network(n, middle), middle)
    assert np.array_equal(found, np.median(values.astype(np.float64), axis=0))
    assert same_bits(rows, values)  # They are left as they are.


def test_zeros_of_both_signs_are_all_kept() -> None:
    values = np.array([[0.0], [-0.0], [0.0], [-0.0]], np.float32)
    arena = Arena()
    for ranks in ((0,), (1,), (2,), (3,)):
        network_of = network(4, ranks)
        found = order.mean_of_ranks(arena, within(arena, values), network_of, ranks)
        assert found[0] == 0
    signs = []
    rows = within(arena, values)
    for rank in range(4):
        found = order.mean_of_ranks(arena, rows, network(4, (0, 1, 2, 3)), (rank,))
        signs.append(bool(np.signbit(found[0])))
    assert sorted(signs) == [False, False, True, True]


@ENOUGH
@given(n=st.integers(3, 21), count=COUNTS, seed=SEEDS, size=st.integers(1, 5))
def test_mixed_rows_are_the_means_that_the_matrix_says(
    n: int, count: int, seed: int, size: int
) -> None:
    rng = np.random.default_rng(seed)
    values = rng.standard_normal((n, count)).astype(np.float32)
    squares = rng.random((n, n))
    for matrix in (nearest_neighbours(squares + squares.T, (n - 1) // 3), buckets(n, size, seed)):
        arena = Arena()
        found = mixing.mixed(arena, within(arena, values), mixing.recipes(matrix))
        exact = np.array(
            [[math.fsum(row * column) for column in values.T.astype(np.float64)] for row in matrix]
        )
        step = np.abs(exact) * 2.0**-24 + n * UNIT * np.abs(values).sum(axis=0)
        assert found.dtype == np.float32 and (np.abs(found - exact) <= step).all()


def test_a_mixture_of_everything_needs_nothing_taken_away() -> None:
    values = np.arange(12, dtype=np.float32).reshape(3, 4)
    arena = Arena()
    found = mixing.mixed(arena, within(arena, values), mixing.recipes(np.full((2, 3), 1 / 3)))
    assert found.tolist() == [[4, 5, 6, 7]] * 2
