"""The label that most annotators gave."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from decentralml.errors import NoLabels


def majority(sets: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """Each item's most frequent label.

    Of labels that are equally frequent the one that is rarer over all items is taken (a careless
    annotator's favourite is frequent), and of these the first by name.

    Raises
    ------
    NoLabels
    """
    overall = Counter(label for labels in sets for label in labels.values())
    if not overall:
        raise NoLabels
    items = sorted({item for labels in sets for item in labels})
    merged = {}
    for item in items:
        votes = Counter(labels[item] for labels in sets if item in labels)
        merged[item] = min(votes, key=lambda label: (-votes[label], overall[label], label))
    return merged
