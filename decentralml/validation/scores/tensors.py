"""Predictions and labels as scorers get them: arrays by name, and what is wrong with them by name.

A tensor of the predictions is held against the tensor of the same name in the labels; only the
classes of a plain classifier are called ``predictions`` there and ``labels`` here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from decentralml.errors import PredictionsInvalid, ValidationSetInvalid

Array = NDArray[Any]
Tensors = Mapping[str, Array]

PREDICTIONS = "predictions"
LABELS = "labels"
LABELS_FILE = "labels.safetensors"
PADDING = -1
"""Where a row of integers has ended; any negative number does."""


def predicted(predictions: Tensors, name: str) -> Array:
    """The tensor of that name, its numbers finite.

    Raises
    ------
    PredictionsInvalid
    """
    if name not in predictions:
        found = ", ".join(sorted(predictions)) or "nothing"
        raise PredictionsInvalid(f"there is no tensor {name!r} among them ({found})")
    values = predictions[name]
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise PredictionsInvalid(f"{name} holds NaN or infinite numbers", finite=False)
    return values


def labelled(labels: Tensors, name: str) -> Array:
    """The tensor of that name, at least one row of finite numbers.

    Raises
    ------
    ValidationSetInvalid
    """
    if name not in labels:
        found = ", ".join(sorted(labels)) or "nothing"
        raise labels_invalid(f"this metric needs a tensor {name!r} (there is {found})")
    values = labels[name]
    if not values.ndim or not len(values):
        raise labels_invalid(f"{name} is empty")
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise labels_invalid(f"{name} holds NaN or infinite numbers")
    return values


def class_labels(labels: Tensors, name: str, dimensions: int = 1) -> Array:
    """Classes ``[N, …]``, integers. Raises :class:`ValidationSetInvalid`."""
    values = labelled(labels, name)
    if values.dtype.kind not in "iu" or values.ndim != dimensions:
        raise labels_invalid(
            f"{name} is {shown(values)}, where integers of {dimensions} dimensions are wanted"
        )
    return values.astype(np.int64)


def labels_invalid(problem: str) -> ValidationSetInvalid:
    """What the creator's labels cannot be used for."""
    return ValidationSetInvalid(LABELS_FILE, problem)


def shown(values: Array) -> str:
    """Type and shape, for messages."""
    return f"{values.dtype} of shape {list(values.shape)}"
