"""FLTrust: updates count by how much they go the way of one that is trusted.

The trusted update is the aggregators' own: trained from the same base model on data of theirs.

Source: Cao et al., FLTrust: Byzantine-robust Federated Learning via Trust Bootstrapping, 2021.
"""

from __future__ import annotations

import numpy as np

from decentralml.learning.dtypes import Doubles


def trust_scores(gram: Doubles, reference: Doubles) -> Doubles:
    """``max(0, cos(d_i, d_0))`` for each update, ``[n]``.

    Parameters
    ----------
    gram : inner products of the updates, seen from the base model, ``[n, n]``.
    reference : of the trusted update with each of them, and with itself, ``[n + 1]``.
    """
    lengths = np.sqrt(np.diag(gram) * reference[-1])
    cosines = np.divide(reference[:-1], lengths, out=np.zeros(len(gram)), where=lengths > 0)
    scores: Doubles = np.maximum(cosines, 0.0)
    return scores


def trusted(gram: Doubles, reference: Doubles, weights: Doubles) -> Doubles:
    """Coefficients ``[n]`` of ``Σ t_i p_i (|d_0| / |d_i|) d_i / Σ t_i p_i``; zeros if no t_i > 0.

    They need not be one together: every update is made as long as the trusted one.
    """
    scores = trust_scores(gram, reference) * weights
    lengths = np.sqrt(np.diag(gram))
    scaled: Doubles = np.divide(
        scores * np.sqrt(reference[-1]), lengths, out=np.zeros(len(gram)), where=lengths > 0
    )
    total = scores.sum()
    if total > 0:
        scaled /= total
    return scaled
