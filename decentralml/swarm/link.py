"""Between a training process and its swarm node: JSON lines over a Unix socket.

The training process asks (``begin``, ``sync``, ``finish``), the node answers; while an answer takes
its time, lines ``{"waits": "…"}`` say for what. Models do not travel: both see one folder, and name
files in it. Every request can be repeated, so a node that was restarted meanwhile is asked again::

    → {"do": "sync", "update": "update-3.safetensors", "base": 2, "seconds": 600}
    ← {"waits": "round 3 collecting: 3 of 4 needed have arrived; waits for carol"}
    ← {"done": {"path": "…", "round": 3, "merged": 4, "left_out": [], "counted": true}}

No chain, no key, no PyTorch: whoever may open the socket (its owner alone) speaks for the node.
"""

from __future__ import annotations

import json
import os
import socket
import struct
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self, cast

from decentralml.chain.swarm.words import Fault, Presence
from decentralml.errors import NodeAway, NodeRefused
from decentralml.types import Address

SOCKET_VARIABLE = "DECENTRALML_SWARM_SOCKET"
"""Names the socket to a command that a node runs."""
PATIENCE = 120.0
"""Seconds for which a node that went away is waited for."""
HEARTBEAT = 5.0
"""Seconds between two words of a node that is still at work on an answer."""
SILENCE = 12 * HEARTBEAT
"""Seconds without a word after which a node is taken for gone."""
_PEER = struct.Struct("3i")
"""``struct ucred``: process, user, group."""
LONGEST_LINE = 1 << 20
LONGEST_ADDRESS = 107
"""Bytes of a Unix socket's address (``sun_path``, its end included)."""

TERMS = (
    "min_peers",
    "merge_method",
    "node_weightage",
    "leader_failure_base_timeout",
    "wait_for_full_quorum_seconds",
)
"""What a node tells of its swarm's terms (and of its own record) when training begins, and with
each merged model; seconds."""

Told = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Begun:
    """What a training process begins with.

    Attributes
    ----------
    newest : the newest merged model, as a safetensors file; None if there is none yet.
    round : of that model; 0 if there is none yet.
    folder : where updates are to be written.
    training : what the swarm's configuration says of training: ``sync_frequency`` …
    terms : what holds for this node, by the callback's words (see :data:`TERMS`).
    """

    newest: Path | None
    round: int
    folder: Path
    training: Mapping[str, Any] = field(default_factory=dict)
    terms: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Synced:
    """What a training process goes on from.

    Attributes
    ----------
    path : the model to load, a safetensors file; the update itself where nothing was merged.
    round : in which it was merged.
    merged : how many updates are in it; 0 if that is not known.
    left_out : whose updates the leader left out, and why.
    counted : whether this update is in it; not if it came late, or was left out.
    terms : what holds for this node now (see :data:`TERMS`): an owner may have changed it.
    """

    path: Path
    round: int
    merged: int
    left_out: tuple[tuple[Address, Fault], ...] = ()
    counted: bool = True
    terms: Mapping[str, Any] = field(default_factory=dict)


