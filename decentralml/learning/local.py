"""A contributor's training settings, where a federated run asks for others than the script's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from decentralml.bundles.training import Algorithm, read_training
from decentralml.learning.settings import Local, TrainingSettings


def local_settings(bundle: Path, usual: TrainingSettings) -> TrainingSettings:
    """``usual``, with what the bundle's ``training.json`` asks for instead, if it has one.

    Each round has an order of the examples of its own: the seed grows with the round's number.

    Raises
    ------
    ManifestError : the file is malformed.
    """
    asked = read_training(bundle)
    if asked is None:
        return usual
    wanted: dict[str, Any] = {
        "epochs": asked.epochs,
        "learning_rate": asked.learning_rate,
        "batch": asked.batch,
        "proximal": asked.proximal,
        "seed": None if asked.round is None else usual.seed + asked.round - 1,
        "privacy": asked.privacy,
        "method": Local.FEDSGD if asked.algorithm is Algorithm.FEDSGD else Local.FEDAVG,
    }
    return replace(usual, **{name: value for name, value in wanted.items() if value is not None})
