"""One pure scorer for each metric, found by the model's type and the metric's name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from numpy.typing import NDArray

from decentralml.errors import MetricUnknown
from decentralml.types import ModelType
from decentralml.validation.scores.annotation import score_annotation
from decentralml.validation.scores.classification import score_classification
from decentralml.validation.scores.score import Score

__all__ = ["SCORERS", "Score", "Scorer", "score_annotation", "score_classification", "scorer"]

Scorer = Callable[[NDArray[Any], NDArray[Any]], Score]
"""From predictions and labels."""

SCORERS: Mapping[tuple[ModelType, str], Scorer] = {
    (ModelType.VISION, "accuracy"): score_classification,
    (ModelType.TEXT, "accuracy"): score_classification,
    (ModelType.AUDIO, "accuracy"): score_classification,
    (ModelType.MULTI_MODAL, "accuracy"): score_classification,
}


def scorer(model_type: ModelType, metric: str) -> Scorer:
    """The scorer of a metric for a type of model. Raises :class:`MetricUnknown`."""
    found = SCORERS.get((model_type, metric))
    if found is None:
        known = tuple(sorted(name for kind, name in SCORERS if kind is model_type))
        raise MetricUnknown(metric, model_type, known)
    return found
