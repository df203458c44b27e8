"""Part B's formulas against values computed by hand, and absurd metrics by name."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from decentralml.bundles.settings import read_settings
from decentralml.errors import (
    ManifestError,
    MetricAbsurd,
    MetricMissing,
    ModelTypeUnknown,
    ZeroWeight,
)
from decentralml.types import ModelType
from decentralml.validation.scores.audio import audio_score, wer_score
from decentralml.validation.scores.claims import Gap, claims_gap, claims_note
from decentralml.validation.scores.multimodal import multimodal_quality
from decentralml.validation.scores.text import loss_score, perplexity_score, text_quality
from decentralml.validation.scores.vision import vision_score
from decentralml.validation.scores.weighting import (
    adjusted_weight,
    model_type_of,
    quality_factor,
    require_weight,
)

E = math.e


@pytest.mark.parametrize(
    ("perplexity", "loss", "by_perplexity", "by_loss", "quality"),
    [
        (1, 0, 1, 1, 1),
        (E, 1, 1 / 2, 1 / 2, 1 / 2),
        (E**3, 1, 1 / 4, 1 / 2, 3 / 8),
        (E**4, 3, 1 / 5, 1 / 4, 9 / 40),
        (1, 9, 1, 1 / 10, 11 / 20),
    ],
)
def test_text_quality(
    perplexity: float, loss: float, by_perplexity: float, by_loss: float, quality: float
) -> None:
    assert perplexity_score(perplexity) == pytest.approx(by_perplexity)
    assert loss_score(loss) == pytest.approx(by_loss)
    assert text_quality(perplexity, loss) == pytest.approx(quality)


@pytest.mark.parametrize(
    ("text", "image", "audio", "quality"),
    [
        (0, 0, 0, 0),
        (1, 1, 1, 1),
        (0, 1, 1, 0),
        (0.6, 0.6, 0.6, 0.6),
        (0.3, 0.6, 0.9, 0.4),  # balance 0.3, avg 0.6: 0.36 / 0.9.
        (0.9, 0.5, 0.7, 7 / 12),  # balance 0.5, avg 0.7: 0.7 / 1.2.
    ],
)
def test_multimodal_quality(text: float, image: float, audio: float, quality: float) -> None:
    assert multimodal_quality(text, image, audio) == pytest.approx(quality)


@pytest.mark.parametrize(
    ("objects", "edges", "classes", "score"),
    [(1, 1, 1, 1), (1, 0, 0, 0.4), (0, 1, 0, 0.3), (0, 0, 1, 0.3), (0.5, 0.8, 0.9, 0.71)],
)
def test_vision_score(objects: float, edges: float, classes: float, score: float) -> None:
    assert vision_score(objects, edges, classes) == pytest.approx(score)


@pytest.mark.parametrize(("wer", "score"), [(0, 1), (0.25, 0.75), (1, 0), (7, 0)])
def test_wer_score(wer: float, score: float) -> None:
    assert wer_score(wer) == pytest.approx(score)


@pytest.mark.parametrize(
    ("recognised", "wer", "noise", "score"),
    [(1, 0, 1, 1), (1, 1, 0, 0.5), (0, 0, 0, 0.3), (0, 2, 1, 0.2), (0.8, 0.2, 0.5, 0.74)],
)
def test_audio_score(recognised: float, wer: float, noise: float, score: float) -> None:
    assert audio_score(recognised, wer, noise) == pytest.approx(score)


TEXT = {"perplexity": E, "loss": 1.0}
MANY = {"text_accuracy": 0.3, "image_accuracy": 0.6, "audio_accuracy": 0.9}
VISION = {"object_detection_accuracy": 0.5, "edge_detection_accuracy": 0.8, "accuracy": 0.9}
AUDIO = {"speech_recognition_accuracy": 0.8, "word_error_rate": 0.2, "noise_robustness": 0.5}


@pytest.mark.parametrize(
    ("kind", "metrics", "weight"),
    [
        ("Text", TEXT, 50),
        ("SpikingEvoTextLM", TEXT, 50),
        ("MultiModal", MANY, 40),
        ("SpikingEvoMultiModalLM", MANY, 40),
        ("Vision", VISION, 171),
        ("SpikingEvoVisionEncoder", VISION, 171),
        ("Audio", AUDIO, 174),
        ("SpikingEvoAudioEncoder", AUDIO, 174),
        # What is optional and missing counts as nothing.
        ("Vision", {"object_detection_accuracy": 0.5}, 120),
        ("Audio", {"speech_recognition_accuracy": 0.8, "word_error_rate": 0.2}, 164),
        # The classifier's part under its long name, which goes before the short one.
        ("Vision", VISION | {"image_classification_accuracy": 0.4}, 156),
        # What is optional and in no formula changes nothing.
        ("Text", TEXT | {"bleu_score": 0.1, "rouge_score": 0.9}, 50),
        ("MultiModal", MANY | {"cross_modal_coherence": 0.0}, 40),
        # What belongs to no type is not looked at.
        ("Text", TEXT | {"beauty": math.nan}, 50),
    ],
)
def test_a_hundred_examples_weigh(kind: str, metrics: dict[str, float], weight: float) -> None:
    assert adjusted_weight(kind, 100, metrics) == pytest.approx(weight)
    assert quality_factor(ModelType(kind), metrics) == pytest.approx(weight / 100)


def test_no_examples_weigh_nothing() -> None:
    assert adjusted_weight(ModelType.TEXT, 0, TEXT) == 0


@pytest.mark.parametrize(
    ("kind", "metrics", "metric"),
    [
        ("Text", {"loss": 1.0}, "perplexity"),
        ("Text", {"perplexity": 2.0}, "loss"),
        ("MultiModal", {"text_accuracy": 1.0, "image_accuracy": 1.0}, "audio_accuracy"),
        ("Vision", {"accuracy": 1.0}, "object_detection_accuracy"),
        ("Audio", {"word_error_rate": 0.0}, "speech_recognition_accuracy"),
        ("Audio", {"speech_recognition_accuracy": 1.0}, "word_error_rate"),
        ("Vision", {}, "object_detection_accuracy"),
    ],
)
def test_a_missing_required_metric_is_named(
    kind: str, metrics: dict[str, float], metric: str
) -> None:
    with pytest.raises(MetricMissing, match=f"by {metric}, which was not measured") as caught:
        adjusted_weight(kind, 1, metrics)
    assert caught.value.metric == metric and caught.value.model_type == kind


@pytest.mark.parametrize(
    ("kind", "base", "metric", "value"),
    [
        ("Text", TEXT, "perplexity", 0.99),
        ("Text", TEXT, "perplexity", 0),
        ("Text", TEXT, "perplexity", math.nan),
        ("Text", TEXT, "perplexity", math.inf),
        ("Text", TEXT, "loss", -1),  # 1 / (1 + loss) would divide by zero.
        ("Text", TEXT, "loss", math.nan),
        ("Text", TEXT, "loss", "0.5"),
        ("Text", TEXT, "bleu_score", 1.5),
        ("MultiModal", MANY, "text_accuracy", 1.01),
        ("MultiModal", MANY, "image_accuracy", -0.01),
        ("MultiModal", MANY, "audio_accuracy", math.nan),
        ("MultiModal", MANY, "cross_modal_coherence", 2),
        ("Vision", VISION, "object_detection_accuracy", 1.5),
        ("Vision", VISION, "edge_detection_accuracy", math.nan),
        ("Vision", VISION, "accuracy", -1),
        ("Vision", VISION, "accuracy", True),
        ("Audio", AUDIO, "speech_recognition_accuracy", math.inf),
        ("Audio", AUDIO, "word_error_rate", -0.1),
        ("Audio", AUDIO, "word_error_rate", math.nan),
        ("Audio", AUDIO, "noise_robustness", 1.1),
        ("Audio", AUDIO, "noise_robustness", 10**400),
    ],
)
def test_an_absurd_metric_is_named(
    kind: str, base: dict[str, float], metric: str, value: float
) -> None:
    with pytest.raises(MetricAbsurd) as caught:
        adjusted_weight(kind, 1, {**base, metric: value})
    assert caught.value.metric == metric


@pytest.mark.parametrize("examples", [-1, math.nan, math.inf, 2**53 + 2, 1e308])
def test_absurd_examples_are_named(examples: float) -> None:
    with pytest.raises(MetricAbsurd, match="num_examples"):
        adjusted_weight("Text", examples, TEXT)


def test_numpys_numbers_are_numbers() -> None:
    metrics = {name: np.float32(value) for name, value in TEXT.items()}
    assert adjusted_weight("Text", np.int64(7), metrics) == pytest.approx(3.5)
    with pytest.raises(MetricAbsurd):
        adjusted_weight("Text", 7, {**TEXT, "loss": np.bool_(True)})


@pytest.mark.parametrize("name", ["", "text", "SpikingEvo", "Vision "])
def test_an_unknown_type_names_the_known_ones(name: str) -> None:
    with pytest.raises(ModelTypeUnknown, match=r"use one of Text, .*SpikingEvoTextLM"):
        adjusted_weight(name, 1, TEXT)
    with pytest.raises(ModelTypeUnknown):
        model_type_of(name)


@pytest.mark.parametrize("weights", [[], [0.0], [0, 0], [math.nan], [math.inf]])
def test_weights_without_a_sum_are_refused(weights: list[float]) -> None:
    with pytest.raises(ZeroWeight):
        require_weight(weights)


def test_weights_are_added_up() -> None:
    assert require_weight([1, 0, 2.5]) == 3.5


def test_claims_are_compared_where_both_speak() -> None:
    gaps = claims_gap(
        {"accuracy": 0.99, "loss": 0.5, "only_claimed": 9, "wer": math.nan},
        {"accuracy": 0.66, "loss": 0.51, "only_measured": 1, "wer": 0.5},
    )
    assert [gap.metric for gap in gaps] == ["wer", "accuracy"]
    assert gaps[1] == Gap("accuracy", 0.99, 0.66) and gaps[1].difference == pytest.approx(0.33)


def test_claims_that_hold_leave_no_gap() -> None:
    assert claims_gap({"accuracy": 0.9, "zero": 0.0}, {"accuracy": 0.87, "zero": 0.0}) == ()


def test_a_gap_is_told_in_one_sentence() -> None:
    gaps = claims_gap({"accuracy": 0.99, "loss": 0.1}, {"accuracy": 0.66, "loss": 1.25})
    assert claims_note(gaps) == (
        "note: the contributor claims loss 0.1, accuracy 0.99; measured here: 1.25, 0.66"
    )
    assert claims_note(()) is None


def test_a_bundle_may_name_its_type_as_evospikenet_does(tmp_path: Path) -> None:
    (tmp_path / "task.toml").write_text('model_type = "SpikingEvoAudioEncoder"')
    assert read_settings(tmp_path).model_type is ModelType.AUDIO
    (tmp_path / "task.toml").write_text('model_type = "SpikingEvo"')
    with pytest.raises(ManifestError, match="one of Text, MultiModal, Vision, Audio"):
        read_settings(tmp_path)
