"""Examples divided among simulated clients: alike, by class, or by a Dirichlet distribution."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from decentralml.errors import BadSettings
from decentralml.learning.stacked.clients import Client


def alike(inputs: Tensor, labels: Tensor, clients: int, seed: int = 0) -> list[Client]:
    """Shuffled and cut into equal parts, up to one example."""
    _checked(clients, len(inputs))
    order = torch.randperm(len(inputs), generator=torch.Generator().manual_seed(seed))
    return _clients(inputs, labels, list(torch.tensor_split(order, clients)))


def by_class(
    inputs: Tensor, labels: Tensor, clients: int, held: int, seed: int = 0
) -> list[Client]:
    """Each client holds examples of ``held`` classes only, as many of each as there are parts.

    Classes go round, so that every class has as many clients as any other, up to one.
    """
    _checked(clients, len(inputs))
    classes = sorted(set(labels.tolist()))
    if not 1 <= held <= len(classes):
        raise BadSettings("classes of a client", held, f"1 to {len(classes)}")
    source = torch.Generator().manual_seed(seed)
    deck: list[int] = []
    hands: list[list[int]] = []
    for _ in range(clients):
        hand: list[int] = []
        while len(hand) < held:
            if not any(c not in hand for c in deck):
                order = torch.randperm(len(classes), generator=source)
                deck += [classes[i] for i in order.tolist()]
            hand.append(deck.pop(next(i for i, c in enumerate(deck) if c not in hand)))
        hands.append(hand)
    parts: list[list[Tensor]] = [[] for _ in range(clients)]
    for label in classes:
        holders = [place for place, hand in enumerate(hands) if label in hand]
        places = (labels == label).nonzero().flatten()
        places = places[torch.randperm(len(places), generator=source)]
        for holder, part in zip(
            holders, torch.tensor_split(places, max(1, len(holders))), strict=False
        ):
            parts[holder].append(part)
    return _clients(inputs, labels, [torch.cat(part) for part in parts])


def dirichlet(
    inputs: Tensor, labels: Tensor, clients: int, concentration: float, seed: int = 0
) -> list[Client]:
    """Of each class, clients hold parts drawn from a Dirichlet distribution (Hsu et al. 2019).

    The smaller the concentration, the more unlike the clients, also in size. Who would get nothing
    gets one example of who has most.
    """
    _checked(clients, len(inputs))
    if not concentration > 0:
        raise BadSettings("concentration", concentration, "above zero")
    source, drawn = torch.Generator().manual_seed(seed), np.random.default_rng(seed)
    parts: list[list[Tensor]] = [[] for _ in range(clients)]
    for label in sorted(set(labels.tolist())):
        places = (labels == label).nonzero().flatten()
        places = places[torch.randperm(len(places), generator=source)]
        shares = drawn.dirichlet(np.full(clients, concentration))
        bounds = torch.from_numpy(np.rint(shares.cumsum()[:-1] * len(places)).astype(np.int64))
        for part, taken in zip(parts, torch.tensor_split(places, bounds), strict=True):
            part.append(taken)
    joined = [torch.cat(part) for part in parts]
    for place in range(clients):
        if not len(joined[place]):
            richest = max(range(clients), key=lambda p: len(joined[p]))
            joined[place], joined[richest] = joined[richest][:1], joined[richest][1:]
    return _clients(inputs, labels, joined)


def _checked(clients: int, examples: int) -> None:
    if not 1 <= clients <= examples:
        raise BadSettings("clients", clients, f"1 to {examples}, the number of examples")


def _clients(inputs: Tensor, labels: Tensor, parts: Sequence[Tensor]) -> list[Client]:
    width = len(str(len(parts)))
    return [
        Client(f"client-{number:0{width}d}", inputs[part], labels[part])
        for number, part in enumerate(parts, 1)
    ]
