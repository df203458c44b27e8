"""A node as a network has them: blocks every six seconds, a pool, forks, and days when it is away.

It runs the real runtime, on a chain file of its own; its clock is the world's.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from devchain_support import shared_cache
from faults.clock import BLOCK, VirtualClock

from decentralml.chain import ss58
from decentralml.devchain.chain import DevChain, Refused
from decentralml.devchain.hashes import blake2_256
from decentralml.devchain.rpc.errors import ALREADY_IMPORTED, TOO_LOW_PRIORITY, RpcError
from decentralml.devchain.rpc.handlers import Handlers
from decentralml.devchain.rpc.validity import decode_validity
from decentralml.devchain.runtimes import Runtimes

FINALITY = 8
"""Blocks by which the final one is behind the newest; no fork is deeper."""
_FUTURE = b"\1\0\2"
_ELSEWHERE = "0x" + "ee" * 32
"""Genesis of another chain."""


@cache
def runtimes() -> Runtimes:
    """Compiled code, loaded once for all chains of a test run."""
    return Runtimes(shared_cache())


def open_chain(file: Path, clock: Callable[[], int]) -> DevChain:
    chain = DevChain.open(file, cache=shared_cache(), clock=clock)
    chain._runtimes = runtimes()
    return chain


class SimulatedNode:
    """One node and its chain.

    Attributes
    ----------
    pool : transactions that wait for a block.
    late : messages on their way to it, with the time at which they come.
    life : how often it was started; a connection to an earlier life is dead.
    """

    def __init__(self, file: Path, clock: VirtualClock, on_demand: bool) -> None:
        self.file = file
        self.clock = clock
        self.on_demand = on_demand
        """It makes no blocks by itself: it is the embedded chain of the client's process."""
        self.pool: list[bytes] = []
        self.late: list[tuple[int, bytes]] = []
        self.life = 0
        self._down_until = 0
        self._elsewhere_until = 0
        self._past: dict[int, int] = {}
        self._origin = file.with_name(f"{file.name}.origin")
        self._log = file.with_name(f"{file.name}-wal")
        shutil.copyfile(file, self._origin)
        self.open()
        self.begun = self.chain.height
        self._next = clock.now + BLOCK
        self.keep()

    def open(self) -> None:
        self.chain = open_chain(self.file, lambda: self.clock.now)
        self.chain._store._sql.execute("PRAGMA wal_autocheckpoint=0")
        self.handlers = Handlers(self.chain)

    def reopen(self) -> None:
        """The process that had the file open is gone."""
        old = self.chain
        self.open()  # First, so that the log is kept.
        old.close()

    def close(self) -> None:
        self.chain.close()

    # Time.

    def tick(self) -> None:
        """Time has passed: what was late comes, and at most one block is made."""
        if self.on_demand:
            return
        come = [data for at, data in self.late if at <= self.clock.now]
        self.late = [(at, data) for at, data in self.late if at > self.clock.now]
        for data in come:
            with suppress(RpcError):
                self.receive(data)
        if self.clock.now >= self._next:
            self._next = self.clock.now + BLOCK
            self.seal()

    def seal(self) -> None:
        """A block of all that waits; what cannot be in one is forgotten, or waits on."""
        waiting, self.pool = self.pool, []
        outcomes = self.chain.seal(waiting)
        for data, outcome in zip(waiting, outcomes, strict=True):
            if isinstance(outcome, Refused) and outcome.result[:3] == _FUTURE:
                self.pool.append(data)
        self.keep()

    # What becomes of it.

    def down(self) -> bool:
        return self.clock.now < self._down_until

    def go_away(self, milliseconds: int, forgetting: bool = False) -> None:
        """Nobody answers for so long; its connections are cut."""
        self._down_until = self.clock.now + milliseconds
        self.life += 1
        if forgetting:
            self.pool.clear()

    def go_elsewhere(self, milliseconds: int) -> None:
        """For so long, another chain answers at its address."""
        self._elsewhere_until = self.clock.now + milliseconds
        self.life += 1

    def fork(self, depth: int, forgetting: bool) -> None:
        """The last blocks are taken back, and as many and one others follow.

        ``forgetting``: the transactions that were in them do not come again by themselves.
        """
        height = self.chain.height
        older = [number for number in self._past if number <= height - depth]
        kept = max(older, default=min(self._past))
        if kept == height:
            return
        taken = [
            bytes.fromhex(data[2:])
            for number in range(kept + 1, height + 1)
            for data in self._body(number)
        ]
        log = self._log.read_bytes()[: self._past[kept]]
        self.chain.close()
        shutil.copyfile(self._origin, self.file)
        self._log.write_bytes(log)
        self.file.with_name(f"{self.file.name}-shm").unlink(missing_ok=True)
        self.open()
        self._past = {number: size for number, size in self._past.items() if number <= kept}
        self.pool = ([] if forgetting else taken) + self.pool
        for _ in range(height - kept + 1):
            self.seal()

    def keep(self) -> None:
        """Remember where the newest block ends, for forks.

        The database is what it was at the start and a log of what was written since, so that the
        beginning of the log is the chain as it was.
        """
        number = self.chain.height
        self._past[number] = self._log.stat().st_size if self._log.exists() else 0
        self._past = {n: size for n, size in self._past.items() if n >= number - FINALITY}

    def _body(self, number: int) -> list[str]:
        """Signed transactions of a block."""
        block = self.handlers.request("chain_getBlockHash", [number])
        body: list[str] = self.handlers.request("chain_getBlock", [block])["block"]["extrinsics"]
        return [data for data in body if is_signed(bytes.fromhex(data[2:]))]

    # What it answers.

    def request(self, method: str, params: list[Any]) -> Any:
        """The answer to a request.

        Raises
        ------
        RpcError
        """
        if self.clock.now < self._elsewhere_until and (method, params) == (
            "chain_getBlockHash",
            [0],
        ):
            return _ELSEWHERE
        match method:
            case "author_submitExtrinsic":
                return self.receive(bytes.fromhex(params[0][2:]))
            case "author_unwatchExtrinsic":
                return True
            case "author_pendingExtrinsics":
                return ["0x" + data.hex() for data in self.pool]
            case "chain_getFinalizedHead":
                final = max(self.chain.height - FINALITY, 0)
                return self.handlers.request("chain_getBlockHash", [final])
            case "system_accountNextIndex":
                stored: int = self.handlers.request(method, params)
                account = ss58.decode(params[0])
                return stored + sum(signer_of(data) == account for data in self.pool)
            case "rpc_methods":
                methods = self.handlers.request(method, params)["methods"]
                return {"methods": [each for each in methods if not each.startswith("engine_")]}
        return self.handlers.request(method, params)

    def receive(self, data: bytes) -> str:
        """Take a transaction into the pool; its hash.

        Raises
        ------
        RpcError : it is there already, is not valid, or another has its place.
        """
        if data in self.pool:
            raise RpcError(ALREADY_IMPORTED, "Transaction Already Imported")
        provides = set(decode_validity(self.chain.validate(data)).provides)
        for other in self.pool:
            if provides & set(decode_validity(self.chain.validate(other)).provides):
                raise RpcError(TOO_LOW_PRIORITY, "Priority is too low", "another has its place")
        self.pool.append(data)
        return "0x" + blake2_256(data).hex()

    def where(self, data: bytes) -> str | None:
        """Hash of the block that includes a transaction."""
        found = self.chain.find_extrinsic(blake2_256(data))
        block = None if found is None else self.chain.block_hash(found[0])
        return None if block is None else "0x" + block.hex()


def is_signed(extrinsic: bytes) -> bool:
    """Inherents have version 4 or 5, without the bit for a signature."""
    return bool(extrinsic[_prefix(extrinsic)] & 0x80)


def signer_of(extrinsic: bytes) -> bytes:
    """The account id of a signed transaction: after its length, version, and kind of address."""
    start = _prefix(extrinsic) + 2
    return extrinsic[start : start + 32]


def _prefix(extrinsic: bytes) -> int:
    """Bytes of the compact length."""
    return 1 << (extrinsic[0] & 3)
