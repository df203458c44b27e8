"""Meta-learners: how well each client's adapted model does on that client's query set."""

from __future__ import annotations

import numpy as np

from decentralml.bundles.meta import ADAPTED_ACCURACY
from decentralml.errors import PredictionsInvalid
from decentralml.validation.scores.classification import classes_of
from decentralml.validation.scores.tensors import (
    LABELS,
    PREDICTIONS,
    Tensors,
    class_labels,
    labels_invalid,
    predicted,
)

CLIENTS = "clients"


def adapted_metrics(predictions: Tensors, labels: Tensors) -> dict[str, float]:
    """``adapted_accuracy``: mean over clients of the share of their query examples that is right.

    ``adapted_spread`` is its standard deviation over clients; ``clients`` and ``examples`` count.

    Parameters
    ----------
    predictions : ``predictions``, classes ``[N]`` or scores ``[N, classes]``, of all examples.
    labels : ``labels``, classes ``[N]``, negative where the example was to adapt on; ``clients``,
        whose each example is, ``[N]``.

    Raises
    ------
    PredictionsInvalid, ValidationSetInvalid
    """
    wanted, clients = class_labels(labels, LABELS), class_labels(labels, CLIENTS)
    found = classes_of(predicted(predictions, PREDICTIONS))
    if found.shape != wanted.shape or clients.shape != wanted.shape:
        raise PredictionsInvalid(f"{len(found)} of them for {len(wanted)} labels")
    asked = wanted >= 0
    if not asked.any():
        raise labels_invalid("no client has a query set")
    _, whose = np.unique(clients[asked], return_inverse=True)
    sizes = np.bincount(whose)
    shares = np.bincount(whose, (found == wanted)[asked]) / sizes
    return {
        ADAPTED_ACCURACY: float(shares.mean()),
        "adapted_spread": float(shares.std()),
        "clients": len(sizes),
        "examples": int(sizes.sum()),
    }
