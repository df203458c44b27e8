"""One WebSocket client: its requests, its subscriptions, and what waits to be sent to it.

Responses are sent before the next request is read, so that a client which does not read is not
read either. Notifications go through a bounded outbox; a client that lets it overflow is
disconnected. Nobody else waits for it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from aiohttp import WSMsgType, web

from decentralml.devchain.rpc import jsonrpc
from decentralml.devchain.rpc.conversation import TALK_METHODS, Talk
from decentralml.devchain.rpc.errors import TOO_MANY_SUBSCRIPTIONS, RpcError
from decentralml.devchain.rpc.params import convert_all
from decentralml.devchain.rpc.pool import Status
from decentralml.devchain.rpc.registry import METHODS
from decentralml.devchain.rpc.subscription_methods import (
    EXTRINSIC_UPDATE,
    PLAIN,
    STORAGE,
    SUBMIT_AND_WATCH,
    SUBSCRIBE_STORAGE,
    UNSUBSCRIBE,
)
from decentralml.devchain.rpc.subscriptions import Subscription

if TYPE_CHECKING:
    from decentralml.devchain.rpc.service import Service

FINALITY_SECONDS = 0.1
"""Between being told that a transaction is in a block, and that the block is final: polkadot.js
forgets the first news when the second comes before it has read the block."""

_LAST_STATUSES = ("finalized", "usurped")
_LAST_WORDS = ("dropped", "invalid")


class Connection:
    """Serves one client until it leaves, is too slow, or the server stops."""

    def __init__(
        self, service: Service, socket: web.WebSocketResponse, abort: Callable[[], None]
    ) -> None:
        self._service = service
        self._limits = service.limits
        self._socket = socket
        self._abort = abort
        self._subscriptions: dict[str, Subscription] = {}
        self._last_id = 0
        self._outbox: deque[str] = deque()
        self._outbox_bytes = 0
        self._pump: asyncio.Task[None] | None = None
        self._afterwards: list[Callable[[], None]] = []
        self._talk = Talk(service, self)
        self._over = False

    async def run(self) -> None:
        try:
            while not self._over:
                message = await self._socket.receive()
                if message.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
                    break
                response = await jsonrpc.respond(message.data, self._call, self._limits)
                if response is not None:
                    await self._socket.send_str(response)
                # A subscription speaks only after its number was told.
                afterwards, self._afterwards = self._afterwards, []
                for action in afterwards:
                    action()
        except ConnectionError:
            pass  # it left while it was written to
        finally:
            self._leave()

    async def close(self) -> None:
        """Say goodbye: the server stops."""
        self._over = True
        with contextlib.suppress(ConnectionError):
            await self._socket.close(code=1001, message=b"the server stops")

    def abort(self) -> None:
        self._leave()
        self._abort()

    # -- requests

    async def _call(self, method: str, params: Any) -> Any:
        if method in PLAIN:
            return self._subscribe(PLAIN[method], [])
        if method == SUBSCRIBE_STORAGE:
            (keys,) = convert_all(METHODS[method].params, params)
            return self._subscribe(STORAGE, keys)
        if method == SUBMIT_AND_WATCH:
            (extrinsic,) = convert_all(METHODS[method].params, params)
            return await self._submit_and_watch(extrinsic)
        if method in UNSUBSCRIBE:
            (identity,) = convert_all(METHODS[method].params, params)
            return self._unsubscribe(str(identity))
        if method in TALK_METHODS:
            return await self._talk.call(method, params)
        return await self._service.call(method, params)

    def _subscribe(self, kind: str, keys: list[bytes]) -> str:
        identity, subscription = self._new(kind, keys)
        self._afterwards.append(lambda: self._start(identity, subscription))
        return identity

    def _start(self, identity: str, subscription: Subscription) -> None:
        if identity in self._subscriptions:
            self._service.hub.add(subscription)

    def _unsubscribe(self, identity: str) -> bool:
        subscription = self._subscriptions.pop(identity, None)
        if subscription is None:
            return False
        self._service.hub.discard(subscription)
        return True

    async def _submit_and_watch(self, extrinsic: bytes) -> str:
        identity, subscription = self._new(EXTRINSIC_UPDATE, [])
        early: list[Status] = []
        told = False

        def deliver(status: Status) -> None:
            if not told:
                early.append(status)
            elif "finalized" in status:
                asyncio.get_running_loop().call_later(FINALITY_SECONDS, tell, status)
            else:
                tell(status)

        def tell(status: Status) -> None:
            if identity in self._subscriptions:
                subscription.notify(jsonrpc.dumps(status))
                if _is_last(status):
                    del self._subscriptions[identity]

        def start() -> None:
            nonlocal told
            told = True
            for status in early:
                deliver(status)

        later = self._service.worker.later
        try:
            await self._service.submit(extrinsic, lambda status: later(deliver, status))
        except RpcError:
            self._subscriptions.pop(identity, None)
            raise
        self._afterwards.append(start)
        return identity

    def _new(self, kind: str, keys: list[bytes]) -> tuple[str, Subscription]:
        if len(self._subscriptions) >= self._limits.subscriptions:
            raise RpcError(
                TOO_MANY_SUBSCRIPTIONS,
                "Too many subscriptions on the connection",
                f"Exceeded max limit of {self._limits.subscriptions}",
            )
        self._last_id += 1
        identity = str(self._last_id)
        head = (
            f'{{"jsonrpc":"2.0","method":"{kind}","params":{{"subscription":"{identity}","result":'
        )
        subscription = Subscription(kind, lambda result: self._post(head + result + "}}"), keys)
        self._subscriptions[identity] = subscription
        return identity, subscription

    # -- what a conversation needs (see :class:`Line`)

    def open(self, kind: str) -> tuple[str, Callable[[str], None]]:
        identity, subscription = self._new(kind, [])
        return identity, subscription.notify

    def forget(self, identity: str) -> bool:
        return self._subscriptions.pop(identity, None) is not None

    def afterwards(self, action: Callable[[], None]) -> None:
        self._afterwards.append(action)

    async def flushed(self) -> None:
        if self._pump is not None:
            await asyncio.wait([self._pump])

    # -- notifications

    def _post(self, text: str) -> None:
        if self._over:
            return
        self._outbox.append(text)
        self._outbox_bytes += len(text)
        limits = self._limits
        if len(self._outbox) > limits.outbox_messages or self._outbox_bytes > limits.outbox_bytes:
            self.abort()
        elif self._pump is None:
            self._pump = asyncio.get_running_loop().create_task(self._send_outbox())

    async def _send_outbox(self) -> None:
        try:
            while self._outbox:
                text = self._outbox.popleft()
                self._outbox_bytes -= len(text)
                await self._socket.send_str(text)
        except ConnectionError:
            self._over = True
        finally:
            self._pump = None

    def _leave(self) -> None:
        self._over = True
        self._talk.leave()
        for subscription in self._subscriptions.values():
            self._service.hub.discard(subscription)
        self._subscriptions.clear()
        self._outbox.clear()
        self._outbox_bytes = 0
        if self._pump is not None:
            self._pump.cancel()


def _is_last(status: Status) -> bool:
    if isinstance(status, str):
        return status in _LAST_WORDS
    return any(word in status for word in _LAST_STATUSES)
