"""Which tasks are attempts of one round: the section ``attempts`` of a bundle's manifest.

A round of a federated run that brought too few results is posted again, and the results of all its
tasks are merged together. So that whoever merges knows that from the bundle, and contributors know
it before they take a slot, each attempt names those before it::

    "attempts": {"before": [{"bundle": "bafy…", "task": 4}], "least": 2}

No author writes it: ``train-federated`` does. What a bundle says there is its creator's word; what
has to be so on the chain, before anything is merged by it, is checked where that is done.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from decentralml.bundles.fields import Fields
from decentralml.bundles.judging import parse_cid
from decentralml.types import Cid, TaskId

MAX_BEFORE = 64
"""Attempts that one may name."""
MAX_LEAST = 1 << 16


@dataclass(frozen=True, slots=True)
class EarlierAttempt:
    """One task before, by its number and, as numbers mean little after a fork, by its bundle."""

    # Not in the words for an offer: posted again after a fork, it is still the same offer.
    task: TaskId = field(repr=False)
    bundle: Cid


@dataclass(frozen=True, slots=True)
class Attempts:
    """See the module.

    Attributes
    ----------
    least : accepted results, of all attempts together, without which nothing is merged.
    before : the earlier attempts, oldest first.
    """

    least: int = 1
    before: tuple[EarlierAttempt, ...] = ()

    def to_document(self) -> dict[str, Any]:
        """As it stands in a manifest."""
        return {
            "before": [{"bundle": each.bundle, "task": each.task} for each in self.before],
            "least": self.least,
        }


ALONE = Attempts()
"""A task that is a round by itself."""


def read_attempts(section: Fields | None) -> Attempts:
    """The section; ``ALONE`` where there is none.

    Raises
    ------
    ManifestError
    """
    if section is None:
        return ALONE
    least = section.integer("least", 1, MAX_LEAST)
    before = tuple(map(_earlier, section.sections("before", MAX_BEFORE)))
    section.end()
    numbers = [each.task for each in before]
    if numbers != sorted(set(numbers)):
        raise section.wrong("before names each task once, in their order")
    return Attempts(least, before)


def _earlier(section: Fields) -> EarlierAttempt:
    task = TaskId(section.integer("task", 0, 2**64 - 1))
    found = EarlierAttempt(task, parse_cid(section, "bundle"))
    section.end()
    return found
