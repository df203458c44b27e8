"""What is done to updates before a rule sees them: each becomes a mean of some.

Where honest updates differ because their data do, a rule takes the odd ones for attackers and
attackers hide in the spread. Mixing makes honest updates alike first. A mixing is a matrix
``[m, n]`` whose rows are one together; mixed updates are ``mixing @ updates``.
"""

from __future__ import annotations

import numpy as np

from decentralml.learning.dtypes import Doubles


def nearest_neighbours(distances: Doubles, bad: int) -> Doubles:
    """Each update becomes the mean of the ``n - f`` nearest to it, itself among them.

    Source: Allouah et al., Fixing by Mixing: A Recipe for Optimal Byzantine ML under Heterogeneity,
    2023 (NNM).
    """
    count = len(distances)
    own = distances.copy()
    np.fill_diagonal(own, -1.0)
    nearest = np.argsort(own, axis=1, kind="stable")[:, : count - bad]
    mixing = np.zeros((count, count))
    np.put_along_axis(mixing, nearest, 1.0 / (count - bad), axis=1)
    return mixing


def buckets(count: int, size: int, seed: int) -> Doubles:
    """Updates fall into buckets of ``size`` (the last may hold fewer), each its mean.

    Source: Karimireddy et al., Byzantine-Robust Learning on Heterogeneous Datasets via Bucketing,
    2022.
    """
    order = np.random.default_rng(seed).permutation(count)
    mixing = np.zeros((-(-count // size), count))
    for row, first in enumerate(range(0, count, size)):
        bucket = order[first : first + size]
        mixing[row, bucket] = 1.0 / len(bucket)
    return mixing
