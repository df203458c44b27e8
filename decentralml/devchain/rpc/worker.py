"""One thread that executes the runtime and writes, so that the event loop never waits for it."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from typing import Any

from decentralml.devchain.rpc.errors import INTERNAL_ERROR, RpcError
from decentralml.devchain.rpc.pool import Pool, Watcher

_log = logging.getLogger(__name__)

Job = Callable[[], None]


class Worker:
    """Runs jobs in order, in its own thread. To be made in the event loop that waits for them."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="devchain-worker", daemon=True)
        self._thread.start()

    async def call(self, function: Callable[..., Any], *args: Any) -> Any:
        """The result of `function`, run in the thread."""
        future: asyncio.Future[Any] = self._loop.create_future()

        def job() -> None:
            try:
                result = function(*args)
            except Exception as error:
                self.later(_fail, future, error)
            else:
                self.later(_settle, future, result)

        self.run(job)
        return await future

    def run(self, job: Job) -> None:
        """Have it done; nobody waits, and it must not raise."""
        self._jobs.put(job)

    def later(self, function: Callable[..., None], *args: Any) -> None:
        """From the thread: have the event loop call `function`."""
        # A loop that is closed has nobody left who waits.
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(function, *args)

    async def stop(self, deadline: float) -> bool:
        """Finish what was given; whether that was in time."""
        self._jobs.put(None)
        await asyncio.to_thread(self._thread.join, deadline)
        return not self._thread.is_alive()

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()


class Submissions:
    """Transactions on their way into blocks: those that arrive while a block is built share the
    next one."""

    def __init__(self, worker: Worker, pool: Pool) -> None:
        self._worker = worker
        self._pool = pool
        self._arrived: list[tuple[bytes, Watcher | None, asyncio.Future[bytes]]] = []
        self._lock = threading.Lock()

    async def submit(self, extrinsic: bytes, watcher: Watcher | None = None) -> bytes:
        """Its hash; :class:`RpcError` if it is not valid. The watcher is called in the thread."""
        future: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        with self._lock:
            self._arrived.append((extrinsic, watcher, future))
        self._worker.run(self._flush)
        return await future

    def _flush(self) -> None:
        with self._lock:
            arrived, self._arrived = self._arrived, []
        if not arrived:  # an earlier flush took them along
            return
        outcomes: list[bytes | RpcError]
        try:
            outcomes = self._pool.submit_many([(extrinsic, w) for extrinsic, w, _ in arrived])
        except Exception as error:
            _log.exception("sealing failed")
            outcomes = [RpcError(INTERNAL_ERROR, "Internal error", str(error))] * len(arrived)
        futures = [future for _, _, future in arrived]
        self._worker.later(_settle_all, futures, outcomes)
        self._worker.run(self._prepare)

    def _prepare(self) -> None:
        with suppress(Exception):  # whoever submits next is told what is wrong
            self._pool.prepare()


def _settle_all(futures: list[asyncio.Future[bytes]], outcomes: list[bytes | RpcError]) -> None:
    for future, outcome in zip(futures, outcomes, strict=True):
        if isinstance(outcome, RpcError):
            _fail(future, outcome)
        else:
            _settle(future, outcome)


def _settle(future: asyncio.Future[Any], result: Any) -> None:
    if not future.done():
        future.set_result(result)


def _fail(future: asyncio.Future[Any], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
