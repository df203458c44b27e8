"""The node's end of the link to its training process (:mod:`decentralml.swarm.link`).

Each connection has a thread, which reads requests and writes answers; what they ask is done by the
node's own loop, through a queue. While an answer takes its time the other side hears from the node
every few seconds, whatever the loop is doing.
"""

from __future__ import annotations

import os
import select
import socket
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, BinaryIO, cast

from decentralml.errors import CannotServe, DecentralMLError
from decentralml.swarm.link import HEARTBEAT, line, lines, peer_user, short

TICK = 0.25
"""Seconds between two looks whether the other side is still there."""


@dataclass
class Request:
    """Something that a training process asks.

    Attributes
    ----------
    do : ``"hello"``, ``"begin"``, ``"sync"``, ``"finish"``, ``"status"``; or ``"gone"``: whoever
        asked the request ``about`` does not wait any more.
    """

    do: str
    fields: dict[str, Any] = field(default_factory=dict)
    about: Request | None = None
    gone: bool = False
    waits: str = "the node has heard"
    _words: SimpleQueue[dict[str, Any]] = field(default_factory=SimpleQueue)

    def answer(self, **done: Any) -> None:
        self._words.put({"done": done})

    def refuse(self, error: Exception) -> None:
        message = str(error) if isinstance(error, DecentralMLError) else f"the node says: {error}"
        self._words.put({"error": type(error).__name__, "message": message})

    def tell(self, waits: str) -> None:
        """What the answer waits for."""
        if waits != self.waits:
            self.waits = waits
            self._words.put({"waits": waits})

    def next_word(self, seconds: float) -> dict[str, Any] | None:
        try:
            return self._words.get(timeout=seconds) if seconds else self._words.get_nowait()
        except Empty:
            return None


class Listener:
    """Listens on a Unix socket that its owner alone can open.

    Parameters
    ----------
    path : of the socket; what a killed node left there is removed.
    requests : where requests go.
    """

    def __init__(self, path: Path, requests: SimpleQueue[Request]) -> None:
        self.path = path
        self._requests = requests
        self._socket: socket.socket | None = None
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Raises CannotServe."""
        self.path.unlink(missing_ok=True)
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            with short(self.path) as address:
                listening.bind(address)
            self.path.chmod(0o600)
            listening.listen()
        except OSError as error:
            listening.close()
            raise CannotServe(str(self.path), error.strerror or str(error)) from None
        listening.settimeout(TICK)
        self._socket = listening
        self._thread = threading.Thread(target=self._accept, name="swarm-link", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._closing.set()
        if self._thread is not None:
            self._thread.join()
        if self._socket is not None:
            self._socket.close()
            self.path.unlink(missing_ok=True)

    def _accept(self) -> None:
        assert self._socket is not None
        while not self._closing.is_set():
            try:
                connection, _ = self._socket.accept()
            except TimeoutError:
                continue
            except OSError:
                # No descriptor is left for it; perhaps there is one later.
                time.sleep(TICK)
                continue
            threading.Thread(
                target=self._serve, args=(connection,), name="swarm-link-peer", daemon=True
            ).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            if peer_user(connection) != os.getuid():
                return
            connection.settimeout(None)
            with cast(BinaryIO, connection.makefile("rwb")) as stream:
                for message in lines(stream):
                    request = Request(str(message.get("do")), message)
                    self._requests.put(request)
                    if not self._reply(connection, stream, request):
                        self._requests.put(Request("gone", about=request))
                        return

    def _reply(self, connection: socket.socket, stream: BinaryIO, request: Request) -> bool:
        """Write words until the last; whether the other side heard it."""
        silent = time.monotonic()
        while True:
            is_closing = self._closing.is_set()
            word = request.next_word(0.0 if is_closing else TICK)
            if word is None and is_closing:
                break
            if word is None and time.monotonic() - silent >= HEARTBEAT:
                word = {"waits": request.waits}
            if word is not None:
                try:
                    stream.write(line(word))
                    stream.flush()
                except OSError:
                    break
                silent = time.monotonic()
                if "waits" not in word:
                    return True
            elif _is_gone(connection):
                break
        request.gone = True
        return False


def _is_gone(connection: socket.socket) -> bool:
    """Whether the other side has hung up; it says nothing while it waits."""
    readable, _, _ = select.select([connection], [], [], 0)
    return bool(readable) and not connection.recv(1, socket.MSG_PEEK)
