"""Amounts, durations and times as people type them: text in, integers out, and back.

Tokens are decimal text and never floating point, so that ``2.5`` is exactly 2.5 * 10**12 planck.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

import click

from decentralml.errors.quantities import DECIMALS
from decentralml.errors.quantities import format_amount as format_amount
from decentralml.errors.quantities import format_proportion as format_proportion
from decentralml.errors.quantities import format_time as format_time
from decentralml.types import PPM

MILLISECONDS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}

MOST_PLANCK = 2**128 - 1
"""The chain's ``Balance`` is a u128."""
LONGEST = 36_500 * MILLISECONDS["d"]

_AMOUNT = re.compile(r"([0-9]+)(?:\.([0-9]+))?")
_DURATION = re.compile(r"([0-9]+)(ms|s|m|h|d|w)")
_PROPORTION = re.compile(r"([0-9]+)(?:\.([0-9]+))?(%?)")


def parse_amount(text: str, decimals: int = DECIMALS) -> int:
    """``"2.5"`` to the smallest units of a token (planck); ValueError for anything inexact.

    Parameters
    ----------
    decimals : of the token; the native one's if not given.
    """
    match = _AMOUNT.fullmatch(text.strip())
    if not match:
        raise ValueError(f"{text!r} is not an amount of tokens; write it like 2.5")
    whole, fraction = match.group(1), match.group(2) or ""
    if len(fraction) > decimals:
        raise ValueError(f"{text!r} has more than {decimals} decimals, the smallest unit there is")
    planck = int(whole + fraction.ljust(decimals, "0"))
    if planck > MOST_PLANCK:
        raise ValueError(f"{text!r} is more than a chain can count; name fewer tokens")
    return planck


def parse_duration(text: str) -> int:
    """``"2h30m"`` to milliseconds."""
    parts = _DURATION.findall(text.strip())
    if not parts or "".join(number + unit for number, unit in parts) != text.strip():
        raise ValueError(f"{text!r} is not a duration; write it like 90s, 45m, 2h30m or 7d")
    milliseconds = sum(int(number) * MILLISECONDS[unit] for number, unit in parts)
    if milliseconds > LONGEST:
        raise ValueError(f"{text!r} is too long; {LONGEST // MILLISECONDS['d']}d is the longest")
    return milliseconds


def format_duration(milliseconds: int) -> str:
    """The two largest units of a duration: ``9000000`` is ``"2h30m"``."""
    if milliseconds < 1000:
        return f"{milliseconds}ms"
    parts, rest = [], milliseconds
    for unit in ("d", "h", "m", "s"):
        count, rest = divmod(rest, MILLISECONDS[unit])
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts[:2])


def parse_proportion(text: str) -> int:
    """``"0.85"`` or ``"85%"`` to parts per million."""
    match = _PROPORTION.fullmatch(text.strip())
    if not match:
        raise ValueError(f"{text!r} is not a proportion; write it like 0.85 or 85%")
    whole, fraction, percent = match.group(1), match.group(2) or "", match.group(3)
    digits = 4 if percent else 6
    if len(fraction) > digits:
        raise ValueError(f"{text!r} is finer than one part in a million")
    value = int(whole) * (PPM // 100 if percent else PPM) + int(fraction.ljust(digits, "0"))
    if value > PPM:
        raise ValueError(f"{text!r} is more than the whole; proportions end at 1 (100%)")
    return value


def format_metric(value: float) -> str:
    """A measured number with at most four significant decimals: ``0.648``, ``1000``."""
    return f"{value:.4f}".rstrip("0").rstrip(".")


@dataclass(frozen=True, slots=True)
class When:
    """A time as typed: ``at`` Unix milliseconds, or ``after`` milliseconds from the chain's now."""

    at: int | None = None
    after: int = 0

    def resolve(self, now: int) -> int:
        return now + self.after if self.at is None else self.at


def parse_time(text: str) -> When:
    """``"2h"`` from now, or an ISO time (UTC unless it names an offset)."""
    if _DURATION.match(text.strip()):
        return When(after=parse_duration(text))
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(
            f"{text!r} is not a time; write it like 2h (from now) or 2027-01-31T18:00"
        ) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return When(at=int(moment.timestamp() * 1000))


class _Parsed(click.ParamType[object]):
    """A click type that calls a parser and reports its ValueError as a usage error."""

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> object:
        if not isinstance(value, str):
            return value
        try:
            return self.parse(value)
        except (ValueError, OverflowError) as error:
            self.fail(str(error), param, ctx)

    def parse(self, text: str) -> object:
        raise ValueError(text)


class Amount(_Parsed):
    name = "tokens"

    def parse(self, text: str) -> int:
        return parse_amount(text)


class Duration(_Parsed):
    name = "duration"

    def parse(self, text: str) -> int:
        return parse_duration(text)


class Proportion(_Parsed):
    name = "proportion"

    def parse(self, text: str) -> int:
        return parse_proportion(text)


class Time(_Parsed):
    name = "time"

    def parse(self, text: str) -> When:
        return parse_time(text)


AMOUNT = Amount()
DURATION = Duration()
PROPORTION = Proportion()
TIME = Time()
