"""Requests to a node, each with a deadline, over substrate-interface's WebSocket transport.

substrate-interface sends a request again, unseen, when its connection closes; that is switched off
here. A lost connection is restored with back-off, for requests that only read; what was being
submitted is its caller's to look for (:mod:`.remote`).
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from typing import Any

from substrateinterface.exceptions import SubstrateRequestException
from substrateinterface.transport.websocket import WebsocketTransport
from websocket import WebSocketException, WebSocketTimeoutException

from decentralml.chain.substrate.clock import SYSTEM, Clock
from decentralml.chain.substrate.socket import DeadlineSocket, connect
from decentralml.errors import ChainError, NodeFault, NodeTimeout, NodeUnreachable

CONNECT_SECONDS = 10.0
REQUEST_SECONDS = 30.0
PATIENCE_SECONDS = 20.0
"""How long a node that hung up may take to come back."""
_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 2.0
_LOST = (WebSocketException, OSError)
_NO_ADDRESS = "it is not the address of a WebSocket"


class ConnectionLost(ChainError):
    """The connection broke while a request was on its way: what became of it is not known."""


class Node:
    """A node's JSON-RPC. One request at a time; threads take turns.

    Raises ``NodeUnreachable`` or ``NodeTimeout`` when it is made and nobody answers.
    """

    def __init__(
        self,
        url: str,
        *,
        request_seconds: float = REQUEST_SECONDS,
        patience_seconds: float = PATIENCE_SECONDS,
        clock: Clock = SYSTEM,
    ) -> None:
        self.url = url
        self.request_seconds = request_seconds
        self.patience_seconds = patience_seconds
        self.clock = clock
        """What it and its users wait by; a socket's deadline is always of the machine's."""
        self.greet: Callable[[], None] = lambda: None
        """Called after each reconnection: whether it is still the same chain."""
        self._lock = threading.RLock()
        self._number = 0
        self._socket: DeadlineSocket | None = None
        self._transport: WebsocketTransport | None = None
        try:
            self._connect()
        except WebSocketTimeoutException:
            raise NodeTimeout(url, CONNECT_SECONDS, "answer") from None
        except _LOST as error:
            raise NodeUnreachable(url, _reason(error)) from None
        except ValueError:
            raise NodeUnreachable(url, _NO_ADDRESS) from None

    def request(self, method: str, *params: Any) -> Any:
        """The result of a request that changes nothing, asked again if the connection breaks.

        Raises
        ------
        NodeFault : the node answers with an error.
        NodeTimeout, NodeUnreachable
        """
        with self._lock:
            try:
                return self._once(method, params)
            except ConnectionLost:
                self.reconnect()
            try:
                return self._once(method, params)
            except ConnectionLost as error:
                raise NodeUnreachable(self.url, str(error)) from None

    def subscribe(
        self, method: str, params: tuple[Any, ...], seconds: float, handle: Callable[[Any], Any]
    ) -> Any:
        """Send a subscribing request, once, and wait until ``handle`` of an update is not None.

        Raises
        ------
        ConnectionLost : it is not known whether the node has the request.
        NodeFault : the node refused it.
        NodeTimeout : no such update came in ``seconds``.
        """

        def each(message: Any, number: int, subscription: Any) -> Any:
            found = handle(message["params"]["result"])
            return None if found is None else {"result": (found, subscription)}

        with self._lock:
            return self._once(method, params, seconds, each)

    def reconnect(self) -> None:
        """Connect again, with back-off.

        Raises
        ------
        NodeUnreachable : not within the patience.
        WrongGenesis : another chain answers there now.
        """
        with self._lock:
            self.close()
            give_up = self.clock.steady() + self.patience_seconds
            pause = _FIRST_PAUSE
            while True:
                try:
                    self._connect()
                except _LOST as error:
                    if self.clock.steady() + pause > give_up:
                        raise NodeUnreachable(self.url, _reason(error)) from None
                    self.clock.sleep(pause)
                    pause = min(2 * pause, _LONGEST_PAUSE)
                else:
                    self.greet()
                    return

    def close(self) -> None:
        with self._lock:
            if self._socket is not None:
                self._socket.shutdown()  # type: ignore[no-untyped-call]
            self._socket = self._transport = None

    def is_closed(self) -> bool:
        return self._socket is None

    def _connect(self) -> None:
        self._socket = connect(self.url, min(CONNECT_SECONDS, self.request_seconds))
        self._transport = WebsocketTransport(websocket=self._socket, auto_reconnect=False)

    def _once(
        self,
        method: str,
        params: tuple[Any, ...],
        seconds: float | None = None,
        handle: Callable[[Any, int, Any], Any] | None = None,
    ) -> Any:
        """Send a request, once at most, and wait for its result."""
        if self._socket is None or self._transport is None:
            raise ConnectionLost("the connection was closed")
        seconds = self.request_seconds if seconds is None else seconds
        self._number += 1
        payload = {"jsonrpc": "2.0", "id": self._number, "method": method, "params": list(params)}
        self._socket.deadline = time.monotonic() + seconds
        try:
            return self._transport.rpc_request(payload, result_handler=handle)["result"]
        except SubstrateRequestException as refused:
            raise self._fault(method, refused.args[0] if refused.args else None) from None
        except WebSocketTimeoutException:
            # The answer may still come and would be taken for the next one's.
            self.close()
            raise NodeTimeout(self.url, seconds, f"answer {method}") from None
        except _LOST as error:
            self.close()
            raise ConnectionLost(_reason(error)) from None
        except (json.JSONDecodeError, KeyError, TypeError) as error:
            self.close()
            raise NodeFault(self.url, method, f"its answer is no JSON-RPC ({error!r})") from None

    def _fault(self, method: str, error: Any) -> NodeFault:
        """The exception for an ``error`` object; its ``data`` says more than its ``message``."""
        if not isinstance(error, dict):
            return NodeFault(self.url, method, str(error))
        parts = [str(error[part]) for part in ("message", "data") if error.get(part)]
        code = error.get("code")
        return NodeFault(
            self.url, method, ": ".join(parts), code if isinstance(code, int) else None
        )


def _reason(error: BaseException) -> str:
    """Why a connection failed, in a few words."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
