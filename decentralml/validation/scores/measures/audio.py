"""Audio: utterances understood as a whole, errors word by word, and how much noise harms."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from decentralml.errors import PredictionsInvalid
from decentralml.validation.scores.classification import classes_of
from decentralml.validation.scores.measures.text import reference_sequences, sequences
from decentralml.validation.scores.tensors import (
    LABELS,
    PREDICTIONS,
    Tensors,
    class_labels,
    labels_invalid,
    predicted,
)

WORDS = "words"
NOISY = "noisy"

Utterances = Sequence[Sequence[int]]


def audio_metrics(predictions: Tensors, labels: Tensors) -> dict[str, float]:
    """Recognition accuracy, word error rate; noise robustness where the labels say what is noisy.

    ``speech_recognition_accuracy`` is the share of utterances with every word right,
    ``word_error_rate`` the edit distance of all utterances by the words of all references (it can
    exceed 1), ``noise_robustness`` the accuracy on noisy utterances by the accuracy on the others,
    1 at most, and 0 where nothing is understood without noise.

    Parameters
    ----------
    predictions : ``words`` ``[N, L]``, numbers of words, a negative one ends a row; or, where the
        labels have no ``words``, ``predictions`` ``[N]`` or ``[N, classes]``: one word each.
    labels : ``words`` ``[N, K]`` or ``labels`` ``[N]``; ``noisy`` ``[N]``, 0 or 1, if there.

    Raises
    ------
    PredictionsInvalid, ValidationSetInvalid
    """
    heard, said = _utterances(predictions, labels)
    if len(heard) != len(said):
        raise PredictionsInvalid(f"{len(heard)} utterances for {len(said)} in the labels")
    words = sum(map(len, said))
    if not words:
        raise labels_invalid("nobody says a word in them")
    right = np.array([list(h) == list(s) for h, s in zip(heard, said, strict=True)])
    errors = sum(edit_distance(h, s) for h, s in zip(heard, said, strict=True))
    metrics = {
        "speech_recognition_accuracy": float(right.mean()),
        "word_error_rate": errors / words,
        "utterances": len(said),
    }
    if NOISY in labels:
        metrics["noise_robustness"] = noise_robustness(right, _flags(labels, len(said)))
    return metrics


def noise_robustness(right: NDArray[np.bool_], noisy: NDArray[np.bool_]) -> float:
    """Accuracy in noise by accuracy without, 1 at most; both kinds of utterance are there."""
    clean = float(right[~noisy].mean())
    return min(float(right[noisy].mean()) / clean, 1.0) if clean else 0.0


def edit_distance(one: Sequence[int], other: Sequence[int]) -> int:
    """Least insertions, deletions and substitutions that turn one sequence into the other.

    Source: Levenshtein, Binary Codes Capable of Correcting Deletions, Insertions, and Reversals,
    1966; the table of Wagner and Fischer, 1974, a row at a time.
    """
    if len(one) > len(other):  # The longer one lies along the rows, which are fast.
        one, other = other, one
    above = np.arange(len(other) + 1)
    columns = np.arange(len(other) + 1)
    target = np.asarray(other, np.int64)
    for number, word in enumerate(one, 1):
        row = np.empty_like(above)
        row[0] = number
        row[1:] = np.minimum(above[1:] + 1, above[:-1] + (target != word))
        # What is left of an element may be cheaper, an insertion each step to the right.
        above = np.minimum.accumulate(row - columns) + columns
    return int(above[-1])


def _utterances(predictions: Tensors, labels: Tensors) -> tuple[Utterances, Utterances]:
    if WORDS in labels:
        said = reference_sequences(labels, WORDS)
        return sequences(predicted(predictions, WORDS)), said
    words = class_labels(labels, LABELS)
    heard = classes_of(predicted(predictions, PREDICTIONS))
    return heard[:, None].tolist(), words[:, None].tolist()


def _flags(labels: Tensors, count: int) -> NDArray[np.bool_]:
    flags = class_labels(labels, NOISY)
    noisy: NDArray[np.bool_] = flags != 0
    if noisy.shape != (count,) or noisy.all() or not noisy.any():
        raise labels_invalid(
            f"{NOISY} must say 0 or 1 of each of {count} utterances, and both somewhere"
        )
    return noisy
