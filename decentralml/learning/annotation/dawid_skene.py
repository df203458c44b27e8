"""True labels and annotators' errors, estimated from each other.

An annotator is described by a confusion matrix: what it says of items of each class. Expectation
(how likely each class is for an item, given what was said of it and by whom) and maximisation
(confusion matrices and class frequencies, given those likelihoods) alternate.

Source: Dawid and Skene, Maximum Likelihood Estimation of Observer Error-Rates Using the EM
Algorithm, 1979, equations 2.3 to 2.5.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from decentralml.errors import NoLabels, TooManyLabels

Matrix = NDArray[np.float64]
Places = NDArray[np.intp]

ROUNDS = 200
TOLERANCE = 1e-6
"""Of the log-likelihood per label: where it no longer grows, the estimate is done."""
SMOOTHING = 0.5
"""Labels of each class that every annotator is taken to have given besides its own: so many right
ones, and as many again spread over all labels. With few items a matrix of bare counts is certain
of what it has seen once, and does not know a right label from a wrong one."""

MOST = 1 << 25
"""Numbers in the confusion matrices of all annotators together: 256 MB. Free text has as many
labels as items, nearly, and nobody's errors can be told from labels that hardly come twice."""


@dataclass(frozen=True, slots=True)
class Consensus:
    """What annotators say together.

    Attributes
    ----------
    labels : the likeliest label of each item.
    certainty : how likely it is, 0 to 1.
    reliability : of each annotator, the share of items that it is estimated to label rightly.
    confusion : ``[annotators, classes, classes]``: how often each says the second class of an item
        of the first.
    classes : names of the classes, in the order of the matrices.
    rounds : of expectation and maximisation.
    log_likelihood : after each round.
    """

    labels: Mapping[str, str]
    certainty: Mapping[str, float]
    reliability: tuple[float, ...]
    confusion: NDArray[np.float64]
    classes: tuple[str, ...]
    rounds: int
    log_likelihood: tuple[float, ...]


def dawid_skene(
    sets: Sequence[Mapping[str, str]],
    known: Mapping[str, str] | None = None,
    smoothing: float = SMOOTHING,
) -> Consensus:
    """Estimate items' labels and annotators' reliability.

    Parameters
    ----------
    sets : one mapping from item to label for each annotator.
    known : true labels of some items (gold): they stay as they are, and teach how reliable each
        annotator is.
    smoothing : 0 gives plain maximum likelihood, as in the paper.

    Raises
    ------
    NoLabels, TooManyLabels
    """
    items = sorted({item for labels in sets for item in labels})
    if not items:
        raise NoLabels
    places = {item: place for place, item in enumerate(items)}
    truth = {item: label for item, label in (known or {}).items() if item in places}
    said = {label for labels in sets for label in labels.values()}
    classes = tuple(sorted(said | set(truth.values())))
    if len(sets) * len(classes) ** 2 > MOST:
        raise TooManyLabels(len(classes), math.isqrt(MOST // len(sets)))
    of = {label: place for place, label in enumerate(classes)}
    votes = [_votes(labels, places, of) for labels in sets]
    shape = len(items), len(classes)
    fixed = _counted([_votes(truth, places, of)], shape)
    settled = fixed.sum(axis=1, keepdims=True) > 0
    likely = np.where(settled, fixed, _shares(_counted(votes, shape)))
    prior = smoothing * (np.eye(len(classes)) + 1 / len(classes))
    given = sum(map(len, sets))
    history: list[float] = []
    while True:
        frequency = _shares(likely.sum(0) + smoothing / len(classes))
        confusion = _shares(_confused(likely, votes) + prior)
        joint = np.tile(_log(frequency), (len(items), 1))
        for (rows, labels), matrix in zip(votes, confusion, strict=True):
            joint[rows] += _log(matrix).T[labels]
        joint[settled & (fixed == 0)] = -np.inf
        top = joint.max(1, keepdims=True)
        weight = np.exp(joint - top)
        history.append(float((np.log(weight.sum(1)) + top[:, 0]).sum()))
        likely = _shares(weight)
        grown = len(history) < 2 or history[-1] - history[-2] > TOLERANCE * given
        if not grown or len(history) == ROUNDS:
            break
    best = likely.argmax(1)
    return Consensus(
        labels={item: classes[c] for item, c in zip(items, best, strict=True)},
        certainty={item: float(row.max()) for item, row in zip(items, likely, strict=True)},
        reliability=tuple(float(frequency @ np.diag(matrix)) for matrix in confusion),
        confusion=confusion,
        classes=classes,
        rounds=len(history),
        log_likelihood=tuple(history),
    )


def _votes(
    labels: Mapping[str, str], places: Mapping[str, int], of: Mapping[str, int]
) -> tuple[Places, Places]:
    """Which items an annotator labelled, each once, and which class it gave each."""
    return (
        np.array([places[item] for item in labels], np.intp),
        np.array([of[label] for label in labels.values()], np.intp),
    )


def _counted(votes: Sequence[tuple[Places, Places]], shape: tuple[int, int]) -> Matrix:
    """``[items, classes]``: how many annotators gave an item that label."""
    counts = np.zeros(shape)
    for rows, labels in votes:
        counts[rows, labels] += 1
    return counts


def _confused(likely: Matrix, votes: Sequence[tuple[Places, Places]]) -> Matrix:
    """``[annotators, classes, classes]``: items of the first, as is likely, called the second."""
    classes = likely.shape[1]
    found = np.zeros((len(votes), classes, classes))
    for matrix, (rows, labels) in zip(found, votes, strict=True):
        order = np.argsort(labels, kind="stable")
        names, starts = np.unique(labels[order], return_index=True)
        if len(names):
            matrix.T[names] = np.add.reduceat(likely[rows[order]], starts, axis=0)
    return found


def _shares(counts: Matrix) -> Matrix:
    """Rows that are one together; a row of nothing is shared equally."""
    total = counts.sum(-1, keepdims=True)
    empty = total == 0
    shares: Matrix = np.where(empty, 1 / counts.shape[-1], counts / np.where(empty, 1, total))
    return shares


def _log(values: Matrix) -> Matrix:
    """Of zero, a number so small that no sum of others makes up for it."""
    logs: Matrix = np.log(np.maximum(values, 1e-300))
    return logs
