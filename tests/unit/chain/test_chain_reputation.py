"""Reputations fade here as they do in the pallet (its tests have the same tables)."""

from __future__ import annotations

import pytest

from decentralml.chain.reputation import reputation, standing
from decentralml.types import Role


@pytest.mark.parametrize(
    ("now", "accepted", "rejected"),
    [
        (0, 8_000, 7),
        (1, 7_960, 6),
        (50, 6_000, 5),
        (99, 4_040, 3),
        (100, 4_000, 3),
        (150, 3_000, 2),
        (200, 2_000, 1),
        (300, 1_000, 0),
        (399, 505, 0),
        (1_200, 1, 0),
        (1_300, 0, 0),
        (2**64 - 1, 0, 0),
    ],
)
def test_counts_fade_to_their_half_along_a_straight_line(
    now: int, accepted: int, rejected: int
) -> None:
    found = reputation(Role.CREATOR, (8_000, 7, 0, 0), 12, 0, now, 100)
    assert (found.accepted, found.rejected, found.earned) == (accepted, rejected, 12)


def test_a_clock_that_is_behind_takes_nothing_off() -> None:
    found = reputation(Role.CREATOR, (8_000, 0, 0, 0), 0, 750, 700, 100)
    assert found.accepted == 8_000


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ((0, 0, 0, 0), 500_000),
        ((1, 0, 0, 0), 500_499),
        ((0, 1, 0, 0), 499_500),
        ((999, 0, 0, 0), 749_874),
        ((500, 500, 0, 0), 500_000),
        ((1_000, 0, 0, 0), 750_000),
        ((0, 1_000, 0, 0), 250_000),
        ((0, 0, 1_000, 0), 166_666),
        ((0, 0, 0, 1_000), 100_000),
        ((3_000, 1_000, 0, 0), 700_000),
        ((2_000, 0, 1_000, 0), 500_000),
        ((99_500, 0, 0, 0), 995_024),
        ((2**32 - 1, 0, 0, 0), 999_999),
        ((0, 2**32 - 1, 0, 0), 0),
        ((2**32 - 1,) * 4, 125_000),
    ],
)
def test_the_standing_weighs_deeds_by_how_bad_they_are(
    counts: tuple[int, int, int, int], expected: int
) -> None:
    assert standing(*counts) == expected
