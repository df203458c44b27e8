"""One pure scorer for each metric, found by the model's type and the metric's name."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from decentralml.bundles.meta import ADAPTED_ACCURACY
from decentralml.errors import MetricUnknown
from decentralml.types import PPM, ModelType
from decentralml.validation.scores.annotation import score_annotation
from decentralml.validation.scores.audio import audio_score, wer_score
from decentralml.validation.scores.classification import score_classification
from decentralml.validation.scores.measures.adapted import adapted_metrics
from decentralml.validation.scores.measures.audio import audio_metrics
from decentralml.validation.scores.measures.multimodal import MODALITIES, multimodal_metrics
from decentralml.validation.scores.measures.text import text_metrics
from decentralml.validation.scores.measures.vision import edge_metrics, vision_metrics
from decentralml.validation.scores.multimodal import multimodal_quality
from decentralml.validation.scores.score import Score
from decentralml.validation.scores.tensors import (
    LABELS,
    PREDICTIONS,
    Tensors,
    class_labels,
    labels_invalid,
    predicted,
)
from decentralml.validation.scores.text import loss_score, perplexity_score, text_quality
from decentralml.validation.scores.vision import vision_score

__all__ = [
    "SCORERS",
    "Score",
    "Scorer",
    "Tensors",
    "score_annotation",
    "score_classification",
    "scorer",
]

Scorer = Callable[[Tensors, Tensors], Score]
"""From predictions and labels, each by name; raises PredictionsInvalid, ValidationSetInvalid."""
Metrics = dict[str, float]
Measure = Callable[[Tensors, Tensors], Metrics]


def parts_per_million(share: float) -> int:
    """A share from 0 to 1, rounded down, but for the last bits of a float: 0.3 is 300,000."""
    return min(max(math.floor(share * PPM + 1e-6), 0), PPM)


def _of(name: str, measure: Measure, worth: Callable[[float], float] = lambda x: x) -> Scorer:
    """The scorer of one of the metrics that ``measure`` gives; ``worth`` makes a share of it."""

    def score(predictions: Tensors, labels: Tensors) -> Score:
        metrics = measure(predictions, labels)
        if name not in metrics:
            raise labels_invalid(f"they do not hold what {name} is measured with")
        return Score(parts_per_million(worth(metrics[name])), metrics)

    return score


def _combined(name: str, measure: Measure, formula: Callable[[Metrics], float]) -> Scorer:
    """The scorer of a formula over all that ``measure`` gives, to which it adds its own value."""

    def score(predictions: Tensors, labels: Tensors) -> Score:
        metrics = measure(predictions, labels)
        value = formula(metrics)
        return Score(parts_per_million(value), metrics | {name: value})

    return score


def _accuracy(predictions: Tensors, labels: Tensors) -> Score:
    wanted = class_labels(labels, LABELS)
    return score_classification(predicted(predictions, PREDICTIONS), wanted)


def _quality_of_text(metrics: Metrics) -> float:
    return text_quality(metrics["perplexity"], metrics["loss"])


def _quality_of_modalities(metrics: Metrics) -> float:
    return multimodal_quality(*(metrics[f"{modality}_accuracy"] for modality in MODALITIES))


def _vision(metrics: Metrics) -> float:
    return vision_score(
        metrics["object_detection_accuracy"],
        metrics.get("edge_detection_accuracy", 0.0),
        metrics.get("accuracy", 0.0),
    )


def _audio(metrics: Metrics) -> float:
    return audio_score(
        metrics["speech_recognition_accuracy"],
        metrics["word_error_rate"],
        metrics.get("noise_robustness", 0.0),
    )


BY_TYPE: Mapping[ModelType, Mapping[str, Scorer]] = {
    ModelType.TEXT: {
        "accuracy": _accuracy,
        "perplexity": _of("perplexity", text_metrics, perplexity_score),
        "loss": _of("loss", text_metrics, loss_score),
        "bleu_score": _of("bleu_score", text_metrics),
        "quality": _combined("quality", text_metrics, _quality_of_text),
    },
    ModelType.VISION: {
        "accuracy": _accuracy,
        "object_detection_accuracy": _of("object_detection_accuracy", vision_metrics),
        "edge_detection_accuracy": _of("edge_detection_accuracy", edge_metrics),
        "vision_score": _combined("vision_score", vision_metrics, _vision),
    },
    ModelType.AUDIO: {
        "accuracy": _accuracy,
        "speech_recognition_accuracy": _of("speech_recognition_accuracy", audio_metrics),
        "word_error_rate": _of("word_error_rate", audio_metrics, wer_score),
        "noise_robustness": _of("noise_robustness", audio_metrics),
        "audio_score": _combined("audio_score", audio_metrics, _audio),
    },
    ModelType.MULTI_MODAL: {
        "accuracy": _accuracy,
        **{f"{kind}_accuracy": _of(f"{kind}_accuracy", multimodal_metrics) for kind in MODALITIES},
        "quality": _combined("quality", multimodal_metrics, _quality_of_modalities),
    },
}
SCORERS: Mapping[tuple[ModelType, str], Scorer] = {
    (kind, name): found for kind, named in BY_TYPE.items() for name, found in named.items()
} | {(kind, ADAPTED_ACCURACY): _of(ADAPTED_ACCURACY, adapted_metrics) for kind in BY_TYPE}


ALONE = frozenset({"accuracy", "edge_detection_accuracy", ADAPTED_ACCURACY})
"""Metrics that measure only themselves: no formula of a type's quality can be filled by them."""


def measures_quality(model_type: ModelType, metric: str) -> bool:
    """Whether what is measured with a metric says how much a model counts by its type's quality."""
    return (model_type, metric) in SCORERS and metric not in ALONE


def scorer(model_type: ModelType, metric: str) -> Scorer:
    """The scorer of a metric for a type of model. Raises :class:`MetricUnknown`."""
    found = SCORERS.get((model_type, metric))
    if found is None:
        known = tuple(sorted(name for kind, name in SCORERS if kind is model_type))
        raise MetricUnknown(metric, model_type, known)
    return found
