"""Amounts, durations, times and proportions: exact both ways, and refused with a reason."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decentralml.cli import units
from decentralml.types import UNIT


@pytest.mark.parametrize(
    ("text", "planck"),
    [
        ("0", 0),
        ("1", UNIT),
        ("2.5", 2_500_000_000_000),
        ("0.000000000001", 1),
        ("0.1", 100_000_000_000),
        ("16140901.065495857664", 16_140_901_065_495_857_664),
    ],
)
def test_tokens_become_planck_exactly(text: str, planck: int) -> None:
    assert units.parse_amount(text) == planck
    assert units.format_amount(planck) == text


@given(st.integers(0, 10**30))
def test_every_amount_survives_being_printed(planck: int) -> None:
    assert units.parse_amount(units.format_amount(planck)) == planck


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-1",
        "1e3",
        "1,5",
        ".5",
        "1.",
        "0.0000000000001",
        "NaN",
        "\N{FULLWIDTH DIGIT ONE}",
        "1 000",
        "0x10",
        "1" + "0" * 39,
    ],
)
def test_what_is_no_exact_amount_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        units.parse_amount(text)


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("250ms", 250),
        ("90s", 90_000),
        ("2h30m", 9_000_000),
        ("7d", 604_800_000),
        ("1w", 604_800_000),
    ],
)
def test_durations_are_read(text: str, milliseconds: int) -> None:
    assert units.parse_duration(text) == milliseconds


@pytest.mark.parametrize("text", ["", "90", "h", "2h 30", "-1h", "1.5h", "2hours"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="duration"):
        units.parse_duration(text)


def test_durations_are_printed_with_their_two_largest_units() -> None:
    assert units.format_duration(9_000_000) == "2h30m"
    assert units.format_duration(90_061_000) == "1d1h"
    assert units.format_duration(999) == "999ms"


def test_a_time_is_relative_or_absolute() -> None:
    assert units.parse_time("2h").resolve(1_000) == 7_201_000
    assert units.parse_time("1970-01-01T01:00").resolve(5) == 3_600_000
    assert units.parse_time("1970-01-01T01:00+01:00").resolve(5) == 0
    with pytest.raises(ValueError, match="time"):
        units.parse_time("tomorrow")


@pytest.mark.parametrize(
    ("text", "ppm"),
    [("0.85", 850_000), ("85%", 850_000), ("0.000001", 1), ("1", 1_000_000), ("12.5%", 125_000)],
)
def test_proportions_become_parts_per_million_exactly(text: str, ppm: int) -> None:
    assert units.parse_proportion(text) == ppm


@pytest.mark.parametrize("text", ["1.1", "101%", "-0.1", "0.0000001", "half"])
def test_what_is_no_proportion_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        units.parse_proportion(text)


def test_a_time_that_no_calendar_knows_is_printed_all_the_same() -> None:
    assert units.format_time(10**16) == f"{10**16} ms after 1970"


def test_a_time_too_far_away_says_so() -> None:
    with pytest.raises(ValueError, match="36500d is the longest"):
        units.parse_time("99999d")
