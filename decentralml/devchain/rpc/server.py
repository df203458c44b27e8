"""The chain behind JSON-RPC: WebSocket and HTTP POST on one port."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import signal
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from decentralml.devchain.chain import DevChain
from decentralml.devchain.rpc import gate, jsonrpc
from decentralml.devchain.rpc.connection import Connection
from decentralml.devchain.rpc.errors import OVERSIZED_REQUEST, RpcError
from decentralml.devchain.rpc.handlers import Handlers, executes
from decentralml.devchain.rpc.limits import Limits
from decentralml.devchain.rpc.params import convert_all
from decentralml.devchain.rpc.pool import Watcher
from decentralml.devchain.rpc.registry import METHODS
from decentralml.devchain.rpc.subscriptions import Hub
from decentralml.devchain.rpc.views import to_hex
from decentralml.devchain.rpc.worker import Submissions, Worker
from decentralml.errors import CannotListen, ChainError

POLL_SECONDS = 0.05
"""How often blocks of other processes are looked for."""
REFRESH_POLLS = 20
"""Waiting transactions are looked at again when blocks came, or every so many polls."""
GOODBYE_SECONDS = 3.0
SUBMIT = "author_submitExtrinsic"


class Server:
    """Serves one chain file: a :class:`~decentralml.devchain.rpc.service.Service`."""

    def __init__(self, chain: DevChain, reader: DevChain, limits: Limits) -> None:
        self.limits = limits
        self.hub = Hub(reader)
        self.worker = Worker()
        self.chain = chain
        self.reader = reader
        self._handlers = Handlers(chain, reader)
        self._submissions = Submissions(self.worker, self._handlers.pool)
        self._connections: set[Connection] = set()
        self._silent: set[RequestHandler] = set()
        self._server = web.Server(self._handle, access_log=None, keepalive_timeout=30.0)

    # -- answering

    async def call(self, method: str, params: Any) -> Any:
        """The result of one request, executed in the worker if it may take long."""
        if method == SUBMIT:
            (extrinsic,) = convert_all(METHODS[method].params, params)
            return to_hex(await self.submit(extrinsic))
        if executes(method):
            return await self.worker.call(self._handlers.request, method, params)
        return self._handlers.request(method, params)

    async def submit(self, extrinsic: bytes, watcher: Watcher | None = None) -> bytes:
        hash_ = await self._submissions.submit(extrinsic, watcher)
        self.hub.announce()
        return hash_

    # -- HTTP

    def new_protocol(self) -> asyncio.Protocol:
        """For one incoming connection."""
        if len(self._server.connections) >= self.limits.connections:
            return _Refusal()
        protocol = self._server()
        self._silent.add(protocol)
        asyncio.get_running_loop().call_later(
            self.limits.request_seconds, self._end_if_silent, protocol
        )
        return protocol

    def _end_if_silent(self, protocol: RequestHandler) -> None:
        if protocol in self._silent:
            self._silent.discard(protocol)
            protocol.force_close()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        self._silent.discard(request.protocol)
        origin = request.headers.get("Origin")
        if not gate.host_allowed(request.headers.get("Host")) or not gate.origin_allowed(origin):
            return web.Response(status=403, text="this origin or host may not use this server\n")
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._serve_socket(request)
        response = await self._serve_http(request)
        if origin is not None:
            response.headers["Access-Control-Allow-Origin"] = origin
            response.headers["Access-Control-Allow-Headers"] = "Content-Type"
        return response

    async def _serve_http(self, request: web.BaseRequest) -> web.Response:
        if request.method == "OPTIONS":
            return web.Response(headers={"Access-Control-Allow-Methods": "POST"})
        if request.method == "GET" and request.path == "/health":
            return _json(jsonrpc.dumps(self._handlers.request("system_health")))
        if request.method != "POST":
            return web.Response(
                status=405, text="Used HTTP Method is not allowed. POST is required\n"
            )
        if request.content_type != "application/json":
            return web.Response(status=415, text="Content-Type: application/json is required\n")
        body = bytearray()
        try:
            async with asyncio.timeout(self.limits.request_seconds):
                async for chunk in request.content.iter_any():
                    body += chunk
                    if len(body) > self.limits.request_bytes:
                        too_big = RpcError(OVERSIZED_REQUEST, "Request is too big")
                        return _json(jsonrpc.failure(None, too_big), status=413)
        except TimeoutError:
            return web.Response(status=408, text="the request did not arrive in time\n")
        return _json(await jsonrpc.respond(bytes(body), self.call, self.limits) or "")

    async def _serve_socket(self, request: web.BaseRequest) -> web.WebSocketResponse:
        websocket = web.WebSocketResponse(
            max_msg_size=self.limits.request_bytes,
            heartbeat=self.limits.heartbeat_seconds,
            compress=False,
        )
        await websocket.prepare(request)
        connection = Connection(self, websocket, request.protocol.force_close)
        self._connections.add(connection)
        try:
            await connection.run()
        finally:
            self._connections.discard(connection)
        return websocket

    # -- the passing of time

    async def poll(self) -> None:
        """Notice blocks of other processes, for ever."""
        polls = 0
        while True:
            await asyncio.sleep(POLL_SECONDS)
            polls += 1
            with contextlib.suppress(ChainError):  # a busy file: next time
                if self.hub.announce() or polls % REFRESH_POLLS == 0:
                    await self.refresh()

    async def refresh(self) -> None:
        pool = self._handlers.pool
        if pool.pending():
            await self.worker.call(pool.refresh)

    async def seal_every(self, seconds: float) -> None:
        """An empty block at each interval in which there was no other."""
        height = self.reader.height
        while True:
            await asyncio.sleep(seconds)
            if self.reader.height == height:
                with contextlib.suppress(ChainError):
                    await self.worker.call(self._handlers.pool.seal_empty)
                self.hub.announce()
            height = self.reader.height

    async def stop(self) -> None:
        """End all connections, finish the block that is being built."""
        goodbyes = [asyncio.ensure_future(c.close()) for c in self._connections]
        if goodbyes:
            await asyncio.wait(goodbyes, timeout=GOODBYE_SECONDS)
        for connection in list(self._connections):
            connection.abort()
        await self._server.shutdown(GOODBYE_SECONDS)
        await self.worker.stop(60.0)


class _Refusal(asyncio.Protocol):
    """For a connection too many."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.write(b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n\r\n")
        transport.close()


