"""How much an update counts in the merge: its examples, adjusted by what its model is worth.

``adjusted_weight`` replaces ``num_examples`` in the weighted mean. Text and MultiModal multiply by
a quality from 0 to 1; Vision and Audio by 1 plus a score from 0 to 1.

A missing optional metric that is part of a formula (``edge_detection_accuracy``, ``accuracy``,
``noise_robustness``) counts as 0: nobody gains weight by leaving out what it is bad at. The others
(``bleu_score``, ``rouge_score``, ``cross_modal_coherence``) are part of no formula; they are
checked where they are given, and change nothing.

Source: requirements, part B, after EvoSpikeNet's type-based aggregation.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping

from decentralml.errors import MetricAbsurd, ModelTypeUnknown, ZeroWeight
from decentralml.types import LLM_TYPES, ModelType
from decentralml.validation.scores.audio import audio_score
from decentralml.validation.scores.bounds import at_least, required, share
from decentralml.validation.scores.multimodal import multimodal_quality
from decentralml.validation.scores.text import text_quality
from decentralml.validation.scores.vision import vision_score

Metrics = Mapping[str, float]

CLASSIFICATION = ("image_classification_accuracy", "accuracy")
"""Names of the classifier's part in the vision score: the first one given is taken."""
SHARES = ("bleu_score", "rouge_score", "cross_modal_coherence")
"""Optional metrics that no formula uses."""
MOST_EXAMPLES = 2**53
"""What a result's manifest takes; one client that claims more must not make a whole round's weights
infinite."""


def model_type_of(llm_type: str) -> ModelType:
    """The type of model behind a name such as ``"Text"`` or ``"SpikingEvoTextLM"``.

    Raises
    ------
    ModelTypeUnknown
    """
    try:
        return ModelType(llm_type)
    except ValueError:
        raise ModelTypeUnknown(llm_type, (*ModelType, *LLM_TYPES)) from None


def adjusted_weight(model_type: ModelType | str, examples: float, metrics: Metrics) -> float:
    """``examples`` times :func:`quality_factor`: the weight of one update in the mean.

    Raises
    ------
    ModelTypeUnknown, MetricMissing, MetricAbsurd
    """
    counted = at_least("num_examples", examples, 0)
    if counted > MOST_EXAMPLES:
        raise MetricAbsurd("num_examples", examples, f"at most {MOST_EXAMPLES:,}")
    return counted * quality_factor(model_type, metrics)


def quality_factor(model_type: ModelType | str, metrics: Metrics) -> float:
    """What the examples of a model with these metrics are multiplied by.

    Raises
    ------
    ModelTypeUnknown, MetricMissing, MetricAbsurd
    """
    kind = model_type_of(model_type)
    for name in SHARES:
        if name in metrics:
            share(name, metrics[name])
    return FACTORS[kind](metrics)


def require_weight(weights: Iterable[float]) -> float:
    """The sum of weights, which a mean can be divided by. Raises :class:`ZeroWeight`."""
    total = sum(weights)
    if not (total > 0 and math.isfinite(total)):
        raise ZeroWeight(total)
    return total


def _text(metrics: Metrics) -> float:
    return text_quality(
        required(metrics, "perplexity", ModelType.TEXT), required(metrics, "loss", ModelType.TEXT)
    )


def _multimodal(metrics: Metrics) -> float:
    return multimodal_quality(
        *(
            required(metrics, f"{modality}_accuracy", ModelType.MULTI_MODAL)
            for modality in ("text", "image", "audio")
        )
    )


def _vision(metrics: Metrics) -> float:
    classification = next((metrics[name] for name in CLASSIFICATION if name in metrics), 0.0)
    return 1 + vision_score(
        required(metrics, "object_detection_accuracy", ModelType.VISION),
        metrics.get("edge_detection_accuracy", 0.0),
        classification,
    )


def _audio(metrics: Metrics) -> float:
    return 1 + audio_score(
        required(metrics, "speech_recognition_accuracy", ModelType.AUDIO),
        required(metrics, "word_error_rate", ModelType.AUDIO),
        metrics.get("noise_robustness", 0.0),
    )


FACTORS: Mapping[ModelType, Callable[[Metrics], float]] = {
    ModelType.TEXT: _text,
    ModelType.MULTI_MODAL: _multimodal,
    ModelType.VISION: _vision,
    ModelType.AUDIO: _audio,
}
