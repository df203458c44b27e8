"""Scores of predictions and of annotations, by table."""

from __future__ import annotations

import numpy as np
import pytest

from decentralml.errors import MetricUnknown, PredictionsInvalid
from decentralml.types import ModelType
from decentralml.validation.scores import score_annotation, score_classification, scorer

LABELS = np.array([0, 1, 2, 1])
ONE_HOT = np.eye(3)[LABELS]


@pytest.mark.parametrize(
    ("predictions", "ppm"),
    [
        (LABELS, 1_000_000),
        (LABELS.astype("u1"), 1_000_000),
        (ONE_HOT, 1_000_000),
        (ONE_HOT.astype("f4") * 1e30, 1_000_000),
        (ONE_HOT.astype("i8"), 1_000_000),
        (np.array([0, 1, 2, 2]), 750_000),
        (np.array([9, 9, 9, -1]), 0),
        (np.zeros((4, 3)), 250_000),  # Ties go to the first class.
        (-ONE_HOT, 0),
    ],
)
def test_accuracy_is_the_share_of_right_classes(predictions: np.ndarray, ppm: int) -> None:
    score = score_classification(predictions, LABELS)
    assert score.ppm == ppm
    assert score.metrics == {"accuracy": ppm / 1_000_000, "examples": 4}


def test_accuracy_is_rounded_down() -> None:
    assert score_classification(np.array([0, 0, 1]), np.array([0, 0, 0])).ppm == 666_666


@pytest.mark.parametrize(
    ("predictions", "finite"),
    [
        (ONE_HOT * np.nan, False),
        (np.full((4, 3), np.inf), False),
        (LABELS[:3], True),
        (ONE_HOT[:3], True),
        (LABELS.astype(float), True),
        (ONE_HOT[:, :1], True),
        (ONE_HOT[None], True),
        (np.float64(1.0), True),
        (ONE_HOT > 0, True),
    ],
)
def test_predictions_that_fit_no_labels_are_refused(predictions: np.ndarray, finite: bool) -> None:
    with pytest.raises(PredictionsInvalid) as caught:
        score_classification(np.asarray(predictions), LABELS)
    assert caught.value.finite is finite


def test_no_examples_have_no_accuracy() -> None:
    with pytest.raises(PredictionsInvalid):
        score_classification(np.zeros(0, int), np.zeros(0, int))


GOLD = {"a": "cat", "b": "dog", "c": "cat"}


@pytest.mark.parametrize(
    ("labels", "ppm", "missing"),
    [
        (GOLD, 1_000_000, 0),
        ({**GOLD, "z": "anything"}, 1_000_000, 0),
        ({"a": "cat", "b": "cat", "c": "dog"}, 333_333, 0),
        ({"a": "cat"}, 333_333, 2),
        ({"z": "cat"}, 0, 3),
    ],
)
def test_agreement_is_the_share_of_gold_labels(
    labels: dict[str, str], ppm: int, missing: int
) -> None:
    score = score_annotation(labels, GOLD)
    assert score.ppm == ppm
    assert score.metrics["missing"] == missing


def test_agreement_needs_gold() -> None:
    with pytest.raises(PredictionsInvalid, match="gold"):
        score_annotation(GOLD, {})


@pytest.mark.parametrize("kind", ModelType)
def test_every_type_of_model_has_a_scorer(kind: ModelType) -> None:
    score = scorer(kind, "accuracy")({"predictions": ONE_HOT}, {"labels": LABELS})
    assert score == score_classification(ONE_HOT, LABELS)


def test_an_unknown_metric_names_the_known_ones() -> None:
    with pytest.raises(MetricUnknown, match="'beauty' for Vision models; use one of accuracy"):
        scorer(ModelType.VISION, "beauty")
