"""MultiModal: accurate, and equally so in every modality.

Source: requirements, part B, after EvoSpikeNet's type-based aggregation.
"""

from __future__ import annotations

from decentralml.validation.scores.bounds import share


def multimodal_quality(text_accuracy: float, image_accuracy: float, audio_accuracy: float) -> float:
    """``2 · balance · avg / (balance + avg)``, balance being the least accuracy and avg the mean.

    Their harmonic mean, that is; 0 where both are 0.

    Raises
    ------
    MetricAbsurd : an accuracy outside [0, 1].
    """
    accuracies = (
        share("text_accuracy", text_accuracy),
        share("image_accuracy", image_accuracy),
        share("audio_accuracy", audio_accuracy),
    )
    balance, average = min(accuracies), sum(accuracies) / len(accuracies)
    if balance + average == 0:
        return 0.0
    return 2 * balance * average / (balance + average)
