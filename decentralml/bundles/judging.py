"""How a task says that its results are judged: what a manifest names for that."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from decentralml.bundles.fields import MAX_SECONDS, Fields
from decentralml.errors import CidInvalid
from decentralml.storage import cid as cids
from decentralml.types import PPM, Cid


@dataclass(frozen=True, slots=True)
class Evaluation:
    """How an aggregator measures a result.

    Attributes
    ----------
    predict : script of the bundle that turns inputs into predictions; None for labels, which are
        compared with the gold labels as they are.
    metric : what is measured, e.g. ``"accuracy"`` of predictions.
    minimum_score : parts per million a result must reach, or None.
    minimum_gain : parts per million by which a result must beat the base model, or None.
    time_limit : seconds.
    """

    predict: str | None
    metric: str
    minimum_score: int | None
    minimum_gain: int | None
    time_limit: int


class Copies(StrEnum):
    """What becomes of a result whose update is that of another contributor's earlier result."""

    REFUSE = "refuse"
    """It fails."""
    ALLOW = "allow"
    """It is judged like any other: where honest work comes to the same, as full gradients of
    public data do."""


@dataclass(frozen=True, slots=True)
class Validator:
    """The creator's own judge (CustomAccept)."""

    run: str
    time_limit: int


@dataclass(frozen=True, slots=True)
class ValidationSet:
    """Held-out data that results are measured on, sealed.

    Attributes
    ----------
    cid : of the sealed file.
    key_digest : BLAKE2b-256 of the key that opens it (32 bytes), which the chain gives to members
        one by one. None in bundles of version 1, whose file is sealed to the members themselves.
    """

    cid: Cid
    key_digest: bytes | None

    def to_document(self) -> dict[str, Any]:
        """As it stands in a manifest."""
        if self.key_digest is None:
            return {"cid": self.cid}
        return {"cid": self.cid, "key_digest": "0x" + self.key_digest.hex()}


def parse_evaluation(section: Fields | None) -> Evaluation | None:
    """How results are measured; None where the document has null. Raises ManifestError."""
    if section is None:
        return None
    evaluation = Evaluation(
        predict=section.optional("predict", section.path),
        metric=section.text("metric", 64),
        minimum_score=section.optional("minimum_score", lambda name: section.integer(name, 0, PPM)),
        minimum_gain=section.optional(
            "minimum_gain", lambda name: section.integer(name, -PPM, PPM)
        ),
        time_limit=section.integer("time_limit", 1, MAX_SECONDS),
    )
    section.end()
    return evaluation


def parse_validator(section: Fields | None) -> Validator | None:
    """The creator's own judge, or None. Raises ManifestError."""
    if section is None:
        return None
    validator = Validator(section.path("run"), section.integer("time_limit", 1, MAX_SECONDS))
    section.end()
    return validator


def parse_validation_set(section: Fields | None) -> ValidationSet | None:
    """The sealed held-out data, or None. Raises ManifestError."""
    if section is None:
        return None
    digest = None
    if section.has("key_digest"):
        digest = bytes.fromhex(section.hexadecimal("key_digest", 32)[2:])
    found = ValidationSet(parse_cid(section, "cid"), digest)
    section.end()
    return found


def parse_cid(section: Fields, name: str) -> Cid:
    """A CID of a document, in its usual form."""
    try:
        return cids.normalise(section.text(name, 128))
    except CidInvalid as error:
        raise section.wrong(f"{name} is no usable CID ({error.reason})") from None
