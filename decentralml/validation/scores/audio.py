"""Audio: utterances understood, words right, and both in noise.

Source: requirements, part B, after EvoSpikeNet's type-based aggregation.
"""

from __future__ import annotations

from decentralml.validation.scores.bounds import at_least, share

RECOGNITION, WORDS, NOISE = 0.5, 0.3, 0.2


def wer_score(word_error_rate: float) -> float:
    """``1 - min(wer, 1)``: a rate can exceed 1, where words are made up.

    Raises
    ------
    MetricAbsurd : negative, or not finite.
    """
    return 1 - min(at_least("word_error_rate", word_error_rate, 0), 1)


def audio_score(
    speech_recognition_accuracy: float, word_error_rate: float, noise_robustness: float = 0.0
) -> float:
    """``0.5 · recognition + 0.3 · wer_score + 0.2 · noise``; what was not measured earns nothing.

    Raises
    ------
    MetricAbsurd : a share outside [0, 1], or see :func:`wer_score`.
    """
    return (
        RECOGNITION * share("speech_recognition_accuracy", speech_recognition_accuracy)
        + WORDS * wer_score(word_error_rate)
        + NOISE * share("noise_robustness", noise_robustness)
    )
