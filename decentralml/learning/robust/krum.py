"""Krum and its kin: updates are judged by how near their nearest neighbours are.

Source: Blanchard et al., Machine Learning with Adversaries: Byzantine Tolerant Gradient Descent,
2017 (Krum, Multi-Krum). El Mhamdi et al., The Hidden Vulnerability of Distributed Learning in
Byzantium, 2018 (Bulyan).
"""

from __future__ import annotations

import numpy as np

from decentralml.learning.dtypes import Doubles


def krum_scores(distances: Doubles, neighbours: int) -> Doubles:
    """Sum of the squared distances to the nearest ``neighbours`` others, ``[n]``: less is better.

    The paper takes ``n - f - 2`` neighbours.
    """
    others = distances.copy()
    np.fill_diagonal(others, np.inf)
    nearest = np.sort(others, axis=1)[:, :neighbours]
    scores: Doubles = nearest.sum(axis=1)
    return scores


def krum(distances: Doubles, bad: int) -> int:
    """The update with the best score; of equal ones the first."""
    return int(np.argmin(krum_scores(distances, neighbours(len(distances), bad))))


def multi_krum(distances: Doubles, bad: int) -> list[int]:
    """The ``n - f`` updates with the best scores, in their order."""
    scores = krum_scores(distances, neighbours(len(distances), bad))
    return sorted(np.argsort(scores, kind="stable")[: len(distances) - bad].tolist())


def bulyan_selection(distances: Doubles, bad: int) -> list[int]:
    """The ``n - 2 f`` updates that Krum chooses one after another, in their order."""
    left = list(range(len(distances)))
    chosen = []
    for _ in range(len(distances) - 2 * bad):
        best = left[krum(distances[np.ix_(left, left)], bad)]
        chosen.append(best)
        left.remove(best)
    return sorted(chosen)


def neighbours(updates: int, bad: int) -> int:
    """How many of an update's neighbours are looked at: at least one."""
    return max(1, updates - bad - 2)
