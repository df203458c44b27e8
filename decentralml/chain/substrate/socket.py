"""A WebSocket that keeps a deadline.

websocket-client, and substrate-interface on top of it, wait without end for a node that accepts a
connection and says nothing, or says one byte now and then. Here every read and write from the wire
has only the time that is left.
"""

from __future__ import annotations

import time
from typing import Any

from websocket import WebSocket, WebSocketTimeoutException, create_connection


class DeadlineSocket(WebSocket):
    """A WebSocket whose waits all end at ``deadline`` (of the monotonic clock)."""

    deadline = float("inf")

    def _recv(self, bufsize: int) -> Any:
        self._arm()
        return super()._recv(bufsize)  # type: ignore[no-untyped-call]

    def _send(self, data: str | bytes) -> int:
        self._arm()
        return int(super()._send(data))

    def _arm(self) -> None:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise WebSocketTimeoutException("the deadline has passed")
        if self.sock is not None and left != float("inf"):
            self.sock.settimeout(left)


def connect(url: str, seconds: float) -> DeadlineSocket:
    """A connection to a node.

    Raises
    ------
    OSError, websocket.WebSocketException : nobody answers there, or not as a WebSocket.
    """
    # Nodes reject browsers by their origin; a client that is none sends none.
    connected = create_connection(
        url,
        timeout=seconds,
        class_=DeadlineSocket,
        suppress_origin=True,
        enable_multithread=True,
        skip_utf8_validation=True,  # decoding checks it: before, the library would, byte by byte
    )
    assert isinstance(connected, DeadlineSocket)
    return connected
