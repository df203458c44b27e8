"""How many examples a classifier got right: images, sounds, texts or the next character alike."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from decentralml.errors import PredictionsInvalid
from decentralml.types import PPM
from decentralml.validation.scores.score import Score

Array = NDArray[Any]


def classes_of(predictions: Array) -> Array:
    """Predicted classes ``[N]`` from classes ``[N]`` or from scores ``[N, classes]``.

    Of equal scores the first class is taken.

    Raises
    ------
    PredictionsInvalid : another shape, another type, or numbers that are not finite.
    """
    if predictions.ndim == 1 and predictions.dtype.kind in "iu":
        return predictions
    if predictions.ndim != 2 or predictions.shape[1] < 2 or predictions.dtype.kind not in "fiu":
        raise PredictionsInvalid(
            f"{predictions.dtype} of shape {list(predictions.shape)}, where scores [N, classes] "
            "or classes [N] are wanted"
        )
    if not np.isfinite(predictions).all():
        raise PredictionsInvalid("they hold NaN or infinite numbers", finite=False)
    classes: Array = predictions.argmax(axis=1)
    return classes


def score_classification(predictions: Array, labels: Array) -> Score:
    """Accuracy: the share of examples whose predicted class is their label.

    Parameters
    ----------
    predictions : scores ``[N, classes]`` or classes ``[N]``.
    labels : classes ``[N]``, integers; at least one.

    Raises
    ------
    PredictionsInvalid : the predictions are malformed, or not one for each label.
    """
    classes = classes_of(predictions)
    if classes.shape != labels.shape or not len(labels):
        raise PredictionsInvalid(f"{len(classes)} of them for {len(labels)} labels")
    correct = int(np.count_nonzero(classes == labels))
    return Score(
        correct * PPM // len(labels),
        {"accuracy": correct / len(labels), "examples": len(labels)},
    )
