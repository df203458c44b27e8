"""Members, updates and an agreement for the tests of secure sums."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from decentralml.learning.privacy.secure.agreement import Agreement
from decentralml.learning.privacy.secure.client import Client
from decentralml.learning.privacy.secure.fixed_point import FixedPoint
from decentralml.learning.privacy.secure.keys import Ed25519Identity
from decentralml.learning.privacy.secure.server import Server
from decentralml.learning.sources import ArraySource

LIMIT = 4.0
HEAVIEST = 100
CONTEXT = bytes(range(32))
Update = dict[str, np.ndarray[Any, Any]]


def identities(count: int) -> list[Ed25519Identity]:
    return [Ed25519Identity(bytes([place + 1]) * 32) for place in range(count)]


def updates(count: int, size: int = 5) -> list[Update]:
    """A matrix, a number by itself and whole numbers, of each client."""
    chance = np.random.default_rng(7)
    return [
        {
            "weight": chance.uniform(-LIMIT, LIMIT, (size, 2)).astype(np.float32),
            "bias": np.asarray(chance.uniform(-LIMIT, LIMIT), np.float64),
            "steps": chance.integers(-4, 5, 3),
        }
        for _ in range(count)
    ]


def agreement(
    made: Sequence[Update], threshold: int, bits: int = 32, context: bytes = CONTEXT
) -> Agreement:
    count = len(made)
    return Agreement(
        context,
        tuple(identity.public_key for identity in identities(count)),
        threshold,
        FixedPoint.finest(bits, LIMIT, HEAVIEST, count),
        dict(ArraySource(made[0]).specs),
    )


def clients(terms: Agreement, made: Sequence[Update]) -> list[Client]:
    """Each weighs ten times its place, and one."""
    return [
        Client(terms, identity, ArraySource(update), weight_of(place))
        for place, (identity, update) in enumerate(zip(identities(len(made)), made, strict=True))
    ]


def weight_of(place: int) -> int:
    return 10 * place + 1


def exact_sum(terms: Agreement, made: Sequence[Update], places: Sequence[int], name: str) -> Any:
    """What the clients at these places add up to, in whole numbers."""
    scale = 2.0**terms.coding.fraction
    return sum(
        np.rint(made[place][name].astype(np.float64) * weight_of(place) * scale).astype(object)
        for place in places
    )


class Rounds:
    """A server and its clients, to be taken round by round with somebody in between."""

    def __init__(self, count: int, threshold: int, size: int = 5) -> None:
        self.made = updates(count, size)
        self.terms = agreement(self.made, threshold)
        self.clients = clients(self.terms, self.made)
        self.server = Server(self.terms)

    def keys(self) -> bytes:
        for client in self.clients:
            self.server.receive(client.place, client.advertise())
        return self.server.publish_keys()[0]

    def deliveries(self) -> dict[int, bytes]:
        key_list = self.keys()
        for client in self.clients:
            self.server.receive(client.place, client.share(key_list))
        return dict(self.server.deliver_shares())

    def survivors(self, lost: Sequence[int] = ()) -> bytes:
        for place, delivery in self.deliveries().items():
            for piece in self.clients[place].mask(delivery):
                if place not in lost:
                    self.server.receive(place, piece)
        return next(iter(self.server.announce_survivors().values()))

    def proof(self, lost: Sequence[int] = ()) -> bytes:
        told = self.survivors(lost)
        for client in self.clients:
            if client.place not in lost:
                self.server.receive(client.place, client.attest(told))
        return next(iter(self.server.prove_survivors().values()))
