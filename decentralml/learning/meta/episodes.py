"""Folders with the examples of one client or of many, each divided into support and query set.

Beside ``inputs`` ``[N, …]`` and ``labels`` ``[N]`` a folder may say, in ``inputs.safetensors``,
whose each example is (``clients``, integers ``[N]``; without it, all are one client's) and which
ones are to adapt on (``support``, 0 or 1 ``[N]``; without it, a share of each class of a client).
Nothing here needs PyTorch, and the division is the same on every machine: aggregators divide the
held-out clients so, and give a meta-learner no label of a query set.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from decentralml.bundles.meta import MetaPlan
from decentralml.errors import BadExamples, NoClientExamples, TooManyClasses, UnseenClass
from decentralml.learning.examples import INPUTS_FILE, read_labels, tensors_of
from decentralml.learning.replay.order import SEED_BYTES, epoch_order

INPUTS, LABELS, CLIENTS, SUPPORT, KNOWN = "inputs", "labels", "clients", "support", "known"
ASKED_NOTHING = -1
"""Instead of a label: of a query example for who adapts, of a support example for who measures."""
ORDER = b"meta: support before query".ljust(SEED_BYTES, b"\0")
"""Seed of the order by which examples go to the support set."""

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Episode:
    """One client's examples, by their places in its folder.

    Attributes
    ----------
    support, query : places, ascending.
    """

    name: str
    support: NDArray[np.int64]
    query: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Episodes:
    """The clients of a folder.

    Attributes
    ----------
    inputs : ``[N, …]``, as they are stored.
    labels : ``[N]``, as the model's head counts classes.
    clients : whose each example is, ``[N]``.
    each : the clients, by ascending number.
    """

    inputs: Array
    labels: NDArray[np.int64]
    clients: NDArray[np.int64]
    each: tuple[Episode, ...]

    @property
    def support(self) -> NDArray[np.bool_]:
        """Which examples are to adapt on, ``[N]``."""
        chosen = np.zeros(len(self.labels), bool)
        for episode in self.each:
            chosen[episode.support] = True
        return chosen

    def shown(self) -> dict[str, Array]:
        """What a model is given to adapt and to predict with: query labels are not in it."""
        support = self.support
        return {
            INPUTS: self.inputs,
            CLIENTS: self.clients,
            SUPPORT: support.astype(np.uint8),
            KNOWN: np.where(support, self.labels, ASKED_NOTHING),
        }

    def asked(self) -> dict[str, Array]:
        """What predictions are held against: the query labels, and whose they are."""
        return {
            LABELS: np.where(self.support, ASKED_NOTHING, self.labels),
            CLIENTS: self.clients,
        }


def read_episodes(folder: Path, plan: MetaPlan) -> Episodes:
    """The clients of a folder, divided as the plan says.

    Raises
    ------
    BadExamples : the folder holds no usable examples.
    NoClientExamples, UnseenClass, TooManyClasses : of the first client that cannot take part.
    """
    labels = read_labels(folder).get(LABELS)
    inputs = tensors_of(folder / INPUTS_FILE)
    fitting = labels is not None and labels.ndim == 1 and INPUTS in inputs
    if labels is None or not fitting or len(inputs[INPUTS]) != len(labels):
        raise BadExamples(folder, "meta-learning needs inputs [N, …] and one class [N] of each")
    if labels.min() < 0:
        raise BadExamples(folder, f"{labels.min()} is no class")
    labels = labels.astype(np.int64)
    clients = _whole_numbers(folder, inputs, CLIENTS, len(labels))
    chosen = _whole_numbers(folder, inputs, SUPPORT, len(labels))
    order = np.argsort(epoch_order(ORDER, 0, len(labels)), kind="stable")
    numbers = np.zeros_like(labels) if clients is None else clients
    each = []
    for number in np.unique(numbers):
        places = np.flatnonzero(numbers == number)
        if chosen is None:
            support = _of_each_class(places, labels, order, plan.support)
        else:
            support = places[chosen[places] > 0]
        name = folder.name if clients is None else str(number)
        each.append(Episode(name, support, np.setdiff1d(places, support)))
        _check(each[-1], labels)
    if plan.classes is not None:
        labels = _own_heads(each, labels, plan.classes)
    return Episodes(inputs[INPUTS], labels, numbers, tuple(each))


def support_size(fraction: float, examples: int) -> int:
    """How many examples of a class are to adapt on: one at least, not all if there are more."""
    return min(max(1, round(fraction * examples)), max(1, examples - 1))


def shown_episodes(tensors: dict[str, Array]) -> Episodes:
    """What :meth:`Episodes.shown` gave; labels of query sets are negative. Raises KeyError."""
    clients, support = tensors[CLIENTS], tensors[SUPPORT] > 0
    each = tuple(
        Episode(
            str(number),
            np.flatnonzero((clients == number) & support),
            np.flatnonzero((clients == number) & ~support),
        )
        for number in np.unique(clients)
    )
    return Episodes(tensors[INPUTS], tensors[KNOWN], clients, each)


def _of_each_class(
    places: NDArray[np.int64], labels: Array, order: Array, fraction: float
) -> NDArray[np.int64]:
    picked = []
    for label in np.unique(labels[places]):
        same = places[labels[places] == label]
        same = same[np.argsort(order[same], kind="stable")]
        picked.append(same[: support_size(fraction, len(same))])
    return np.sort(np.concatenate(picked))


def _own_heads(each: list[Episode], labels: NDArray[np.int64], head: int) -> NDArray[np.int64]:
    """Labels with each client's classes counted from zero, ascending."""
    counted = labels.copy()
    for episode in each:
        known = np.unique(labels[episode.support])
        if len(known) > head:
            raise TooManyClasses(episode.name, len(known), head)
        for places in (episode.support, episode.query):
            counted[places] = np.searchsorted(known, labels[places])
    return counted


def _check(episode: Episode, labels: Array) -> None:
    for part, places in ((SUPPORT, episode.support), ("query", episode.query)):
        if not len(places):
            raise NoClientExamples(episode.name, part)
    unseen = np.setdiff1d(labels[episode.query], labels[episode.support])
    if len(unseen):
        raise UnseenClass(episode.name, int(unseen[0]))


def _whole_numbers(
    folder: Path, inputs: dict[str, Array], name: str, count: int
) -> NDArray[np.int64] | None:
    values = inputs.get(name)
    if values is None:
        return None
    if values.dtype.kind not in "iub" or values.shape != (count,):
        raise BadExamples(
            folder, f"{name} is {values.dtype} of shape {list(values.shape)}, not integers [N]"
        )
    return values.astype(np.int64)
