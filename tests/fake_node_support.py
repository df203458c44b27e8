"""A node that misbehaves on command: a real chain behind a WebSocket that breaks when told to."""

from __future__ import annotations

import base64
import hashlib
import json
import socket
import struct
import threading
from collections.abc import Callable
from typing import Any

from chain_support import free_port

from decentralml.devchain.chain import DevChain
from decentralml.devchain.rpc.errors import RpcError
from decentralml.devchain.rpc.handlers import Handlers

Answer = Callable[[list[Any]], Any]
WATCH = "author_submitAndWatchExtrinsic"
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class HangUp(Exception):
    """Close the connection without an answer."""


class Silence(Exception):
    """Keep the connection and never answer."""


class FakeNode:
    """A chain's RPC over a WebSocket of a few lines.

    ``answers`` holds, by method, functions that take its place: what they return is the answer,
    or they raise ``RpcError``, :class:`HangUp` or :class:`Silence`. ``seen`` records requests.
    """

    def __init__(self, chain: DevChain) -> None:
        self.chain = chain
        self.handlers = Handlers(chain)
        self.answers: dict[str, Answer] = {}
        self.seen: list[tuple[str, list[Any]]] = []
        self.named: str | None = None
        """The block that is told to include what is watched, instead of the one that does."""
        self.port = free_port()
        self.listener: socket.socket | None = None
        self.connections: list[socket.socket] = []
        self.start()

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    def start(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._listen, args=(self.listener,), daemon=True).start()

    def stop(self) -> None:
        """Go away: nobody listens any more, and every connection is cut."""
        if self.listener is not None:
            self.listener.shutdown(socket.SHUT_RDWR)
            self.listener.close()
        self.listener = None
        for connection in self.connections:
            connection.close()
        self.connections.clear()

    def sent(self) -> list[str]:
        """Every transaction that was sent here, as often as it was."""
        submits = (WATCH, "author_submitExtrinsic")
        return [params[0] for method, params in self.seen if method in submits]

    def include(self, extrinsic: str) -> str:
        """Put a transaction in a block; the block's hash."""
        return "0x" + self.chain.submit(bytes.fromhex(extrinsic[2:])).block_hash.hex()

    def _listen(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            self.connections.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            shake_hands(connection)
            while True:
                request = json.loads(read_frame(connection))
                self._answer(connection, request)
        except (HangUp, OSError, EOFError):
            connection.close()

    def _answer(self, connection: socket.socket, request: dict[str, Any]) -> None:
        method, params = request["method"], request["params"]
        self.seen.append((method, params))
        reply: dict[str, Any] = {"jsonrpc": "2.0", "id": request["id"]}
        try:
            answer = self.answers.get(method)
            if answer is not None:
                reply["result"] = answer(params)
            elif method == WATCH:
                self._watch(connection, reply, params[0])
                return
            elif method == "author_unwatchExtrinsic":
                reply["result"] = True
            else:
                reply["result"] = self.handlers.request(method, params)
        except RpcError as error:
            reply["error"] = error.to_json()
        except Silence:
            return
        write_frame(connection, json.dumps(reply))

    def _watch(self, connection: socket.socket, reply: dict[str, Any], extrinsic: str) -> None:
        name = self.handlers.request("author_submitExtrinsic", [extrinsic])
        found = self.chain.find_extrinsic(bytes.fromhex(name[2:]))
        included = self.chain.block_hash(found[0]) if found else None
        if included is None:
            raise RpcError(1010, "Invalid Transaction", "Transaction will be valid in the future")
        write_frame(connection, json.dumps({**reply, "result": "watch-1"}))
        for status in ("ready", {"inBlock": self.named or "0x" + included.hex()}):
            self.notify(connection, status)

    def notify(self, connection: socket.socket, status: Any) -> None:
        params = {"subscription": "watch-1", "result": status}
        message = {"jsonrpc": "2.0", "method": "author_extrinsicUpdate", "params": params}
        write_frame(connection, json.dumps(message))


def shake_hands(connection: socket.socket) -> None:
    request = b""
    while b"\r\n\r\n" not in request:
        part = connection.recv(4096)
        if not part:
            raise EOFError
        request += part
    lines = request.split(b"\r\n")
    key = next(
        line.split(b": ")[1] for line in lines if line.lower().startswith(b"sec-websocket-key")
    )
    accept = base64.b64encode(hashlib.sha1(key + _GUID).digest())
    connection.sendall(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
    )


def read_frame(connection: socket.socket) -> bytes:
    """One text message of a client; anything else ends the connection."""
    first, second = exactly(connection, 2)
    length = second & 0x7F
    if length == 126:
        (length,) = struct.unpack(">H", exactly(connection, 2))
    elif length == 127:
        (length,) = struct.unpack(">Q", exactly(connection, 8))
    mask = exactly(connection, 4)
    masked = exactly(connection, length)
    if first != 0x81:
        raise EOFError
    return bytes(byte ^ mask[position % 4] for position, byte in enumerate(masked))


def write_frame(connection: socket.socket, text: str) -> None:
    connection.sendall(frame(text))


def frame(text: str) -> bytes:
    data = text.encode()
    if len(data) < 126:
        return struct.pack(">BB", 0x81, len(data)) + data
    if len(data) < 1 << 16:
        return struct.pack(">BBH", 0x81, 126, len(data)) + data
    return struct.pack(">BBQ", 0x81, 127, len(data)) + data


def exactly(connection: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        part = connection.recv(count - len(data))
        if not part:
            raise EOFError
        data += part
    return data
