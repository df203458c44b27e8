"""MultiModal: one example seen through text, image and sound; how well each is understood."""

from __future__ import annotations

import numpy as np

from decentralml.errors import PredictionsInvalid
from decentralml.validation.scores.classification import classes_of
from decentralml.validation.scores.tensors import (
    LABELS,
    PREDICTIONS,
    Array,
    Tensors,
    class_labels,
    predicted,
)

MODALITIES = ("text", "image", "audio")


def multimodal_metrics(predictions: Tensors, labels: Tensors) -> dict[str, float]:
    """``text_accuracy``, ``image_accuracy``, ``audio_accuracy``; more where there is more.

    Parameters
    ----------
    predictions : ``text``, ``image`` and ``audio``, each classes ``[N]`` or scores
        ``[N, classes]``: what the model says when it is given that modality alone;
        ``predictions``, if there: what it says given all of them.
    labels : the same names, classes ``[N]``; a modality without its own is held against
        ``labels`` ``[N]``. Where all three share it, ``cross_modal_coherence`` is the share of
        examples of which they say the same.

    Raises
    ------
    PredictionsInvalid, ValidationSetInvalid
    """
    found, metrics = {}, {}
    for modality in MODALITIES:
        wanted = class_labels(labels, modality if modality in labels else LABELS)
        found[modality] = classes_of(predicted(predictions, modality))
        metrics[f"{modality}_accuracy"] = _accuracy(found[modality], wanted)
    if not any(modality in labels for modality in MODALITIES):
        same = (found["text"] == found["image"]) & (found["image"] == found["audio"])
        metrics["cross_modal_coherence"] = float(np.mean(same))
    if LABELS in labels and PREDICTIONS in predictions:
        joint = classes_of(predicted(predictions, PREDICTIONS))
        metrics["accuracy"] = _accuracy(joint, class_labels(labels, LABELS))
    return metrics


def _accuracy(found: Array, wanted: Array) -> float:
    if found.shape != wanted.shape:
        raise PredictionsInvalid(f"{len(found)} of them for {len(wanted)} labels")
    return float(np.mean(found == wanted))
