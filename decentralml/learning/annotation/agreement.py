"""How far annotators agree beyond what chance would give.

Both kappas are (observed - expected) / (1 - expected): 1 for full agreement, 0 for that of
chance, below 0 for less. Where all labels are the same chance alone explains everything and the
quotient is 0 / 0; it is taken as 1, as there is no disagreement.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from decentralml.errors import NothingInCommon

LabelSet = Mapping[str, str]


def shared_items(one: LabelSet, other: LabelSet) -> list[str]:
    """Items that both have labelled, in order."""
    return sorted(one.keys() & other.keys())


def overlap(sets: Sequence[LabelSet]) -> bool:
    """Whether any item has two labels."""
    return sum(map(len, sets)) > len({item for labels in sets for item in labels})


def cohen_kappa(one: LabelSet, other: LabelSet) -> float:
    """Agreement of two annotators on the items that both have labelled.

    Source: Cohen, A Coefficient of Agreement for Nominal Scales, 1960.

    Raises
    ------
    NothingInCommon : there are no such items.
    """
    items = shared_items(one, other)
    if not items:
        raise NothingInCommon
    observed = sum(one[item] == other[item] for item in items) / len(items)
    left = Counter(one[item] for item in items)
    right = Counter(other[item] for item in items)
    expected = sum(left[label] * right[label] for label in left) / len(items) ** 2
    return _beyond_chance(observed, expected)


def mean_kappa(annotator: LabelSet, others: Sequence[LabelSet]) -> float | None:
    """Mean of an annotator's kappas with those that share items with it; None if nobody does."""
    kappas = [cohen_kappa(annotator, other) for other in others if shared_items(annotator, other)]
    return sum(kappas) / len(kappas) if kappas else None


def fleiss_kappa(sets: Sequence[LabelSet]) -> float:
    """Agreement of any number of annotators, on all items that at least two have labelled.

    Not everybody has to have labelled every item: an item's agreement is over the pairs of those
    who have, and each label counts once in what chance expects. Where all items have equally many
    labels this is Fleiss's own formula.

    Source: Fleiss, Measuring Nominal Scale Agreement Among Many Raters, 1971.

    Raises
    ------
    NothingInCommon : no item has two labels.
    """
    items = sorted({item for labels in sets for item in labels})
    counts = [Counter(labels[item] for labels in sets if item in labels) for item in items]
    counts = [count for count in counts if count.total() > 1]
    if not counts:
        raise NothingInCommon
    observed = sum(map(_pairs_that_agree, counts)) / len(counts)
    all_labels = Counter[str]()
    for count in counts:
        all_labels.update(count)
    expected = sum(number**2 for number in all_labels.values()) / all_labels.total() ** 2
    return _beyond_chance(observed, expected)


def _pairs_that_agree(labels: Counter[str]) -> float:
    """The share of pairs of an item's labels, of two different annotators, that are equal."""
    total = labels.total()
    return sum(number * (number - 1) for number in labels.values()) / (total * (total - 1))


def _beyond_chance(observed: float, expected: float) -> float:
    return 1.0 if expected == 1 else (observed - expected) / (1 - expected)
