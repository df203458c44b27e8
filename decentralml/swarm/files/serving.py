"""Answers on one connection of a member: ``GET`` and ``HEAD`` of ``/<cid>``, and nothing else."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from decentralml.errors import CidInvalid
from decentralml.storage import cid as cids
from decentralml.swarm.files.limits import Fairness, Limits
from decentralml.swarm.files.shelf import Shelf
from decentralml.swarm.files.wire import Head, PeerGone, Wire, format_head
from decentralml.types import Cid

CHUNK = 256 * 1024
"""Bytes read and sent at a time; measured with scripts/bench/swarm_files.py."""
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")
_REASONS = {
    200: "OK",
    206: "Partial Content",
    400: "Bad Request",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    416: "Range Not Satisfiable",
    429: "Too Many Requests",
    505: "HTTP Version Not Supported",
}


class Refused(Exception):
    """A request that is answered with an error."""

    def __init__(self, status: int, text: str, **headers: str | int) -> None:
        super().__init__(text)
        self.status = status
        self.text = text
        self.headers = headers


class Visit:
    """One connection, from the handshake to its end.

    Parameters
    ----------
    member : digest of the certificate that the peer showed.
    is_welcome : whether that certificate is still a member's; asked again for each chunk.
    wait : sleeps so many seconds; False if the server stops meanwhile.
    working : told when a request begins (True) and ends (False).
    sent : told which file the peer was sent the end of.
    refused : told why a member gets nothing that it may have had.
    """

    def __init__(
        self,
        wire: Wire,
        member: bytes,
        shelf: Shelf,
        limits: Limits,
        fairness: Fairness,
        *,
        is_welcome: Callable[[], bool],
        wait: Callable[[float], bool],
        working: Callable[[bool], None],
        sent: Callable[[Cid], None],
        refused: Callable[[str], None],
    ) -> None:
        self._wire = wire
        self._member = member
        self._shelf = shelf
        self._limits = limits
        self._fairness = fairness
        self._is_welcome = is_welcome
        self._wait = wait
        self._working = working
        self._sent = sent
        self._refused = refused

    def serve(self) -> None:
        """Answer until the peer hangs up, is removed, or misbehaves.

        Raises
        ------
        WireError, OSError
        """
        patience = self._limits.head_seconds
        is_first = True
        while True:
            try:
                request = self._wire.head(time.monotonic() + patience)
            except PeerGone:
                return
            except TimeoutError:
                if is_first:
                    raise
                return  # it has all that it wanted
            self._working(True)
            try:
                if not self._answer(request):
                    return
            finally:
                self._working(False)
            is_first, patience = False, self._limits.idle_seconds

    def _answer(self, request: Head) -> bool:
        """Whether the connection may go on."""
        is_head = request.first.startswith("HEAD ")
        try:
            if not self._is_welcome():
                raise Refused(403, "this certificate is no member's any more")
            path = self._find(request)
            with self._fairness.request(self._member) as granted:
                if not granted:
                    raise Refused(429, "too many requests at once", **{"Retry-After": 1})
                sent = self._send(path, request.headers.get("range"), is_head)
                return sent and request.headers.get("connection", "").lower() != "close"
        except Refused as refused:
            if refused.status in (403, 429):
                self._refused(str(refused))
            stays = refused.status in (404, 416, 429)
            text = b"" if is_head else f"{refused}\n".encode()
            headers = {"Content-Length": len(text), **refused.headers}
            self._head(refused.status, headers if stays else {**headers, "Connection": "close"})
            self._wire.send(text, self._limits.send_seconds)
            return stays

    def _find(self, request: Head) -> Path:
        """The file that is asked for.

        Raises
        ------
        Refused
        """
        parts = request.first.split(" ")
        if len(parts) != 3:
            raise Refused(400, "this is no HTTP request")
        method, target, version = parts
        if version != "HTTP/1.1":
            raise Refused(505, "HTTP/1.1 is spoken here")
        if method not in ("GET", "HEAD"):
            raise Refused(405, "only GET and HEAD are answered", Allow="GET, HEAD")
        if "transfer-encoding" in request.headers or request.length():
            raise Refused(400, "requests have no body here")
        try:
            cid = cids.text(cids.parse(target.removeprefix("/")))
        except CidInvalid:
            raise Refused(404, "only files named by a CID are here") from None
        path = self._shelf.path(cid) if target == f"/{cid}" else None
        if path is None:
            raise Refused(404, "no such file is on this shelf")
        return path

    def _send(self, path: Path, wanted: str | None, is_head: bool) -> bool:
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError:
            raise Refused(404, "no such file is on this shelf") from None
        try:
            size = os.fstat(descriptor).st_size
            begin, end = _range(wanted, size)
            headers: dict[str, str | int] = {
                "Content-Length": end - begin,
                "Content-Type": "application/octet-stream",
                "Accept-Ranges": "bytes",
                "ETag": f'"{path.name}"',
            }
            if wanted is not None and (begin, end) != (0, size):
                headers["Content-Range"] = f"bytes {begin}-{end - 1}/{size}"
                self._head(206, headers)
            else:
                self._head(200, headers)
            if is_head:
                return True
            is_whole = self._stream(descriptor, begin, end)
            if is_whole and end == size:
                self._sent(Cid(path.name))
            return is_whole
        finally:
            os.close(descriptor)

    def _stream(self, descriptor: int, begin: int, end: int) -> bool:
        buffer = memoryview(bytearray(min(CHUNK, end - begin)))
        while begin < end:
            view = buffer[: end - begin]
            if os.preadv(descriptor, [view], begin) != len(view):
                return False  # it is not what it was: the peer sees that bytes are missing
            if not self._wait(self._fairness.wait_for(self._member, len(view))):
                return False
            if not self._is_welcome():
                return False
            self._wire.send(view, self._limits.send_seconds)
            begin += len(view)
        return True

    def _head(self, status: int, headers: Mapping[str, str | int]) -> None:
        head = format_head(f"HTTP/1.1 {status} {_REASONS[status]}", headers)
        self._wire.send(head, self._limits.send_seconds)


def _range(wanted: str | None, size: int) -> tuple[int, int]:
    """First byte and the byte after the last; all of it for a unit other than bytes (RFC 9110).

    Raises
    ------
    Refused
    """
    if wanted is None or not wanted.startswith("bytes="):
        return 0, size
    found = _RANGE.fullmatch(wanted)
    if found is not None:
        first, last = found.groups()
        if first:
            begin, end = int(first), min(size, int(last) + 1 if last else size)
        else:
            begin, end = max(0, size - int(last or 0)), size
        if begin < end:
            return begin, end
    raise Refused(416, "no such range of bytes", **{"Content-Range": f"bytes */{size}"})
