"""Amounts, parts and times as people read them; in messages, too."""

from __future__ import annotations

from datetime import UTC, datetime

from decentralml.types import UNIT

DECIMALS = len(str(UNIT)) - 1


def format_amount(planck: int, decimals: int = DECIMALS) -> str:
    """Planck as tokens without needless zeros: ``2500000000000`` is ``"2.5"``."""
    sign = "-" if planck < 0 else ""
    whole, rest = divmod(abs(planck), 10**decimals)
    fraction = str(rest).rjust(decimals, "0").rstrip("0")
    return f"{sign}{whole}.{fraction}" if fraction else f"{sign}{whole}"


def format_time(milliseconds: int) -> str:
    """Unix milliseconds as ISO time in UTC, to the second; a node may claim any."""
    try:
        moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return f"{milliseconds} ms after 1970"
    return moment.strftime("%Y-%m-%d %H:%M:%SZ")


def format_proportion(ppm: int) -> str:
    """Parts per million as a percentage with two decimals."""
    sign = "-" if ppm < 0 else ""
    return f"{sign}{abs(ppm) // 10_000}.{abs(ppm) % 10_000 // 100:02d}%"
