"""What a line of models has spent of its contributors' privacy: ``privacy.json``.

It lies beside the weights that a private merge made, goes into the bundle of the task that begins
from them, and from there, with one entry more, beside what that task publishes::

    {"format": "decentralml/privacy@1",
     "merges": [{"task": 3, "noise": 1.0, "clip": 0.5, "contributors": 12}, …]}

A merge without noise, once the line has begun, is an entry with noise 0: it may tell everything.
The file is its publisher's word; whoever doubts it follows the tasks back by their parents.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from pathlib import Path

from decentralml.bundles.fields import Fields, canonical_json, parse_json
from decentralml.errors import ManifestError
from decentralml.types import TaskId

PRIVACY_FILE = "privacy.json"
PRIVACY_FORMAT = "decentralml/privacy@1"
MAX_BYTES = 4 << 20
MAX_CONTRIBUTORS = 2**31


@dataclass(frozen=True, slots=True)
class PastMerge:
    """One merge of a line of models.

    Attributes
    ----------
    noise : its multiplier; zero where there was none.
    clip : longest way of one model; None where nothing was clipped.
    contributors : whose models were merged; None where that is not known.
    """

    task: TaskId
    noise: float
    clip: float | None
    contributors: int | None


def read_ledger(folder: Path) -> tuple[PastMerge, ...] | None:
    """The merges that led to the model in a folder; None where it has no such file.

    Raises
    ------
    ManifestError
    """
    try:
        with (folder / PRIVACY_FILE).open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ManifestError(PRIVACY_FILE, error.strerror or str(error)) from None
    top = Fields(PRIVACY_FILE, "", parse_json(data, PRIVACY_FILE, MAX_BYTES))
    top.constant("format", PRIVACY_FORMAT)
    merges = top.take("merges")
    if not isinstance(merges, list) or not merges:
        raise top.wrong("merges is a list of at least one merge")
    top.end()
    return tuple(_merge(each, number) for number, each in enumerate(merges))


def write_ledger(folder: Path, merges: tuple[PastMerge, ...]) -> None:
    """Put a ledger into a model's folder."""
    document = {"format": PRIVACY_FORMAT, "merges": [asdict(merge) for merge in merges]}
    (folder / PRIVACY_FILE).write_bytes(canonical_json(document))


def _merge(document: object, number: int) -> PastMerge:
    where = f"merges[{number}]"
    if not isinstance(document, dict):
        raise ManifestError(PRIVACY_FILE, f"{where} is an object")
    fields = Fields(PRIVACY_FILE, where, document)
    merge = PastMerge(
        TaskId(fields.integer("task", 0, 2**64)),
        _at_least_zero(fields, "noise"),
        fields.optional("clip", lambda name: _at_least_zero(fields, name)),
        fields.optional("contributors", lambda name: fields.integer(name, 1, MAX_CONTRIBUTORS)),
    )
    fields.end()
    return merge


def _at_least_zero(fields: Fields, name: str) -> float:
    value = fields.number(name)
    if not (math.isfinite(value) and value >= 0):
        raise fields.wrong(f"{name} is zero or more")
    return value
