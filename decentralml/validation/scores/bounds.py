"""Metrics held against what they can be, before any formula sees them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from numbers import Real

from decentralml.errors import MetricAbsurd, MetricMissing


def at_least(name: str, value: float, least: float) -> float:
    """``value``, a finite number of ``least`` or more. Raises :class:`MetricAbsurd`."""
    number = _number(name, value)
    if not (math.isfinite(number) and number >= least):
        raise MetricAbsurd(name, value, f"a finite number of at least {least:g}")
    return number


def share(name: str, value: float) -> float:
    """``value``, a share from 0 to 1. Raises :class:`MetricAbsurd`."""
    number = _number(name, value)
    if not 0 <= number <= 1:
        raise MetricAbsurd(name, value, "a share from 0 to 1")
    return number


def required(metrics: Mapping[str, float], name: str, model_type: str) -> float:
    """A metric that a type of model cannot do without. Raises :class:`MetricMissing`."""
    if name not in metrics:
        raise MetricMissing(name, model_type, tuple(sorted(metrics)))
    return metrics[name]


def _number(name: str, value: float) -> float:
    """Metrics may come from a client's own program: text and truth values are no numbers.

    Those of NumPy are, whichever type they are of.
    """
    if isinstance(value, bool) or not isinstance(value, Real):
        raise MetricAbsurd(name, value, "a number")
    try:
        return float(value)
    except OverflowError:
        raise MetricAbsurd(name, math.inf, "a number that a computer can hold") from None
