"""Vision: objects found where they are, edges as a Sobel filter sees them, images classified."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from decentralml.errors import PredictionsInvalid
from decentralml.validation.scores.classification import score_classification
from decentralml.validation.scores.measures.matching import most_pairs
from decentralml.validation.scores.tensors import (
    LABELS,
    PREDICTIONS,
    Array,
    Tensors,
    class_labels,
    labelled,
    labels_invalid,
    predicted,
    shown,
)

OBJECTS = "objects"
EDGES = "edges"
FIELDS = 5
"""Of an object: class, top, left, bottom, right; a negative class is no object."""
OVERLAP = 0.5
"""Intersection over union from which a box is at the right place (as PASCAL VOC has it)."""
MOST_OBJECTS = 256
"""Boxes in one scene: all pairs are compared."""


def detection_metrics(predictions: Tensors, labels: Tensors) -> dict[str, float]:
    """``object_detection_accuracy``: ``found / (found + missed + made up)`` over all scenes.

    A predicted box finds an object of its class whose box it overlaps by half (intersection over
    union); each finds one at most, in the pairing that finds most.

    Parameters
    ----------
    predictions, labels : ``objects`` ``[N, K, 5]`` and ``[N, M, 5]``: class, top, left, bottom,
        right in pixels, bottom and right beyond the last row and column. A negative class is no
        object.

    Raises
    ------
    PredictionsInvalid, ValidationSetInvalid
    """
    wanted = labelled(labels, OBJECTS)
    found = predicted(predictions, OBJECTS)
    if not _are_boxes(wanted) or wanted.shape[1] > MOST_OBJECTS:
        raise labels_invalid(f"{OBJECTS} is {shown(wanted)}, where [N, K, {FIELDS}] is wanted")
    if not _are_boxes(found) or len(found) != len(wanted) or found.shape[1] > MOST_OBJECTS:
        raise PredictionsInvalid(
            f"{OBJECTS} is {shown(found)}, where [{len(wanted)}, K, {FIELDS}] is wanted"
        )
    right = there = told = 0
    for truth, claim in zip(wanted, found, strict=True):
        truth, claim = truth[truth[:, 0] >= 0], claim[claim[:, 0] >= 0]
        there, told = there + len(truth), told + len(claim)
        right += most_pairs(_agree(truth, claim))
    if not there:
        raise labels_invalid(f"{OBJECTS} holds no object at all")
    return {
        "object_detection_accuracy": right / (there + told - right),
        "objects": there,
    }


def edge_metrics(predictions: Tensors, labels: Tensors) -> dict[str, float]:
    """``edge_detection_accuracy``: F1 of the edge pixels.

    Most pixels are no edge, so that the share of right pixels would be high for a blank answer;
    F1 is 0 for one.

    Parameters
    ----------
    predictions : ``edges`` ``[N, H, W]``: probabilities, an edge from 0.5 on; or 0 and 1.
    labels : ``edges`` ``[N, H, W]``, 0 or 1: see :func:`sobel_edges`.

    Raises
    ------
    PredictionsInvalid, ValidationSetInvalid
    """
    wanted, found = labelled(labels, EDGES), predicted(predictions, EDGES)
    if found.shape != wanted.shape:
        raise PredictionsInvalid(f"{EDGES} is {shown(found)}, where {list(wanted.shape)} is wanted")
    truth, claim = wanted >= 0.5, found >= 0.5
    if not truth.any():
        raise labels_invalid(f"{EDGES} has no edge at all")
    both = int(np.count_nonzero(truth & claim))
    either = int(np.count_nonzero(truth)) + int(np.count_nonzero(claim))
    return {"edge_detection_accuracy": 2 * both / either}


def classification_metrics(predictions: Tensors, labels: Tensors) -> dict[str, float]:
    """``accuracy`` of ``predictions`` against ``labels`` (see ``score_classification``).

    Raises
    ------
    PredictionsInvalid, ValidationSetInvalid
    """
    wanted = class_labels(labels, LABELS)
    return dict(score_classification(predicted(predictions, PREDICTIONS), wanted).metrics)


def vision_metrics(predictions: Tensors, labels: Tensors) -> dict[str, float]:
    """Detection, and edges and classes where the labels have them.

    Raises
    ------
    PredictionsInvalid, ValidationSetInvalid
    """
    metrics = detection_metrics(predictions, labels)
    if EDGES in labels:
        metrics |= edge_metrics(predictions, labels)
    if LABELS in labels:
        metrics |= classification_metrics(predictions, labels)
    return metrics


def sobel_edges(images: Array, threshold: float = 0.25) -> NDArray[np.uint8]:
    """The reference: 1 where the Sobel gradient is strong, for images ``[N, H, W]``.

    Parameters
    ----------
    images : grey values on any scale; the border is repeated outwards.
    threshold : share of each image's own strongest gradient from which on there is an edge.

    Source: Sobel and Feldman, A 3x3 Isotropic Gradient Operator for Image Processing, 1968.
    """
    padded = np.pad(images.astype(np.float64), ((0, 0), (1, 1), (1, 1)), mode="edge")
    smooth_rows = padded[:, :-2] + 2 * padded[:, 1:-1] + padded[:, 2:]
    smooth_columns = padded[:, :, :-2] + 2 * padded[:, :, 1:-1] + padded[:, :, 2:]
    across = smooth_rows[:, :, 2:] - smooth_rows[:, :, :-2]
    down = smooth_columns[:, 2:] - smooth_columns[:, :-2]
    strength = np.hypot(across, down)
    strongest = strength.max(axis=(1, 2), keepdims=True)
    edges: NDArray[np.bool_] = (strength >= threshold * strongest) & (strongest > 0)
    return edges.astype(np.uint8)


def _are_boxes(values: Array) -> bool:
    return values.ndim == 3 and values.shape[2] == FIELDS and values.dtype.kind in "fiu"


def _agree(truth: Array, claim: Array) -> NDArray[np.bool_]:
    """Which predicted boxes ``[K, 5]`` find which objects ``[M, 5]``: ``[M, K]``."""
    one = truth[:, None].astype(np.float64)
    other = claim[None].astype(np.float64)
    low = np.maximum(one[..., 1:3], other[..., 1:3])
    high = np.minimum(one[..., 3:5], other[..., 3:5])
    shared = np.clip(high - low, 0, None).prod(axis=-1)
    union = _area(one) + _area(other) - shared
    agree: NDArray[np.bool_] = (shared > 0) & (shared >= OVERLAP * union)
    agree &= one[..., 0] == other[..., 0]
    return agree


def _area(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    area: NDArray[np.float64] = np.clip(boxes[..., 3:5] - boxes[..., 1:3], 0, None).prod(axis=-1)
    return area
