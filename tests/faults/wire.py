"""The client's end of a connection to a :class:`~faults.node.SimulatedNode`, and what it suffers.

The client's own :class:`~decentralml.chain.substrate.node.Node` is at work here, with its
reconnections and deadlines; only the socket below it is not real.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from faults.clock import BLOCK, SECOND
from faults.plan import Fault
from substrateinterface.exceptions import SubstrateRequestException
from websocket import WebSocketConnectionClosedException, WebSocketTimeoutException

from decentralml.chain.substrate.node import Node
from decentralml.devchain.rpc.errors import RpcError

if TYPE_CHECKING:
    from faults.world import World

ADDRESS = "ws://simulated:9944"
WATCH = "author_submitAndWatchExtrinsic"
SUBMITS = (WATCH, "author_submitExtrinsic")
LATE = 3 * BLOCK
Handler = Callable[[Any, int, Any], Any]


class WiredNode(Node):
    """The client's connection, which finds its node without a network."""

    def __init__(self, world: World) -> None:
        self._world = world
        super().__init__(ADDRESS, clock=world.clock)

    def _connect(self) -> None:
        if self._world.node.down():
            raise OSError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))
        wire = Wire(self._world)
        self._socket = self._transport = wire  # type: ignore[assignment]


class Wire:
    """One connection."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.node = world.node
        self.life = world.node.life
        self.deadline = float("inf")
        """Of the machine's clock, as for a socket."""

    def shutdown(self) -> None:
        self.life = -1

    def rpc_request(self, payload: dict[str, Any], result_handler: Handler | None = None) -> Any:
        """What substrate-interface's transport would answer.

        Raises
        ------
        WebSocketException, SubstrateRequestException
        """
        method, params = payload["method"], payload["params"]
        end = self.world.clock.steady() + max(self.deadline - time.monotonic(), 0)
        fault = self.world.seam("submit" if method in SUBMITS else "request")
        self._alive()
        if fault is Fault.SILENCE:
            self._wait(end)
        if fault is Fault.NONSENSE:
            raise _internal_error()
        if method not in SUBMITS:
            answer = self._asked(method, params)
            if fault is Fault.CUT:
                raise WebSocketConnectionClosedException("cut")
            return {"result": answer}
        return self._sent(method, params[0], fault, end, result_handler)

    def _sent(
        self, method: str, data: str, fault: Fault | None, end: float, handler: Handler | None
    ) -> Any:
        """A transaction on its way."""
        raw = bytes.fromhex(data[2:])
        self.world.require_note(raw)
        if fault is Fault.LOST:
            raise WebSocketConnectionClosedException("cut")
        if fault is Fault.LATE:
            self.node.late.append((self.node.clock.now + LATE, raw))
            raise WebSocketConnectionClosedException("cut")
        answer = self._asked("author_submitExtrinsic", [data])
        if fault is Fault.DOUBLED:
            self.node.late.append((self.node.clock.now, raw))
        elif fault is Fault.FORGOTTEN:
            self.node.pool.remove(raw)
        elif fault is Fault.KILLED_AFTER:
            self.world.kill()
        elif fault is Fault.NONSENSE_AFTER:
            raise _internal_error()
        elif fault is Fault.CUT:
            raise WebSocketConnectionClosedException("cut")
        if method != WATCH:
            return {"result": answer}
        assert handler is not None
        return self._watched(raw, fault, end, handler)

    def _watched(self, raw: bytes, fault: Fault | None, end: float, handler: Handler) -> Any:
        def tell(status: Any) -> Any:
            return handler({"params": {"result": status}}, 0, "watch")

        tell("ready")
        while True:
            self._pass_time(end)
            block = self.node.where(raw)
            if block is not None:
                if fault is Fault.KILLED_ONCE_IN:
                    self.world.kill()
                if fault is Fault.FORKED_ONCE_IN:
                    self.node.fork(3, forgetting=True)
                return tell({"inBlock": block})
            if raw not in self.node.pool:
                return tell("dropped")

    def _pass_time(self, end: float) -> None:
        self.world.seam("wait")
        if self.world.clock.steady() >= end:
            raise WebSocketTimeoutException("the deadline has passed")
        self.world.clock.sleep(BLOCK / SECOND)
        self._alive()

    def _wait(self, end: float) -> None:
        """Nothing comes any more."""
        while True:
            self._pass_time(end)

    def _alive(self) -> None:
        if self.node is not self.world.node or self.life != self.node.life or self.node.down():
            raise WebSocketConnectionClosedException("the other side is gone")

    def _asked(self, method: str, params: list[Any]) -> Any:
        try:
            with self.world.disk.outside():
                return self.node.request(method, params)
        except RpcError as error:
            raise SubstrateRequestException(error.to_json()) from None


def _internal_error() -> SubstrateRequestException:
    return SubstrateRequestException({"code": -32603, "message": "Internal error"})
