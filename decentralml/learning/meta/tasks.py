"""Clients as tasks of meta-learning: a support set to adapt on and a query set to be judged by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from decentralml.errors import BadSettings, NoClientExamples, UnseenClass
from decentralml.learning.meta.episodes import support_size
from decentralml.learning.stacked.clients import Client


@dataclass(frozen=True, slots=True)
class Task:
    """One client's examples in two parts.

    Raises
    ------
    NoClientExamples
        One of them is empty.
    UnseenClass
        A class, where labels are classes, is in the query set only.
    """

    support: Client
    query: Client

    def __post_init__(self) -> None:
        for part, client in (("support", self.support), ("query", self.query)):
            if not len(client):
                raise NoClientExamples(client.name, part)
        if self.query.labels.dim() == 1 and not self.query.labels.is_floating_point():
            unseen = set(self.query.labels.tolist()) - set(self.support.labels.tolist())
            if unseen:
                raise UnseenClass(self.query.name, min(unseen))

    @property
    def name(self) -> str:
        return self.support.name

    def whole(self) -> Client:
        """All its examples: what methods without a support set train on."""
        return Client(
            self.name,
            torch.cat([self.support.inputs, self.query.inputs]),
            torch.cat([self.support.labels, self.query.labels]),
        )


def split(client: Client, fraction: float, seed: int = 0) -> Task:
    """``fraction`` of each class to the support set, at least one example; the rest to the query.

    A class of which the client has one example is in the support set only. Raises
    :class:`BadSettings` for a fraction outside (0, 1), and what :class:`Task` raises.
    """
    if not 0 < fraction < 1:
        raise BadSettings("the support fraction", fraction, "in (0, 1)")
    order = torch.randperm(len(client), generator=torch.Generator().manual_seed(seed))
    support: list[Tensor] = []
    query: list[Tensor] = []
    for label in sorted(set(client.labels.tolist())):
        places = order[client.labels[order] == label]
        count = support_size(fraction, len(places))
        support.append(places[:count])
        query.append(places[count:])
    empty = torch.zeros(0, dtype=torch.long)
    return Task(client[torch.cat([empty, *support])], client[torch.cat([empty, *query])])


def own_heads(task: Task) -> Task:
    """The same task with its classes counted from 0, in ascending order: a k-way classifier.

    A client that holds 3 and 7 of ten classes then trains a head of two outputs.
    """
    known = sorted(set(task.support.labels.tolist()))
    return Task(counted(task.support, known), counted(task.query, known))


def counted(client: Client, known: Sequence[int]) -> Client:
    """The client with its labels counted by their places among ``known``, which ascend."""
    labels = torch.searchsorted(torch.tensor(known), client.labels.contiguous())
    return Client(client.name, client.inputs, labels)
