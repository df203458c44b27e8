"""How well labels agree with the ones the creator knows."""

from __future__ import annotations

from collections.abc import Mapping

from decentralml.errors import PredictionsInvalid
from decentralml.types import PPM
from decentralml.validation.scores.score import Score


def score_annotation(labels: Mapping[str, str], gold: Mapping[str, str]) -> Score:
    """Agreement: the share of gold items that have their gold label.

    A gold item without a label disagrees; items without a gold label do not count.

    Raises
    ------
    PredictionsInvalid : there are no gold items.
    """
    if not gold:
        raise PredictionsInvalid("there are no gold labels to compare with")
    agreed = sum(labels.get(item) == label for item, label in gold.items())
    missing = sum(item not in labels for item in gold)
    return Score(
        agreed * PPM // len(gold),
        {"agreement": agreed / len(gold), "gold_items": len(gold), "missing": missing},
    )
