"""Which segments a seed draws: a table that the pallet is held against, too."""

from __future__ import annotations

import hashlib
from collections import Counter

import pytest

from decentralml.errors import SegmentOutside
from decentralml.validation.segments import (
    check_segments,
    detection_probability,
    drawn_segments,
)

COUNTING = bytes(range(32))
TABLE: list[tuple[bytes, int, int, tuple[int, ...]]] = [
    (bytes(32), 2, 1, (0,)),
    (bytes(32), 13, 4, (10, 0, 2, 4)),
    (b"\xff" * 32, 13, 4, (7, 9, 4, 8)),
    (b"\x01" * 32, 6, 16, (0, 2, 1, 4, 3)),
    (COUNTING, 101, 8, (35, 34, 30, 79, 17, 41, 9, 68)),
    (COUNTING, 4096, 6, (3365, 186, 4092, 1239, 247, 1496)),
]
"""Seed, checkpoints, segments to draw; and what is drawn."""


@pytest.mark.parametrize(("seed", "checkpoints", "segments", "drawn"), TABLE)
def test_segments_of_known_seeds(
    seed: bytes, checkpoints: int, segments: int, drawn: tuple[int, ...]
) -> None:
    assert drawn_segments(seed, checkpoints, segments) == drawn


def test_the_first_segment_is_the_hash_modulo_their_number() -> None:
    seed = bytes(range(32))
    hashed = hashlib.blake2b(seed + b"segment" + bytes(4), digest_size=32).digest()
    assert drawn_segments(seed, 101, 1) == (int.from_bytes(hashed[:16], "little") % 100,)


def test_more_segments_go_on_from_fewer() -> None:
    seed = b"\x07" * 32
    assert drawn_segments(seed, 50, 16)[:4] == drawn_segments(seed, 50, 4)


def test_all_segments_are_drawn_where_more_are_asked_for() -> None:
    assert sorted(drawn_segments(bytes(32), 6, 16)) == [0, 1, 2, 3, 4]


def test_every_segment_is_drawn_about_equally_often() -> None:
    counts = Counter(
        segment for n in range(4000) for segment in drawn_segments(n.to_bytes(32, "big"), 9, 2)
    )
    assert sorted(counts) == list(range(8))
    assert all(850 < count < 1150 for count in counts.values()), counts


@pytest.mark.parametrize("segment", [-1, 12, 2**32])
def test_a_segment_outside_the_run_is_refused(segment: int) -> None:
    check_segments([0, 11], 13)
    with pytest.raises(SegmentOutside, match=rf"segment {segment} lies outside .* 12 \(0 to 11\)"):
        check_segments([3, segment], 13)


def test_detection_is_at_least_what_draws_with_replacement_would_give() -> None:
    for dishonest in range(1, 12):
        for drawn in (1, 2, 4, 8):
            bound = 1 - (1 - dishonest / 12) ** drawn
            assert detection_probability(12, dishonest, drawn) >= bound - 1e-12
    assert detection_probability(12, 1, 1) == pytest.approx(1 / 12)
    assert detection_probability(12, 9, 4) == 1.0
    assert detection_probability(12, 0, 12) == 0.0
