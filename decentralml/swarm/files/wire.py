"""The little of HTTP/1.1 that nodes speak, over a socket whose every wait has an end.

Requests have no body, answers always say their length: ``curl`` and any other client can read
them, but chunks, continuation lines, upgrades and redirects do not occur here and are refused. A
head has a limit in bytes and one in time for all of it, so that nobody can hold a connection by
sending a byte now and then.
"""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass

HEAD_BYTES = 8192
"""The longest first line and headers."""
_HEADERS = 64
_LINE = re.compile(r"[\t -~]*")
_PIECE = 16384
"""What one TLS record holds: a read gives no more."""


class WireError(Exception):
    """The other side does not speak as it must."""


class PeerGone(WireError):
    """The other side closed the connection in between two messages."""


@dataclass(frozen=True, slots=True)
class Head:
    """A message's first line and its headers, by names in small letters."""

    first: str
    headers: Mapping[str, str]

    def length(self) -> int | None:
        """What ``Content-Length`` says, None if it is absent.

        Raises
        ------
        WireError : it says no number.
        """
        said = self.headers.get("content-length")
        if said is None:
            return None
        if not (said.isascii() and said.isdigit()) or len(said) > 18:
            raise WireError("its Content-Length is no number")
        return int(said)


class Wire:
    """One connection, read with deadlines.

    All methods raise :class:`WireError` for what is not HTTP, ``OSError`` (``TimeoutError``) else.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._ahead = bytearray()

    def head(self, until: float) -> Head:
        """The next message's head.

        Parameters
        ----------
        until : moment of ``time.monotonic()`` at which all of it must have come.
        """
        while (end := self._ahead.find(b"\r\n\r\n")) < 0:
            if len(self._ahead) > HEAD_BYTES:
                raise WireError(f"its head is longer than {HEAD_BYTES} bytes")
            piece = self._receive(until)
            if not piece:
                if self._ahead:
                    raise WireError("it hung up in the middle of a head")
                raise PeerGone("it hung up")
            self._ahead += piece
        if end > HEAD_BYTES:
            raise WireError(f"its head is longer than {HEAD_BYTES} bytes")
        head = bytes(self._ahead[:end])
        del self._ahead[: end + 4]
        return _parse(head)

    def read_into(self, view: memoryview, silence: float, until: float) -> int:
        """Fill a buffer with the body that follows, as far as the other side goes on sending.

        Parameters
        ----------
        silence : seconds without a byte that are taken for a failure.
        until : moment of ``time.monotonic()`` at which it must be full.

        Returns
        -------
        Bytes read; less than the buffer holds if the other side hung up.
        """
        filled = min(len(self._ahead), len(view))
        view[:filled] = self._ahead[:filled]
        del self._ahead[:filled]
        while filled < len(view):
            self._socket.settimeout(_left(min(until, time.monotonic() + silence)))
            got = self._socket.recv_into(view[filled:])
            if not got:
                break
            filled += got
        return filled

    def send(self, data: bytes | memoryview, seconds: float) -> None:
        """Send all of it, in so many seconds."""
        self._socket.settimeout(seconds)
        self._socket.sendall(data)

    def _receive(self, until: float) -> bytes:
        self._socket.settimeout(_left(until))
        return self._socket.recv(_PIECE)


def _left(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError("timed out")
    return left


def _parse(head: bytes) -> Head:
    first, *lines = head.decode("latin-1").split("\r\n")
    if not all(map(_LINE.fullmatch, (first, *lines))):
        raise WireError("its head holds other characters than printable ASCII")
    if len(lines) > _HEADERS:
        raise WireError(f"it sent more than {_HEADERS} headers")
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        name = name.lower()
        if not colon or not name or name != name.strip():
            raise WireError("a header of it is malformed")
        if name in headers:
            raise WireError("it sent a header twice")
        headers[name] = value.strip()
    return Head(first, headers)


def format_head(first: str, headers: Mapping[str, str | int]) -> bytes:
    """A message's head as bytes."""
    lines = [first, *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    return "\r\n".join(lines).encode("ascii")
