"""Labels of the same items by several annotators: how well they agree, and what they say together.

A label set is a mapping from item to label, as in ``labels.json``; annotators may have labelled
different items. Everything here is pure, and needs no chain.
"""

from decentralml.learning.annotation.agreement import (
    cohen_kappa,
    fleiss_kappa,
    mean_kappa,
    overlap,
    shared_items,
)
from decentralml.learning.annotation.dawid_skene import Consensus, dawid_skene
from decentralml.learning.annotation.majority import majority

__all__ = [
    "Consensus",
    "cohen_kappa",
    "dawid_skene",
    "fleiss_kappa",
    "majority",
    "mean_kappa",
    "overlap",
    "shared_items",
]
