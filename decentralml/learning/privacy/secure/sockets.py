"""A secure sum between processes: each client on a stream of its own to the server.

A frame is four bytes of length and a message. The messages protect the updates by themselves; what
a stream adds is to know who is silent, so wrap it in TLS where others could cut in. Both ends know
the agreement beforehand.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from decentralml.errors import SecureSumError, ServerSilent
from decentralml.learning.privacy.secure.agreement import Agreement
from decentralml.learning.privacy.secure.client import Client
from decentralml.learning.privacy.secure.masks import PIECE
from decentralml.learning.privacy.secure.messages import Advert
from decentralml.learning.privacy.secure.server import Server
from decentralml.learning.privacy.secure.total import Total

MAX_FRAME: Final = 1 << 20
_LENGTH_BYTES: Final = 4
_GLANCE: Final = 0.05
"""Seconds between looks at whether all are there."""


def take_part(stream: socket.socket, client: Client, patience: float) -> None:
    """A client's side, from the first message to the last.

    Parameters
    ----------
    patience : seconds to wait for the server in each round.

    Raises
    ------
    ServerSilent, and whatever the client finds wrong.
    """

    def told() -> bytes:
        return _receive(stream, time.monotonic() + patience)

    def say(messages: Iterable[bytes]) -> None:
        for message in messages:
            _send(stream, message, time.monotonic() + patience)

    try:
        say([client.advertise()])
        say([client.share(told())])
        say(client.mask(told()))
        say([client.attest(told())])
        say([client.reveal(told())])
    except OSError as error:
        raise ServerSilent(str(error)) from None


def serve(listener: socket.socket, agreement: Agreement, server: Server, patience: float) -> Total:
    """The server's side: one sum.

    A client that is silent for too long, hangs up or sends what is refused, is left out.

    Parameters
    ----------
    listener : bound and listening.
    patience : seconds that each round lasts at most.

    Raises
    ------
    TooFewClients, ShareDamaged, SumImplausible
    """
    with ThreadPoolExecutor(len(agreement.members)) as pool:
        lines = _Lines(agreement, server, pool)
        try:
            lines.accept(listener, time.monotonic() + patience)
            pieces = -(-agreement.elements // PIECE)
            for close, count in (
                (server.publish_keys, 1),
                (server.deliver_shares, pieces),
                (server.announce_survivors, 1),
                (server.prove_survivors, 1),
            ):
                lines.round(close(), count, time.monotonic() + patience)
            return server.unmask()
        finally:
            lines.close()


class _Lines:
    """The streams of those who are still there."""

    def __init__(self, agreement: Agreement, server: Server, pool: ThreadPoolExecutor) -> None:
        self._members, self._session = len(agreement.members), agreement.digest()
        self._server, self._pool = server, pool
        self._streams: dict[int, socket.socket] = {}
        self._lock = threading.Lock()

    def accept(self, listener: socket.socket, deadline: float) -> None:
        """Streams until all members advertised or it is time."""
        joining = []
        while len(self._streams) < self._members:
            try:
                listener.settimeout(min(_left(deadline), _GLANCE))
                stream, _ = listener.accept()
            except TimeoutError:
                if time.monotonic() < deadline:
                    continue
                break
            joining.append(self._pool.submit(self._join, stream, deadline))
        for done in joining:
            done.result()

    def round(self, messages: Mapping[int, bytes], answers: int, deadline: float) -> None:
        """Send to each and take that many answers of each, all at a time."""
        waiting = [
            self._pool.submit(self._exchange, place, message, answers, deadline)
            for place, message in messages.items()
            if place in self._streams
        ]
        for done in waiting:
            done.result()

    def close(self) -> None:
        for stream in self._streams.values():
            stream.close()

    def _join(self, stream: socket.socket, deadline: float) -> None:
        try:
            advert = _receive(stream, deadline)
            place = Advert.decode(advert, self._session).place
            with self._lock:
                self._server.receive(place, advert)
                self._streams[place] = stream
        except (OSError, SecureSumError):
            stream.close()

    def _exchange(self, place: int, message: bytes, answers: int, deadline: float) -> None:
        stream = self._streams[place]
        try:
            _send(stream, message, deadline)
            for _ in range(answers):
                answer = _receive(stream, deadline)
                with self._lock:
                    self._server.receive(place, answer)
        except (OSError, SecureSumError):
            stream.close()
            with self._lock:
                del self._streams[place]


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("it was silent for too long")
    return left


def _send(stream: socket.socket, message: bytes, deadline: float) -> None:
    stream.settimeout(_left(deadline))
    stream.sendall(len(message).to_bytes(_LENGTH_BYTES, "big") + message)


def _receive(stream: socket.socket, deadline: float) -> bytes:
    size = int.from_bytes(_exactly(stream, _LENGTH_BYTES, deadline), "big")
    if size > MAX_FRAME:
        raise ConnectionError(f"it announced a message of {size} bytes")
    return _exactly(stream, size, deadline)


def _exactly(stream: socket.socket, count: int, deadline: float) -> bytes:
    parts = bytearray()
    while len(parts) < count:
        stream.settimeout(_left(deadline))
        part = stream.recv(min(count - len(parts), 1 << 16))
        if not part:
            raise ConnectionError("it hung up")
        parts += part
    return bytes(parts)
