"""How contributors meta-learn, and how what they learn is to be adapted: the section ``meta``.

The creator pins it in ``task.toml``; contributors' scripts follow it, and aggregators split the
clients of their held-out set by it::

    [meta]
    method = "maml"             # or fomaml, meta-sgd, reptile, own: the bundle's script names it
    rate = 0.1                  # of a client's steps (Meta-SGD: what every element's begins with)
    steps = 1                   # that a client takes on its support set
    support = 0.5               # share of each class of a client that goes to its support set
    classes = 2                 # of a client, for k-way heads; else labels are taken as they are
    outer_rate = 0.1            # how far a result goes against its meta-gradient; Reptile's is 1

Everything may be left out. The server's optimizer and its rate are those of ``[merge]``. The same
plan lies beside the weights of every published meta-learner, as ``meta.json``, so that whoever has
the model knows how to make it their own (``decentralml adapt``).
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from decentralml.bundles.fields import Fields, canonical_json, parse_json
from decentralml.errors import ManifestError

META_FILE = "meta.json"
META_FORMAT = "decentralml/meta@1"
ADAPTED_ACCURACY = "adapted_accuracy"
"""The metric of a meta-learner: mean over clients of what their adapted models get right."""
RATE = "rate:"
"""Before a parameter's name: its inner learning rates in the model of Meta-SGD."""
MAX_BYTES = 1 << 16
MAX_STEPS = 1000
MAX_HEADS = 100_000


class MetaMethod(StrEnum):
    """Names of the learners."""

    MAML = "maml"
    FOMAML = "fomaml"
    META_SGD = "meta-sgd"
    REPTILE = "reptile"
    OWN = "own"
    """A learner that the bundle's own script names."""

    @property
    def trains_locally(self) -> bool:
        """Whether epochs, batches and the like of local training play a part."""
        return self in (MetaMethod.REPTILE, MetaMethod.OWN)


@dataclass(frozen=True, slots=True)
class MetaPlan:
    """See the module.

    Attributes
    ----------
    classes : outputs of a head that counts each client's own classes from zero; None: labels are
        the model's outputs.
    """

    method: MetaMethod = MetaMethod.MAML
    rate: float = 0.1
    steps: int = 1
    support: float = 0.5
    classes: int | None = None
    outer_rate: float = 0.1

    def to_document(self) -> dict[str, Any]:
        """As it stands in a manifest."""
        said = {name: value for name, value in asdict(self).items() if value is not None}
        return said | {"method": self.method.value}


def read_meta(section: Fields | None) -> MetaPlan | None:
    """The section of ``task.toml`` or of a manifest; None where there is none.

    Raises
    ------
    ManifestError
    """
    if section is None:
        return None
    usual = MetaPlan()
    method = section.choice("method", MetaMethod) if section.has("method") else usual.method
    outer_rate = 1.0 if method is MetaMethod.REPTILE else usual.outer_rate
    plan = MetaPlan(
        method=method,
        rate=_rate(section, "rate") if section.has("rate") else usual.rate,
        steps=section.integer("steps", 1, MAX_STEPS) if section.has("steps") else usual.steps,
        support=_support(section) if section.has("support") else usual.support,
        classes=section.integer("classes", 2, MAX_HEADS) if section.has("classes") else None,
        outer_rate=_rate(section, "outer_rate") if section.has("outer_rate") else outer_rate,
    )
    section.end()
    return plan


def read_meta_file(folder: Path) -> MetaPlan | None:
    """How the model in a folder is to be adapted; None where it does not say.

    Raises
    ------
    ManifestError
    """
    try:
        with (folder / META_FILE).open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ManifestError(META_FILE, error.strerror or str(error)) from None
    document = parse_json(data, META_FILE, MAX_BYTES)
    top = Fields(META_FILE, "", {"format": document.pop("format", None), "meta": document})
    top.constant("format", META_FORMAT)
    return read_meta(top.section("meta"))


def write_meta_file(folder: Path, plan: MetaPlan) -> None:
    """Put a plan beside a model's weights."""
    document = {"format": META_FORMAT} | plan.to_document()
    (folder / META_FILE).write_bytes(canonical_json(document))


def _rate(section: Fields, name: str) -> float:
    value = section.number(name)
    if not 0 < value < math.inf:
        raise section.wrong(f"{name} is {value:g} and must be above zero")
    return value


def _support(section: Fields) -> float:
    value = section.number("support")
    if not 0 < value < 1:
        raise section.wrong(f"support is {value:g} and must be a share between 0 and 1")
    return value
