"""What scorers measure, by small cases computed by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from decentralml.errors import PredictionsInvalid, ValidationSetInvalid
from decentralml.types import ModelType
from decentralml.validation.scores import SCORERS, parts_per_million, scorer
from decentralml.validation.scores.measures.audio import edit_distance
from decentralml.validation.scores.measures.bleu import bleu
from decentralml.validation.scores.measures.matching import most_pairs
from decentralml.validation.scores.measures.vision import sobel_edges

Tensors = dict[str, np.ndarray]


def score(kind: str, metric: str, predictions: Tensors, labels: Tensors) -> Any:
    return scorer(ModelType(kind), metric)(predictions, labels)


# Text.

HALF = np.log(np.array([[0.5, 0.25, 0.25], [0.125, 0.5, 0.375]]))


def test_perplexity_is_the_exponential_of_the_mean_loss() -> None:
    found = score("Text", "perplexity", {"predictions": HALF}, {"labels": np.array([0, 0])})
    # Probabilities 1/2 and 1/8: a loss of (ln 2 + ln 8) / 2 = ln 4.
    assert found.metrics == pytest.approx(
        {"loss": math.log(4), "perplexity": 4.0, "accuracy": 0.5, "characters": 2}
    )
    assert found.ppm == int(1e6 / (1 + math.log(4)))


@pytest.mark.parametrize("shift", [0.0, 100.0, -1e6])
def test_logits_and_log_probabilities_are_the_same(shift: float) -> None:
    labels = {"labels": np.array([2, 1])}
    logits = score("Text", "quality", {"predictions": HALF + shift}, labels)
    assert logits.ppm == score("Text", "quality", {"predictions": HALF}, labels).ppm
    assert logits.metrics["quality"] == pytest.approx(1 / (1 + logits.metrics["loss"]))


def test_positions_of_sequences_count_one_by_one_and_padding_does_not() -> None:
    rows = np.stack([HALF, HALF])
    found = score("Text", "loss", {"predictions": rows}, {"labels": np.array([[0, -1], [0, 1]])})
    assert found.metrics["characters"] == 3
    assert found.metrics["loss"] == pytest.approx(math.log(2))


def test_an_absurdly_bad_model_has_a_finite_perplexity() -> None:
    awful = {"predictions": np.array([[0.0, 1e30]])}
    found = score("Text", "quality", awful, {"labels": np.array([0])})
    assert found.metrics["loss"] == 700 and math.isfinite(found.metrics["perplexity"])
    assert found.ppm == 1_000_000 // 701


def test_bleu_is_measured_where_there_are_references() -> None:
    text = np.array([[1, 2, 3, 4, 5, -1]])
    predictions = {"predictions": HALF, "text": text}
    labels = {"labels": np.array([0, 0]), "text": text}
    assert score("Text", "bleu_score", predictions, labels).ppm == 1_000_000
    with pytest.raises(ValidationSetInvalid, match="what bleu_score is measured with"):
        score("Text", "bleu_score", predictions, {"labels": np.array([0, 0])})


@pytest.mark.parametrize(
    ("candidate", "reference", "found"),
    [
        ([1, 2, 3, 4], [1, 2, 3, 4], 1.0),
        ([], [1, 2], 0.0),
        ([9, 9], [1, 2], 0.0),
        ([1, 2], [1, 2, 3, 4], math.exp(-1)),  # Every precision is 1; half as long.
        # Precisions 3/4, 3/4, 2/3, 1/2 after smoothing.
        ([1, 2, 3, 9], [1, 2, 3, 4], (3 / 4 * 3 / 4 * 2 / 3 * 1 / 2) ** 0.25),
        # A word said three times is right once: 1/3, then (0 + 1) / (2 + 1), (0 + 1) / (1 + 1), 1.
        ([1, 1, 1], [1, 2, 3], (1 / 3 * 1 / 3 * 1 / 2) ** 0.25),
    ],
)
def test_bleu(candidate: list[int], reference: list[int], found: float) -> None:
    assert bleu([candidate], [reference]) == pytest.approx(found)


@pytest.mark.parametrize(
    ("predictions", "labels", "error"),
    [
        ({}, {"labels": np.array([0])}, PredictionsInvalid),
        ({"predictions": HALF[0]}, {"labels": np.array([0, 1])}, PredictionsInvalid),
        ({"predictions": HALF}, {"labels": np.array([0])}, PredictionsInvalid),
        ({"predictions": HALF}, {"labels": np.array([0, 3])}, PredictionsInvalid),
        ({"predictions": HALF * np.nan}, {"labels": np.array([0, 1])}, PredictionsInvalid),
        ({"predictions": HALF.astype(int)}, {"labels": np.array([0, 1])}, PredictionsInvalid),
        ({"predictions": HALF}, {"labels": np.array([-1, -1])}, ValidationSetInvalid),
        ({"predictions": HALF}, {"labels": np.array([0.0, 1.0])}, ValidationSetInvalid),
        ({"predictions": HALF}, {}, ValidationSetInvalid),
    ],
)
def test_text_that_cannot_be_scored_is_named(
    predictions: Tensors, labels: Tensors, error: type[Exception]
) -> None:
    with pytest.raises(error):
        score("Text", "perplexity", predictions, labels)


# Vision.


def objects(*boxes: tuple[float, ...]) -> np.ndarray:
    return np.array([boxes], "f4")


NOTHING = (-1, 0, 0, 0, 0)
SEVEN = (7, 0, 0, 10, 10)


@pytest.mark.parametrize(
    ("claimed", "found"),
    [
        ([SEVEN, (3, 20, 20, 30, 30)], 1.0),
        ([(3, 20, 20, 30, 30), SEVEN, NOTHING], 1.0),
        ([SEVEN, NOTHING], 1 / 2),
        ([NOTHING], 0.0),
        ([SEVEN, (4, 20, 20, 30, 30)], 1 / 3),  # Of another class: one missed, one made up.
        ([SEVEN, SEVEN], 1 / 3),  # An object is found once.
        ([(7, 0, 3, 10, 13)], 1 / 2),  # 70 of 130 pixels.
        ([(7, 0, 4, 10, 14)], 0.0),  # 60 of 140.
        ([(7, 10, 10, 0, 0)], 0.0),  # Inside out.
    ],
)
def test_objects_are_found_where_they_are(claimed: list[tuple[float, ...]], found: float) -> None:
    labels = {"objects": objects(SEVEN, (3, 20, 20, 30, 30))}
    score_ = score("Vision", "object_detection_accuracy", {"objects": objects(*claimed)}, labels)
    assert score_.metrics["object_detection_accuracy"] == pytest.approx(found)
    assert score_.ppm == parts_per_million(found)


def test_boxes_are_paired_so_that_most_are_found() -> None:
    # The first box could take either object; taken greedily it would leave the second none.
    fits = np.array([[True, True], [True, False]])
    assert most_pairs(fits) == 2
    assert most_pairs(np.zeros((3, 0), bool)) == 0
    assert most_pairs(np.array([[True], [True], [True]])) == 1


EDGES = np.array([[[1, 1, 0, 0]]], "u1")


@pytest.mark.parametrize(
    ("claimed", "found"),
    [
        ([1, 1, 0, 0], 1.0),
        ([0.9, 0.5, 0.4, 0], 1.0),
        ([0, 0, 0, 0], 0.0),
        ([1, 1, 1, 1], 2 / 3),
        ([1, 0, 0, 0], 2 / 3),
        ([0, 0, 1, 1], 0.0),
    ],
)
def test_edges_are_scored_by_f1(claimed: list[float], found: float) -> None:
    predictions = {"edges": np.array([[claimed]], "f4")}
    score_ = score("Vision", "edge_detection_accuracy", predictions, {"edges": EDGES})
    assert score_.metrics == pytest.approx({"edge_detection_accuracy": found})


def test_sobel_sees_the_border_of_a_square() -> None:
    image = np.zeros((1, 7, 7))
    image[0, 2:5, 2:5] = 255
    edges = sobel_edges(image)[0]
    assert edges[3, 3] == 0 and edges[0].sum() == 0
    assert edges[1:6, 1:6].sum() == 24  # All but the middle.
    assert not sobel_edges(np.full((2, 5, 5), 9.0)).any()
    assert np.array_equal(edges, sobel_edges(image / 3)[0])


def test_the_vision_score_takes_what_the_labels_hold() -> None:
    predictions = {
        "objects": objects(SEVEN),
        "edges": EDGES.astype("f4"),
        "predictions": np.array([1, 2]),
    }
    labels = {"objects": objects(SEVEN), "edges": EDGES, "labels": np.array([1, 0])}
    whole = score("Vision", "vision_score", predictions, labels)
    assert whole.metrics["vision_score"] == pytest.approx(0.85) and whole.ppm == 850_000
    only = score("Vision", "vision_score", predictions, {"objects": labels["objects"]})
    assert only.ppm == 400_000
    assert set(only.metrics) == {"object_detection_accuracy", "objects", "vision_score"}


@pytest.mark.parametrize(
    ("predictions", "labels", "error"),
    [
        ({}, {"objects": objects(SEVEN)}, PredictionsInvalid),
        ({"objects": np.zeros((1, 5))}, {"objects": objects(SEVEN)}, PredictionsInvalid),
        ({"objects": np.zeros((2, 1, 5))}, {"objects": objects(SEVEN)}, PredictionsInvalid),
        ({"objects": np.full((1, 1, 5), np.inf)}, {"objects": objects(SEVEN)}, PredictionsInvalid),
        ({"objects": np.zeros((1, 999, 5))}, {"objects": objects(SEVEN)}, PredictionsInvalid),
        ({"objects": objects(SEVEN)}, {"objects": objects(NOTHING)}, ValidationSetInvalid),
        ({"objects": objects(SEVEN)}, {"objects": np.zeros((1, 4))}, ValidationSetInvalid),
        ({"objects": objects(SEVEN)}, {}, ValidationSetInvalid),
    ],
)
def test_scenes_that_cannot_be_scored_are_named(
    predictions: Tensors, labels: Tensors, error: type[Exception]
) -> None:
    with pytest.raises(error):
        score("Vision", "vision_score", predictions, labels)


# Audio.


@pytest.mark.parametrize(
    ("one", "other", "distance"),
    [
        ([], [], 0),
        ([], [1, 2], 2),
        ([1, 2], [], 2),
        ([1, 2, 3], [1, 2, 3], 0),
        ([1, 2, 3], [1, 9, 3], 1),
        ([1, 2, 3], [2, 3], 1),
        ([2, 3], [1, 2, 3], 1),
        ([11, 9, 20, 20, 5, 14], [19, 9, 20, 20, 9, 14, 7], 3),  # kitten, sitting
        ([1, 2, 3, 4], [4, 3, 2, 1], 4),
    ],
)
def test_edit_distance(one: list[int], other: list[int], distance: int) -> None:
    assert edit_distance(one, other) == distance


WORDS = st.lists(st.integers(0, 3), max_size=7)


@given(WORDS, WORDS)
def test_edit_distance_agrees_with_its_definition(one: list[int], other: list[int]) -> None:
    def distance(a: int, b: int) -> int:
        if not a or not b:
            return a + b
        known = memory.get((a, b))
        if known is None:
            same = distance(a - 1, b - 1) + (one[a - 1] != other[b - 1])
            known = memory[a, b] = min(same, distance(a - 1, b) + 1, distance(a, b - 1) + 1)
        return known

    memory: dict[tuple[int, int], int] = {}
    assert edit_distance(one, other) == distance(len(one), len(other))


HEARD = np.array([[1, 2, -1], [3, -1, -1], [4, 5, 6], [7, -1, -1]])
SAID = np.array([[1, 2, -1], [3, 4, -1], [4, 5, 6], [-1, -1, -1]])
NOISY = np.array([0, 0, 1, 1])


def test_words_of_utterances_are_compared_one_by_one() -> None:
    found = score("Audio", "audio_score", {"words": HEARD}, {"words": SAID, "noisy": NOISY})
    # 1 of 2 right with and without noise; one word missed and one made up, of 7.
    assert found.metrics == pytest.approx(
        {
            "speech_recognition_accuracy": 0.5,
            "word_error_rate": 2 / 7,
            "noise_robustness": 1.0,
            "utterances": 4,
            "audio_score": 0.25 + 0.3 * 5 / 7 + 0.2,
        }
    )


def test_single_words_need_no_sequences() -> None:
    labels = {"labels": np.array([0, 1, 2, 3]), "noisy": NOISY}
    found = score("Audio", "noise_robustness", {"predictions": np.eye(4)[[0, 1, 2, 0]]}, labels)
    assert found.metrics["word_error_rate"] == 0.25
    assert found.ppm == 500_000


def test_word_errors_may_exceed_the_words() -> None:
    heard = np.array([[1, 2, 3, 4]])
    found = score("Audio", "word_error_rate", {"words": heard}, {"words": np.array([[9, -1]])})
    assert found.metrics["word_error_rate"] == 4 and found.ppm == 0


def test_nothing_understood_without_noise_is_no_robustness() -> None:
    found = score(
        "Audio",
        "noise_robustness",
        {"predictions": np.array([9, 9, 1, 1])},
        {"labels": np.array([0, 0, 1, 1]), "noisy": NOISY},
    )
    assert found.metrics["noise_robustness"] == 0


@pytest.mark.parametrize(
    ("predictions", "labels", "error"),
    [
        ({"words": HEARD[:2]}, {"words": SAID}, PredictionsInvalid),
        ({"words": HEARD.astype("f4")}, {"words": SAID}, PredictionsInvalid),
        ({"words": np.ones((4, 4097), int)}, {"words": SAID}, PredictionsInvalid),
        ({"predictions": np.array([1])}, {"words": SAID}, PredictionsInvalid),
        ({"words": HEARD}, {"words": np.full((4, 2), -1)}, ValidationSetInvalid),
        ({"words": HEARD}, {"words": SAID, "noisy": np.zeros(4, int)}, ValidationSetInvalid),
        ({"words": HEARD}, {"words": SAID, "noisy": np.array([0, 1])}, ValidationSetInvalid),
    ],
)
def test_sounds_that_cannot_be_scored_are_named(
    predictions: Tensors, labels: Tensors, error: type[Exception]
) -> None:
    with pytest.raises(error):
        score("Audio", "audio_score", predictions, labels)


# MultiModal.

VIEWS = {
    "text": np.array([0, 1, 2, 3]),
    "image": np.array([0, 1, 2, 0]),
    "audio": np.array([0, 1, 0, 0]),
    "predictions": np.array([0, 1, 2, 3]),
}


def test_each_modality_has_its_accuracy() -> None:
    found = score("MultiModal", "quality", VIEWS, {"labels": np.array([0, 1, 2, 3])})
    assert found.metrics == pytest.approx(
        {
            "text_accuracy": 1.0,
            "image_accuracy": 0.75,
            "audio_accuracy": 0.5,
            "cross_modal_coherence": 0.5,
            "accuracy": 1.0,
            "quality": 0.6,  # balance 0.5, avg 0.75
        }
    )
    assert found.ppm == 600_000
    assert score("MultiModal", "audio_accuracy", VIEWS, {"labels": VIEWS["text"]}).ppm == 500_000


def test_modalities_may_have_labels_of_their_own() -> None:
    labels = {name: VIEWS[name] for name in ("text", "image", "audio")}
    found = score("MultiModal", "quality", VIEWS, labels)
    assert found.ppm == 1_000_000 and "cross_modal_coherence" not in found.metrics


def test_a_missing_modality_is_named() -> None:
    with pytest.raises(PredictionsInvalid, match="no tensor 'audio'"):
        score(
            "MultiModal",
            "quality",
            {"text": VIEWS["text"], "image": VIEWS["image"]},
            VIEWS | {"labels": VIEWS["text"]},
        )


# All of them.


@pytest.mark.parametrize(("share", "ppm"), [(0.3, 300_000), (0.1 + 0.2, 300_000), (1.0, 10**6)])
def test_parts_per_million_are_rounded_down_but_for_the_last_bits(share: float, ppm: int) -> None:
    assert parts_per_million(share) == ppm
    assert parts_per_million(2 / 3) == 666_666


@pytest.mark.parametrize(("kind", "metric"), SCORERS)
def test_empty_labels_are_the_creators_fault(kind: ModelType, metric: str) -> None:
    empty = {
        name: np.zeros((0, 2), int)
        for name in ("labels", "objects", "edges", "words", "text", "image", "audio")
    }
    with pytest.raises(ValidationSetInvalid):
        SCORERS[kind, metric]({}, empty)
    with pytest.raises(ValidationSetInvalid):
        SCORERS[kind, metric]({}, {})
