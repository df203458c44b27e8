"""A secure sum in one process: the server, its clients, and some that drop out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import IntEnum

from decentralml.learning.privacy.secure.client import Client
from decentralml.learning.privacy.secure.server import Server
from decentralml.learning.privacy.secure.total import Total


class Round(IntEnum):
    """The rounds of the protocol, by what clients send in them."""

    ADVERTISE = 0
    SHARE = 1
    MASK = 2
    ATTEST = 3
    REVEAL = 4


def run(
    server: Server, clients: Sequence[Client], silent_from: Mapping[int, Round] | None = None
) -> Total:
    """Take all through all rounds.

    Parameters
    ----------
    silent_from : by place, the round in which a client sends nothing any more; in ``MASK`` it sends
        the first piece, if there is a second.

    Raises
    ------
    TooFewClients, and whatever a client or the server finds wrong.
    """
    silent = silent_from or {}
    by_place = {client.place: client for client in clients}

    def collect(now: Round, inbox: Mapping[int, bytes], step: _Step) -> None:
        for place, message in inbox.items():
            if silent.get(place, len(Round)) > now:
                server.receive(place, step(by_place[place], message))

    collect(Round.ADVERTISE, dict.fromkeys(by_place, b""), lambda client, _: client.advertise())
    collect(Round.SHARE, server.publish_keys(), Client.share)
    for place, delivery in server.deliver_shares().items():
        _upload(server, by_place[place], delivery, silent.get(place, len(Round)))
    collect(Round.ATTEST, server.announce_survivors(), Client.attest)
    collect(Round.REVEAL, server.prove_survivors(), Client.reveal)
    return server.unmask()


_Step = Callable[[Client, bytes], bytes]


def _upload(server: Server, client: Client, delivery: bytes, silent_from: int) -> None:
    if silent_from < Round.MASK:
        return
    pieces = client.mask(delivery)
    piece = next(pieces)
    for following in pieces:
        server.receive(client.place, piece)
        if silent_from == Round.MASK:
            return
        piece = following
    if silent_from > Round.MASK:
        server.receive(client.place, piece)
