"""Text: what a language model's log-probabilities for the next characters are worth."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from decentralml.errors import PredictionsInvalid
from decentralml.validation.scores.measures.bleu import bleu
from decentralml.validation.scores.tensors import (
    LABELS,
    PREDICTIONS,
    Array,
    Tensors,
    labelled,
    labels_invalid,
    predicted,
    shown,
)

TEXT = "text"
MAX_LOSS = 700.0
"""Nats: the perplexity of a worse model is beyond what a float64 holds."""
MAX_TOKENS = 4096
"""Of one sequence: comparing two takes time by the product of their lengths."""
PIECE = 1 << 14
"""Positions whose probabilities are normalised at a time."""


def text_metrics(predictions: Tensors, labels: Tensors) -> dict[str, float]:
    """``loss`` (nats a character), ``perplexity``, ``accuracy``; ``bleu_score`` where asked for.

    Parameters
    ----------
    predictions : ``predictions`` ``[N, classes]`` or ``[N, T, classes]``: log-probabilities or
        logits (they are normalised here); ``text`` ``[M, L]``, where the labels have one.
    labels : ``labels`` ``[N]`` or ``[N, T]``: the characters that came; negative ones are padding.
        ``text`` ``[M, K]``: references of what should have been generated, padded.

    Raises
    ------
    PredictionsInvalid, ValidationSetInvalid
    """
    wanted = labelled(labels, LABELS)
    scores = predicted(predictions, PREDICTIONS)
    if wanted.dtype.kind not in "iu" or wanted.ndim > 2:
        raise labels_invalid(f"{LABELS} is {shown(wanted)}, where integers [N] or [N, T] belong")
    if scores.dtype.kind != "f" or scores.ndim != wanted.ndim + 1 or scores.shape[-1] < 2:
        raise PredictionsInvalid(
            f"{shown(scores)}, where log-probabilities {[*wanted.shape, 'classes']} are wanted"
        )
    if scores.shape[:-1] != wanted.shape:
        raise PredictionsInvalid(f"{list(scores.shape[:-1])} of them for {list(wanted.shape)}")
    rows, targets = scores.reshape(-1, scores.shape[-1]), wanted.reshape(-1).astype(np.int64)
    rows, targets = rows[targets >= 0], targets[targets >= 0]
    if not len(targets):
        raise labels_invalid(f"{LABELS} is nothing but padding")
    if targets.max() >= scores.shape[-1]:
        raise PredictionsInvalid(
            f"they know {scores.shape[-1]} classes, and the labels name class {targets.max()}"
        )
    loss = min(float(cross_entropy(rows, targets).mean()), MAX_LOSS)
    metrics = {
        "loss": loss,
        "perplexity": math.exp(loss),
        "accuracy": float(np.mean(rows.argmax(axis=1) == targets)),
        "characters": len(targets),
    }
    if TEXT in labels:
        metrics["bleu_score"] = bleu(
            sequences(predicted(predictions, TEXT)), reference_sequences(labels, TEXT)
        )
    return metrics


def cross_entropy(scores: Array, targets: NDArray[np.int64]) -> NDArray[np.float64]:
    """``-ln softmax(scores)[target]`` of each row of ``scores`` ``[N, classes]``, at least 0."""
    found = np.empty(len(targets))
    for start in range(0, len(targets), PIECE):
        here = slice(start, start + PIECE)
        rows = scores[here].astype(np.float64)
        rows -= rows.max(axis=1, keepdims=True)
        total = np.log(np.exp(rows).sum(axis=1))
        found[here] = total - rows[np.arange(len(rows)), targets[here]]
    return np.maximum(found, 0)


def sequences(tokens: Array) -> list[list[int]]:
    """Rows of integers ``[N, L]``, each up to its first negative one.

    Raises
    ------
    PredictionsInvalid
    """
    if not _are_rows(tokens):
        raise PredictionsInvalid(
            f"{shown(tokens)}, where integers [N, L] are wanted, L at most {MAX_TOKENS}"
        )
    return _unpadded(tokens)


def reference_sequences(labels: Tensors, name: str) -> list[list[int]]:
    """As :func:`sequences`, of the labels. Raises :class:`ValidationSetInvalid`."""
    tokens = labelled(labels, name)
    if not _are_rows(tokens):
        raise labels_invalid(
            f"{name} is {shown(tokens)}, where integers [N, L] are wanted, L at most {MAX_TOKENS}"
        )
    return _unpadded(tokens)


def _are_rows(tokens: Array) -> bool:
    return tokens.ndim == 2 and tokens.dtype.kind in "iu" and tokens.shape[1] <= MAX_TOKENS


def _unpadded(tokens: Array) -> list[list[int]]:
    rows: list[list[int]] = tokens.astype(np.int64).tolist()
    return [row[: next((i for i, t in enumerate(row) if t < 0), len(row))] for row in rows]
