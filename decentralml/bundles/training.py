"""What a round asks of each contributor's local training: ``training.json`` in its bundle.

A bundle's script may have its own parameters; a federated run writes those that it wants
otherwise, so that they are part of what the bundle's CID names. ``read_training`` is what a script
that is to follow them calls (see :mod:`decentralml.learning.local`).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from math import inf
from pathlib import Path
from typing import Any

from decentralml.bundles.fields import Fields, canonical_json, parse_json
from decentralml.errors import ManifestError

TRAINING_FILE = "training.json"
MAX_BYTES = 1 << 16
MAX_EPOCHS = 100_000


class Algorithm(StrEnum):
    """What contributors do between two merges."""

    FEDAVG = "fedavg"
    """Some epochs of stochastic gradient descent each."""
    FEDSGD = "fedsgd"
    """One step along the gradient of all of one's examples."""


@dataclass(frozen=True, slots=True)
class LocalTraining:
    """None leaves a parameter to the bundle's script.

    Attributes
    ----------
    round : number of the round in its run, from one.
    epochs : passes over a contributor's own examples (FedAvg).
    proximal : FedProx's mu: how strongly the model is held to the one it began from.
    """

    algorithm: Algorithm = Algorithm.FEDAVG
    round: int | None = None
    epochs: int | None = None
    learning_rate: float | None = None
    batch: int | None = None
    proximal: float | None = None

    def check(self) -> None:
        """Raise ManifestError for what no training can be."""
        for name, least in (("epochs", 1), ("batch", 1), ("learning_rate", 0), ("proximal", 0)):
            value = getattr(self, name)
            strict = name == "learning_rate"
            if value is not None and not (least < value if strict else least <= value < inf):
                above = "above" if strict else "at least"
                raise ManifestError(TRAINING_FILE, f"{name} is {value} and must be {above} {least}")

    def write(self, bundle: Path) -> None:
        (bundle / TRAINING_FILE).write_bytes(canonical_json(asdict(self)))


def read_training(bundle: Path) -> LocalTraining | None:
    """What the bundle asks for; None where it has no such file.

    Raises
    ------
    ManifestError
    """
    try:
        with (bundle / TRAINING_FILE).open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ManifestError(TRAINING_FILE, error.strerror or str(error)) from None
    top = Fields(TRAINING_FILE, "", parse_json(data, TRAINING_FILE, MAX_BYTES))

    def positive(name: str) -> float:
        value = top.number(name)
        if not 0 < value < inf:
            raise top.wrong(f"{name} is above zero")
        return value

    def share(name: str) -> float:
        value = top.number(name)
        if not 0 <= value < inf:
            raise top.wrong(f"{name} is zero or more")
        return value

    found: dict[str, Any] = {
        "algorithm": top.choice("algorithm", Algorithm),
        "round": top.optional("round", lambda name: top.integer(name, 1, 2**31)),
        "epochs": top.optional("epochs", lambda name: top.integer(name, 1, MAX_EPOCHS)),
        "learning_rate": top.optional("learning_rate", positive),
        "batch": top.optional("batch", lambda name: top.integer(name, 1, 2**31)),
        "proximal": top.optional("proximal", share),
    }
    top.end()
    return LocalTraining(**found)