class Link:
    """The training process's end. Safe to keep while the node is restarted, not among threads."""

    def __init__(self, path: Path, patience: float = PATIENCE) -> None:
        self.path = path
        self.patience = patience
        self._stream: BinaryIO | None = None
        self._socket: socket.socket | None = None
        self._base = 0
        self._gone: float | None = None

    @classmethod
    def connect(cls, path: Path | str | None = None, patience: float = PATIENCE) -> Self:
        """The node at a socket, by default the one that runs this process.

        Raises
        ------
        NodeAway : none answers there within ``patience`` seconds.
        """
        named = path or os.environ.get(SOCKET_VARIABLE)
        if not named:
            raise NodeAway(f"${SOCKET_VARIABLE}", "the variable is not set")
        link = cls(Path(named), patience)
        link._ask({"do": "hello"})
        return link

    def begin(self, info: Mapping[str, Any] | None = None, *, told: Told | None = None) -> Begun:
        """Say that training begins; the newest merged model, fetched.

        Parameters
        ----------
        info : what a reader of the node's log may want to know of this process.

        Raises
        ------
        NodeAway, NodeRefused
        """
        done = self._ask({"do": "begin", "info": dict(info or {})}, told)
        self._base = int(done["round"])
        newest = done["newest"]
        return Begun(
            None if newest is None else Path(newest),
            self._base,
            Path(done["folder"]),
            done["training"],
            done.get("terms", {}),
        )

    def sync(
        self, update: Path, *, deadline: float | None = None, told: Told | None = None
    ) -> Synced:
        """Hand over an update (a file in :attr:`Begun.folder`) and wait for the merged model.

        Parameters
        ----------
        deadline : seconds to wait for it; None: as long as it takes.
        told : is told what is waited for, whenever that changes.

        Raises
        ------
        NodeAway : the node ended, and no other came in its place.
        NodeRefused : ``kind`` says why: ``SyncTimedOut``, ``SwarmIsClosed`` …
        """
        request = {"do": "sync", "update": str(update), "base": self._base, "seconds": deadline}
        done = self._ask(request, told)
        self._base = int(done["round"])
        return Synced(
            path=Path(done["path"]),
            round=self._base,
            merged=int(done["merged"]),
            left_out=tuple((Address(who), Fault(why)) for who, why in done["left_out"]),
            counted=bool(done["counted"]),
            terms=done.get("terms", {}),
        )

    def finish(self, presence: Presence = Presence.SNAPSHOT, update: Path | None = None) -> None:
        """Say that training has ended, and what becomes of its model.

        Parameters
        ----------
        presence : ``SNAPSHOT``, ``ACTIVE`` or ``INACTIVE``.
        update : the last model, if it is newer than the last update.

        Raises
        ------
        NodeAway, NodeRefused
        """
        named = None if update is None else str(update)
        self._ask({"do": "finish", "presence": presence.value, "update": named, "base": self._base})

    def status(self) -> dict[str, Any]:
        """What the node knows and waits for."""
        return self._ask({"do": "status"})

    def close(self) -> None:
        for each in (self._stream, self._socket):
            if each is not None:
                each.close()
        self._stream = self._socket = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _ask(self, request: dict[str, Any], told: Told | None = None) -> dict[str, Any]:
        """Ask until it is answered, of whichever node comes back in the place of one that went."""
        seconds = request.get("seconds")
        started = time.monotonic()
        while True:
            if seconds is not None:
                # A node that comes back is not given all the time once more.
                request["seconds"] = max(0.0, seconds - (time.monotonic() - started))
            try:
                stream = self._open()
                stream.write(line(request))
                stream.flush()
                return self._answer(stream, told)
            except (OSError, EOFError) as error:
                self.close()
                gone = self._gone = self._gone or time.monotonic()
                if time.monotonic() - gone >= self.patience:
                    self._gone = None
                    raise NodeAway(str(self.path), _reason(error)) from None
                time.sleep(min(0.25, self.patience))

    def _answer(self, stream: BinaryIO, told: Told | None) -> dict[str, Any]:
        said = None
        for message in lines(stream):
            self._gone = None
            if "done" in message:
                done: dict[str, Any] = message["done"]
                return done
            if "error" in message:
                raise NodeRefused(str(message["error"]), str(message.get("message", "")))
            waits = message.get("waits")
            if told is not None and waits and waits != said:
                said = waits
                told(said)
        raise EOFError("it ended")

    def _open(self) -> BinaryIO:
        if self._stream is None:
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self._socket = connection
            connection.settimeout(SILENCE)
            with short(self.path) as address:
                connection.connect(address)
            if peer_user(connection) != os.getuid():
                self.close()
                raise NodeAway(str(self.path), "another user listens there")
            self._stream = cast(BinaryIO, connection.makefile("rwb"))
        return self._stream


def peer_user(connection: socket.socket) -> int:
    """Whose process the other end of a Unix socket is."""
    told = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size)
    user: int = _PEER.unpack(told)[1]
    return user


@contextmanager
def short(path: Path) -> Iterator[str]:
    """A name of a socket that fits into its address, however deep its folder lies."""
    if len(os.fsencode(path)) <= LONGEST_ADDRESS:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def line(message: Mapping[str, Any]) -> bytes:
    """A message as it travels. Names of files may hold what is no text."""
    return json.dumps(message, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"


def lines(stream: BinaryIO) -> Iterator[dict[str, Any]]:
    """Messages, until the other side ends. Raises OSError for what is none."""
    while text := stream.readline(LONGEST_LINE):
        try:
            message = json.loads(text)
        except (ValueError, RecursionError):
            raise OSError("what arrived is not JSON") from None
        if not isinstance(message, dict):
            raise OSError("what arrived is no message")
        yield message


def _reason(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "there is no such socket"
    if isinstance(error, ConnectionRefusedError):
        return "nobody listens"
    if isinstance(error, TimeoutError):
        return f"not a word for {SILENCE:.0f} s"
    return getattr(error, "strerror", None) or str(error)
