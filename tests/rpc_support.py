"""A chain behind the RPC server, in a thread; and a WebSocket client that hides nothing."""

from __future__ import annotations

import asyncio
import itertools
import json
import shutil
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import websocket
from devchain_support import new_chain, shared_cache

from decentralml.devchain.block import Header
from decentralml.devchain.chain import DevChain
from decentralml.devchain.rpc.server import serving

DEADLINE = 30.0
START_SECONDS = 60.0


def genesis_file(folder: Path) -> Path:
    """A chain at genesis; made once in a `folder`, to be copied."""
    file = folder / "genesis.sqlite"
    if not file.exists():
        new_chain(file).close()
    return file


def copy_of(file: Path, folder: Path) -> Path:
    return Path(shutil.copy(file, folder / "chain.sqlite"))


def open_chain(file: Path) -> DevChain:
    return DevChain.open(file, cache=shared_cache())


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextmanager
def served(file: Path, **options: Any) -> Iterator[str]:
    """The WebSocket address of a server of `file`."""
    address: list[str] = []
    failure: list[BaseException] = []
    ready = threading.Event()
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()

    async def main() -> None:
        with open_chain(file) as chain, open_chain(file) as reader:
            async with serving(chain, reader, port=0, **options) as url:
                address.append(url)
                ready.set()
                await stop.wait()

    def run() -> None:
        try:
            loop.run_until_complete(main())
        except BaseException as error:
            failure.append(error)
        finally:
            ready.set()
            loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        assert ready.wait(DEADLINE)
        if failure:
            raise failure[0]
        yield address[0]
    finally:
        if not loop.is_closed():
            loop.call_soon_threadsafe(stop.set)
        thread.join(DEADLINE)
        assert not thread.is_alive(), "the server did not stop"
        assert not failure, failure


class Client:
    """One WebSocket connection. Every wait has a deadline."""

    def __init__(self, url: str, **options: Any) -> None:
        # Decoding checks the text anyway; the library would do so letter by letter before.
        self.socket = websocket.create_connection(
            url, timeout=DEADLINE, skip_utf8_validation=True, **options
        )
        self.notifications: list[dict[str, Any]] = []
        self._ids = itertools.count(1)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def ask(self, method: str, *params: Any) -> dict[str, Any]:
        """The whole response."""
        identity = next(self._ids)
        request = {"jsonrpc": "2.0", "id": identity, "method": method, "params": list(params)}
        self.socket.send(json.dumps(request))
        while True:
            message: dict[str, Any] = json.loads(self.socket.recv())
            if message.get("id") == identity:
                return message
            self.notifications.append(message)

    def result(self, method: str, *params: Any) -> Any:
        response = self.ask(method, *params)
        assert "error" not in response, response
        return response["result"]

    def error(self, method: str, *params: Any) -> dict[str, Any]:
        response = self.ask(method, *params)
        assert "result" not in response, response
        error: dict[str, Any] = response["error"]
        return error

    def send(self, text: str) -> Any:
        """The answer to a raw message."""
        self.socket.send(text)
        return json.loads(self.socket.recv())

    def told(self, subscription: str, until: Callable[[list[Any]], bool]) -> list[Any]:
        """What a subscription says, until that is enough."""
        while True:
            said = [
                message["params"]["result"]
                for message in self.notifications
                if message["params"]["subscription"] == subscription
            ]
            if until(said):
                return said
            self.notifications.append(json.loads(self.socket.recv()))


def header_of(view: dict[str, Any]) -> bytes:
    """The header that a server showed as JSON, SCALE encoded."""
    return Header(
        bytes.fromhex(view["parentHash"][2:]),
        int(view["number"], 16),
        bytes.fromhex(view["stateRoot"][2:]),
        bytes.fromhex(view["extrinsicsRoot"][2:]),
        tuple(bytes.fromhex(item[2:]) for item in view["digest"]["logs"]),
    ).encode()


def wait_for(url: str) -> None:
    """Until a server that is starting answers."""
    end = time.monotonic() + START_SECONDS
    while True:
        try:
            Client(url).socket.close()
            return
        except OSError:
            assert time.monotonic() < end, f"{url} does not answer"
            time.sleep(0.2)


def post(url: str, body: bytes, **headers: str) -> tuple[int, str]:
    """HTTP status and text."""
    request = urllib.request.Request(
        url.replace("ws://", "http://"), body, {"Content-Type": "application/json", **headers}
    )
    try:
        with urllib.request.urlopen(request, timeout=DEADLINE) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
