"""One ``chainHead_v1_follow``: its events, the blocks pinned for it, its operations.

    initialized (bestBlockChanged)  newBlock bestBlockChanged finalized  newBlock …

Blocks are final at once, so each is announced by three events. Runs in the event loop.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from typing import Any, Final

from decentralml.devchain.block import Header
from decentralml.devchain.rpc.conversation import Talk, Work
from decentralml.devchain.rpc.errors import RpcError
from decentralml.devchain.rpc.jsonrpc import dumps
from decentralml.devchain.rpc.storage_queries import Query, answers
from decentralml.devchain.rpc.views import spec_json, to_hex
from decentralml.errors import ChainError

_log = logging.getLogger(__name__)

FOLLOW_EVENT: Final = "chainHead_v1_followEvent"

MOST_OPERATIONS: Final = 16
"""Under way for one follow, as in a real node."""
MOST_PINNED: Final = 2048
INITIAL_BLOCKS: Final = 16
"""Finalized blocks that a new follow is told of."""
ITEMS_AT_ONCE: Final = 1024
"""Storage items before the client must ask for more."""


@dataclass(eq=False)
class Operation:
    """A question that is being answered."""

    identity: str
    waits: bool = False
    """For the client to ask for more."""
    task: asyncio.Task[None] | None = None
    _resumed: asyncio.Event = field(default_factory=asyncio.Event)

    def proceed(self) -> None:
        self.waits = False
        self._resumed.set()

    async def resumed(self) -> None:
        await self._resumed.wait()
        self._resumed.clear()


class Follow:
    """One subscription. It lives until the client ends it, leaves, or pins too much."""

    def __init__(self, talk: Talk, with_runtime: bool) -> None:
        self.identity, self._notify = talk.line.open(FOLLOW_EVENT)
        self.with_runtime = with_runtime
        self.pinned: set[bytes] = set()
        self.operations: dict[str, Operation] = {}
        self._talk = talk
        self._reader = talk.service.reader
        self._last = b""
        self._count = 0
        talk.follows[self.identity] = self

    # -- blocks

    def begin(self) -> None:
        """Tell how things stand, and from then on what comes."""
        if self.identity not in self._talk.follows:
            return
        self._talk.service.hub.follow(self)
        height = self._reader.height
        numbers = range(max(0, height - INITIAL_BLOCKS + 1), height + 1)
        blocks = [self._reader.block_hash(number) or b"" for number in numbers]
        self.pinned.update(blocks)
        self._last = blocks[-1]
        event: dict[str, Any] = {"finalizedBlockHashes": [to_hex(block) for block in blocks]}
        if self.with_runtime:
            event["finalizedBlockRuntime"] = self._runtime(self._last)
        self._tell("initialized", event)
        self._tell("bestBlockChanged", {"bestBlockHash": to_hex(self._last)})

    def block_added(self, block: bytes, header: Header) -> None:
        if header.parent != self._last or len(self.pinned) >= MOST_PINNED:
            self._tell("stop", {})
            self.end()
            return
        self._last = block
        self.pinned.add(block)
        name = to_hex(block)
        event: dict[str, Any] = {"blockHash": name, "parentBlockHash": to_hex(header.parent)}
        if self.with_runtime:
            event["newRuntime"] = self._new_runtime(block, header.parent)
        self._tell("newBlock", event)
        self._tell("bestBlockChanged", {"bestBlockHash": name})
        self._tell("finalized", {"finalizedBlockHashes": [name], "prunedBlockHashes": []})

    def end(self) -> None:
        """No event comes any more."""
        self._talk.follows.pop(self.identity, None)
        self._talk.service.hub.unfollow(self)
        self._talk.close(self.identity)

    def _runtime(self, block: bytes) -> dict[str, Any]:
        version = self._reader.runtime_version_at(block)
        return {"type": "valid", "spec": spec_json(version)}

    def _new_runtime(self, block: bytes, parent: bytes) -> dict[str, Any] | None:
        now, before = (self._reader.runtime_version_at(at) for at in (block, parent))
        return None if now == before else self._runtime(block)

    def _tell(self, event: str, facts: dict[str, Any]) -> None:
        if self.identity in self._talk.follows:
            self._notify(dumps({"event": event, **facts}))

    # -- operations

    def new_operation(self) -> Operation | None:
        """None when there are too many."""
        if len(self.operations) >= MOST_OPERATIONS:
            return None
        operation = Operation(str(self._count))
        self._count += 1
        self.operations[operation.identity] = operation
        return operation

    def work(self, operation: Operation, answer: Work) -> dict[str, Any]:
        """Have an operation done; the answer to its request."""

        async def run() -> None:
            operation.task = asyncio.current_task()
            try:
                await answer()
            except (RpcError, ChainError) as error:
                why = error.message if isinstance(error, RpcError) else str(error)
                self._done(operation, "operationError", error=why.removeprefix("Client error: "))
            except Exception:
                _log.exception("an operation failed")
                self._done(operation, "operationError", error="Internal error")
            finally:
                self.operations.pop(operation.identity, None)

        self._talk.start(run, self.identity)
        return {"result": "started", "operationId": operation.identity}

    def stop(self, identity: str) -> None:
        """Drop an operation: nothing is told of it any more."""
        operation = self.operations.pop(identity, None)
        if operation is not None and operation.task is not None:
            operation.task.cancel()

    async def read_body(self, operation: Operation, block: bytes) -> None:
        found = self._reader.block(block)
        assert found is not None, "a pinned block is there"
        extrinsics = [to_hex(extrinsic) for extrinsic in found.extrinsics]
        self._done(operation, "operationBodyDone", value=extrinsics)

    async def run_call(
        self, operation: Operation, block: bytes, function: str, data: bytes
    ) -> None:
        params = [function, to_hex(data), to_hex(block)]
        output = await self._talk.service.call("state_call", params)
        self._done(operation, "operationCallDone", output=output)

    async def read_storage(
        self, operation: Operation, block: bytes, queries: list[Query], child: bytes
    ) -> None:
        told = 0
        async for items in answers(self._talk, queries, block, child):
            if told >= ITEMS_AT_ONCE:
                told, operation.waits = 0, True
                self._done(operation, "operationWaitingForContinue")
                await operation.resumed()
            self._done(operation, "operationStorageItems", items=items)
            told += len(items)
        self._done(operation, "operationStorageDone")

    def _done(self, operation: Operation, event: str, **facts: Any) -> None:
        if operation.identity in self.operations:
            self._tell(event, {"operationId": operation.identity, **facts})
