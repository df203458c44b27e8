"""Vision: detection first, then edges and classification.

Source: requirements, part B, after EvoSpikeNet's type-based aggregation.
"""

from __future__ import annotations

from decentralml.validation.scores.bounds import share

DETECTION, EDGES, CLASSIFICATION = 0.4, 0.3, 0.3


def vision_score(
    object_detection_accuracy: float,
    edge_detection_accuracy: float = 0.0,
    image_classification_accuracy: float = 0.0,
) -> float:
    """``0.4 · objects + 0.3 · edges + 0.3 · classification``; what was not measured earns nothing.

    Raises
    ------
    MetricAbsurd : an accuracy outside [0, 1].
    """
    return (
        DETECTION * share("object_detection_accuracy", object_detection_accuracy)
        + EDGES * share("edge_detection_accuracy", edge_detection_accuracy)
        + CLASSIFICATION * share("accuracy", image_classification_accuracy)
    )
