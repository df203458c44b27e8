#!/usr/bin/env python
"""A secure sum of ten clients' million numbers, against adding up the same arrays in the open.

    python scripts/bench/secure.py [--clients N] [--elements M] [--lost L] [--bits 32|64]

All clients and the server run in this process, one after the other. Prints the seconds of the plain
weighted sum, of one client and of the server, their ratio to the plain sum, what a client sends
beyond the bare float32 numbers, and the largest error of the mean.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter

import numpy as np

from decentralml.learning.privacy.secure.agreement import Agreement, usual_threshold
from decentralml.learning.privacy.secure.client import Client
from decentralml.learning.privacy.secure.fixed_point import FixedPoint
from decentralml.learning.privacy.secure.keys import Ed25519Identity
from decentralml.learning.privacy.secure.server import Server
from decentralml.learning.sources import ArraySource

LIMIT = 4.0
HEAVIEST = 1000


class Clock:
    """Seconds and bytes, of the clients and of the server."""

    def __init__(self) -> None:
        self.seconds: Counter[str] = Counter()
        self.sent: Counter[int] = Counter()
        self._since = time.perf_counter()

    def took(self, who: str) -> None:
        now = time.perf_counter()
        self.seconds[who] += now - self._since
        self._since = now


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--clients", type=int, default=10)
    options.add_argument("--elements", type=int, default=10**6)
    options.add_argument("--lost", type=int, default=1, help="after they shared their secrets")
    options.add_argument("--bits", type=int, default=32)
    chosen = options.parse_args()
    chance = np.random.default_rng(1)
    updates = [
        np.clip(chance.standard_normal(chosen.elements, np.float32), -LIMIT, LIMIT)
        for _ in range(chosen.clients)
    ]
    weights = [int(weight) for weight in chance.integers(1, HEAVIEST, chosen.clients)]
    kept = range(chosen.lost, chosen.clients)
    plain, mean = plain_mean([updates[p] for p in kept], [weights[p] for p in kept])
    clock, error = secure_mean(updates, weights, chosen.bits, chosen.lost, mean)
    client, server = clock.seconds["clients"] / chosen.clients, clock.seconds["server"]
    print(f"{chosen.clients} clients, {chosen.lost} lost, {chosen.elements:,} numbers each, "
          f"modulo 2^{chosen.bits}")  # fmt: skip
    print(f"plain weighted mean   {plain:8.3f} s")
    print(f"one client            {client:8.3f} s  {client / plain:6.1f} x the plain mean of all")
    print(f"server                {server:8.3f} s  {server / plain:6.1f} x")
    print(f"all in one process    {client * chosen.clients + server:8.3f} s  "
          f"{(client * chosen.clients + server) / plain:6.1f} x")  # fmt: skip
    bare = 4 * chosen.elements
    most = max(clock.sent.values())
    more = f"{most - bare:,} ({(most - bare) / bare:.2%}) more than its numbers as float32"
    print(f"a client sends        {most:,} bytes, {more}")
    print(f"largest error of the mean {error:.2e}")


def plain_mean(updates: list[np.ndarray], weights: list[int]) -> tuple[float, np.ndarray]:
    """The best of three."""
    best = float("inf")
    for _ in range(3):
        started = time.perf_counter()
        total = np.zeros(updates[0].size)
        for update, weight in zip(updates, weights, strict=True):
            total += update * np.float64(weight)
        mean = total / sum(weights)
        best = min(best, time.perf_counter() - started)
    return best, mean


def secure_mean(
    updates: list[np.ndarray], weights: list[int], bits: int, lost: int, mean: np.ndarray
) -> tuple[Clock, float]:
    keys = [Ed25519Identity() for _ in updates]
    terms = Agreement(
        bytes(32),
        tuple(key.public_key for key in keys),
        usual_threshold(len(keys)),
        FixedPoint.finest(bits, LIMIT, HEAVIEST, len(keys)),
        dict(ArraySource({"x": updates[0]}).specs),
    )
    clock = Clock()
    clients = [
        Client(terms, key, ArraySource({"x": update}), weight)
        for key, update, weight in zip(keys, updates, weights, strict=True)
    ]
    clock.took("clients")
    server = Server(terms)

    def send(place: int, message: bytes) -> None:
        clock.took("clients")
        clock.sent[place] += len(message)
        server.receive(place, message)
        clock.took("server")

    for client in clients:
        send(client.place, client.advertise())
    key_lists = server.publish_keys()
    clock.took("server")
    for client in clients:
        send(client.place, client.share(key_lists[client.place]))
    deliveries = server.deliver_shares()
    clock.took("server")
    for client in clients[lost:]:
        for piece in client.mask(deliveries[client.place]):
            send(client.place, piece)
    told = server.announce_survivors()
    clock.took("server")
    for client in clients[lost:]:
        send(client.place, client.attest(told[client.place]))
    proofs = server.prove_survivors()
    clock.took("server")
    for client in clients[lost:]:
        send(client.place, client.reveal(proofs[client.place]))
    total = server.unmask()
    result = total.mean("x")
    clock.took("server")
    return clock, float(np.abs(result - mean).max())


if __name__ == "__main__":
    main()
