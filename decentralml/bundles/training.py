"""What is asked of each contributor's local training: ``training.json`` in a task's bundle.

A bundle's script may have its own parameters; those that a federated run, or the bundle's
``task.toml``, wants otherwise are written there, so that they are part of what the bundle's CID
names. ``read_training`` is what a script that is to follow them calls (see
:mod:`decentralml.learning.local`)::

    [training]
    algorithm = "fedavg"        # or fedsgd
    epochs = 3                  # and learning_rate, batch, proximal
    privacy = { noise = 1.0, clip = 1.0, delta = 1e-5 }   # DP-SGD: docs/privacy.md

Everything may be left out; ``train-federated`` may say otherwise, but for ``privacy``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, replace
from enum import StrEnum
from functools import partial
from math import inf
from pathlib import Path
from typing import Any

from decentralml.bundles.fields import Fields, canonical_json, parse_json
from decentralml.errors import ManifestError

TRAINING_FILE = "training.json"
MAX_BYTES = 1 << 16
MAX_EPOCHS = 100_000
EPSILON = "epsilon"
"""Metric by which a result claims what its private training has spent."""


class Algorithm(StrEnum):
    """What contributors do between two merges."""

    FEDAVG = "fedavg"
    """Some epochs of stochastic gradient descent each."""
    FEDSGD = "fedsgd"
    """One step along the gradient of all of one's examples."""


@dataclass(frozen=True, slots=True)
class ExamplePrivacy:
    """How little a result is to tell of any one example it was trained on (DP-SGD).

    Attributes
    ----------
    noise : multiplier: standard deviation of the noise on a step's sum, in units of ``clip``.
    clip : longest gradient of one example.
    delta : chance that the promise does not hold; below one over the number of examples.
    """

    noise: float
    clip: float
    delta: float


@dataclass(frozen=True, slots=True)
class LocalTraining:
    """None leaves a parameter to the bundle's script.

    Attributes
    ----------
    round : number of the round in its run, from one.
    epochs : passes over a contributor's own examples (FedAvg).
    proximal : FedProx's mu: how strongly the model is held to the one it began from.
    privacy : None: nothing is promised to single examples.
    """

    algorithm: Algorithm = Algorithm.FEDAVG
    round: int | None = None
    epochs: int | None = None
    learning_rate: float | None = None
    batch: int | None = None
    proximal: float | None = None
    privacy: ExamplePrivacy | None = None

    def check(self) -> None:
        """Raise ManifestError for what no training can be."""
        for name, least in (("epochs", 1), ("batch", 1), ("learning_rate", 0), ("proximal", 0)):
            value = getattr(self, name)
            strict = name == "learning_rate"
            if value is not None and not (least < value if strict else least <= value < inf):
                above = "above" if strict else "at least"
                raise ManifestError(TRAINING_FILE, f"{name} is {value} and must be {above} {least}")
        if self.privacy is not None and (self.algorithm is Algorithm.FEDSGD or self.proximal):
            what = "fedsgd" if self.algorithm is Algorithm.FEDSGD else "a proximal term"
            raise ManifestError(
                TRAINING_FILE, f"privacy: DP-SGD is fedavg without a proximal term, not {what}"
            )

    def over(self, usual: LocalTraining | None) -> LocalTraining:
        """These settings, and where they say nothing those of a bundle's author."""
        if usual is None:
            return self
        said = {name: value for name, value in _values(self).items() if value is not None}
        if self.algorithm is Algorithm.FEDAVG:
            del said["algorithm"]  # It is what is meant where nobody says anything.
        return replace(usual, **said)

    def write(self, bundle: Path) -> None:
        said = asdict(self)
        if self.privacy is None:
            del said["privacy"]  # Files as they were before there was any.
        (bundle / TRAINING_FILE).write_bytes(canonical_json(said))


def _values(training: LocalTraining) -> dict[str, Any]:
    return {field.name: getattr(training, field.name) for field in fields(training)}


def read_training_table(section: Fields | None) -> LocalTraining | None:
    """The table ``[training]`` of a ``task.toml``; None where there is none.

    Raises
    ------
    ManifestError
    """
    if section is None:
        return None
    found = {name: read(section, name) for name, read in _READ.items() if section.has(name)}
    section.end()
    training = LocalTraining(**found)
    training.check()
    return training


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
    return parse_training(data)


def parse_training(data: bytes) -> LocalTraining:
    """The contents of a ``training.json``. Raises ManifestError."""
    top = Fields(TRAINING_FILE, "", parse_json(data, TRAINING_FILE, MAX_BYTES))
    found: dict[str, Any] = {"algorithm": _READ["algorithm"](top, "algorithm")}
    found["round"] = top.optional("round", lambda name: top.integer(name, 1, 2**31))
    for name in ("epochs", "learning_rate", "batch", "proximal"):
        found[name] = top.optional(name, partial(_READ[name], top))
    if top.has("privacy"):
        found["privacy"] = top.optional("privacy", partial(_privacy, top))
    top.end()
    training = LocalTraining(**found)
    training.check()
    return training


def _positive(top: Fields, name: str) -> float:
    value = top.number(name)
    if not 0 < value < inf:
        raise top.wrong(f"{name} is above zero")
    return value


def _share(top: Fields, name: str) -> float:
    value = top.number(name)
    if not 0 <= value < inf:
        raise top.wrong(f"{name} is zero or more")
    return value


def _privacy(top: Fields, name: str) -> ExamplePrivacy:
    section = top.section(name)
    noise, clip, delta = (_positive(section, each) for each in ("noise", "clip", "delta"))
    if delta >= 1:
        raise section.wrong("delta is a chance between 0 and 1, such as 1e-5")
    section.end()
    return ExamplePrivacy(noise, clip, delta)


_READ: dict[str, Callable[[Fields, str], Any]] = {
    "algorithm": lambda top, name: top.choice(name, Algorithm),
    "epochs": lambda top, name: top.integer(name, 1, MAX_EPOCHS),
    "learning_rate": _positive,
    "batch": lambda top, name: top.integer(name, 1, 2**31),
    "proximal": _share,
    "privacy": _privacy,
}