def _json(text: str, status: int = 200) -> web.Response:
    return web.Response(text=text, status=status, content_type="application/json")


@contextlib.asynccontextmanager
async def serving(
    chain: DevChain,
    reader: DevChain,
    host: str = "127.0.0.1",
    port: int = 9944,
    *,
    limits: Limits | None = None,
    block_time: float | None = None,
) -> AsyncIterator[str]:
    """Serve while the block runs; gives the WebSocket address (HTTP is the same, with http://).

    Parameters
    ----------
    chain, reader : two openings of one file; `reader` answers what needs no execution.
    port : 0 picks a free one.
    block_time : seconds between blocks when there are no transactions; None seals only for them.

    Raises
    ------
    CannotListen : somebody else has the port, or the host is not this machine's.
    """
    service = Server(chain, reader, limits or Limits())
    loop = asyncio.get_running_loop()
    try:
        listener = await loop.create_server(service.new_protocol, host, port, backlog=128)
    except OSError as error:
        await service.stop()
        why = "it is in use" if error.errno == errno.EADDRINUSE else error.strerror or str(error)
        raise CannotListen(host, port, why) from None
    tasks = [loop.create_task(service.poll())]
    if block_time is not None:
        tasks.append(loop.create_task(service.seal_every(block_time)))
    try:
        yield _address(listener.sockets[0])
    finally:
        listener.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await service.stop()


def serve_forever(
    chain_file: Path,
    host: str = "127.0.0.1",
    port: int = 9944,
    *,
    cache: Path,
    ready: Callable[[str], None] | None = None,
    limits: Limits | None = None,
    block_time: float | None = None,
) -> None:
    """Serve the chain in `chain_file` until SIGINT or SIGTERM, then finish and return.

    `ready` is called once with the WebSocket address. Raises what ``DevChain.open`` and
    :func:`serving` raise.
    """

    async def main() -> None:
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        with DevChain.open(chain_file, cache=cache) as chain:  # noqa: SIM117 - lifetimes differ
            with DevChain.open(chain_file, cache=cache) as reader:
                async with serving(
                    chain, reader, host, port, limits=limits, block_time=block_time
                ) as address:
                    if ready is not None:
                        ready(address)
                    await stop.wait()

    asyncio.run(main())


def _address(listening: socket.socket) -> str:
    name = listening.getsockname()
    host = f"[{name[0]}]" if listening.family == socket.AF_INET6 else name[0]
    return f"ws://{host}:{name[1]}"
