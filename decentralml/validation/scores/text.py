"""Text: what perplexity and loss are worth.

Source: requirements, part B, after EvoSpikeNet's type-based aggregation.
"""

from __future__ import annotations

import math

from decentralml.validation.scores.bounds import at_least


def perplexity_score(perplexity: float) -> float:
    """``1 / (1 + ln(perplexity))``: 1 for a model that is always sure and right.

    Raises
    ------
    MetricAbsurd : below 1, which no perplexity is, or not finite.
    """
    return 1 / (1 + math.log(at_least("perplexity", perplexity, 1)))


def loss_score(loss: float) -> float:
    """``1 / (1 + loss)``. Raises :class:`MetricAbsurd` for a negative or unbounded loss."""
    return 1 / (1 + at_least("loss", loss, 0))


def text_quality(perplexity: float, loss: float) -> float:
    """The mean of :func:`perplexity_score` and :func:`loss_score`. Raises :class:`MetricAbsurd`."""
    return (perplexity_score(perplexity) + loss_score(loss)) / 2
