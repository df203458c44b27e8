"""After how many batches a node syncs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decentralml.errors import BadSyncFrequency
from decentralml.swarm.training.schedule import RANGE, Schedule, next_interval


@pytest.mark.parametrize("bad", [0, -1, 1.5, True, None, "8"])
def test_a_sync_frequency_that_is_no_number_from_one_on_is_refused(bad: object) -> None:
    with pytest.raises(BadSyncFrequency, match="whole number from 1"):
        Schedule(bad)  # type: ignore[arg-type]


def test_a_falling_loss_raises_the_interval_and_no_improvement_lowers_it() -> None:
    schedule = Schedule(16)
    seen = []
    for loss in (2.0, 1.5, 1.2, 1.0, 0.9, 0.9, 0.95, 0.94, 0.94):
        schedule = schedule.after(loss)
        seen.append(schedule.interval)
    assert seen == [16, 24, 36, 54, 64, 32, 16, 24, 12]


def test_less_than_a_thousandth_is_no_fall() -> None:
    assert next_interval(16, 16, 1.0, 0.9991) == 8
    assert next_interval(16, 16, 1.0, 0.9989) == 24
    assert next_interval(16, 16, -1.0, -1.1) == 24


def test_a_loss_that_is_no_number_counts_as_no_improvement_and_a_return_from_it_as_one() -> None:
    nan = float("nan")
    assert next_interval(16, 16, 1.0, nan) == 8
    assert next_interval(16, 16, 1.0, float("-inf")) == 8
    assert next_interval(16, 16, nan, nan) == 8
    assert next_interval(8, 16, nan, 1.0) == 12


@given(st.integers(1, 1000), st.lists(st.floats(allow_nan=True), max_size=40))
def test_the_interval_stays_in_its_bounds_whatever_is_measured(
    frequency: int, losses: list[float]
) -> None:
    schedule = Schedule(frequency)
    for loss in losses:
        schedule = schedule.after(loss)
        assert frequency / RANGE <= schedule.interval <= frequency * RANGE
        assert schedule.interval >= 1


def test_an_interval_of_one_can_grow() -> None:
    assert next_interval(1, 1, 2.0, 1.0) == 2


def test_a_resumed_interval_is_within_the_bounds_that_hold_now() -> None:
    assert Schedule(8).resumed(500, 0.5) == Schedule(8, 32, 0.5)
    assert Schedule(8).resumed(0, None) == Schedule(8, 2)
    assert Schedule(8).resumed(12, 0.5).interval == 12
