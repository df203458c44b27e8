"""BLEU of generated token sequences.

Source: Papineni et al., BLEU: a Method for Automatic Evaluation of Machine Translation, 2002,
https://aclanthology.org/P02-1040; orders above one are smoothed by one, as in Lin and Och, 2004.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from decentralml.errors import PredictionsInvalid

ORDERS = 4


def bleu(candidates: Sequence[Sequence[int]], references: Sequence[Sequence[int]]) -> float:
    """Corpus BLEU from 0 to 1, one reference for each candidate, n-grams up to four.

    ``exp(min(0, 1 - r/c)) · (Π p_n)^(1/4)`` for lengths r, c and clipped precisions p_n, where
    ``p_1 = matches / n-grams`` and ``p_n = (matches + 1) / (n-grams + 1)`` for n > 1.

    Raises
    ------
    PredictionsInvalid : not one candidate for each reference.
    """
    if len(candidates) != len(references):
        raise PredictionsInvalid(f"{len(candidates)} texts for {len(references)} references")
    length, wanted = sum(map(len, candidates)), sum(map(len, references))
    if not length:
        return 0.0
    logarithm = 0.0
    for order in range(1, ORDERS + 1):
        matches = total = 0
        for candidate, reference in zip(candidates, references, strict=True):
            found = _ngrams(candidate, order)
            matches += (found & _ngrams(reference, order)).total()
            total += found.total()
        smooth = order > 1
        if not matches + smooth:
            return 0.0
        logarithm += math.log((matches + smooth) / (total + smooth)) / ORDERS
    return math.exp(min(0.0, 1 - wanted / length) + logarithm)


def _ngrams(tokens: Sequence[int], order: int) -> Counter[tuple[int, ...]]:
    return Counter(tuple(tokens[i : i + order]) for i in range(len(tokens) - order + 1))
