"""Errors of the embedded chain and its server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from decentralml.errors.root import ChainError


class ChainFileExists(ChainError):
    """A new chain was to go where there is a file."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)
        super().__init__(f"{path} exists already; open it, or remove it to start anew")


class ChainFileMissing(ChainError):
    """There is no chain file."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)
        super().__init__(f"there is no chain file at {path}; create it first, or name another")


class NotAChainFile(ChainError):
    """The file is something else."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)
        super().__init__(f"{path} is not a chain file; name another, or move it away")


class ChainFileTooNew(ChainError):
    """The file was written by a later version of this program."""

    def __init__(self, path: Path, found: int, known: int) -> None:
        self.path = str(path)
        self.found = found
        self.known = known
        super().__init__(
            f"{path} has format {found}, this program knows up to {known}; install a newer version"
        )


class ChainFileDamaged(ChainError):
    """The file is a chain's, but cannot be right."""

    def __init__(self, path: Path, what: str) -> None:
        self.path = str(path)
        self.what = what
        super().__init__(
            f"the chain file {path} is damaged ({what}); restore a copy, or start anew "
            "with `decentralml chain reset`"
        )


class ChainDiskFull(ChainError):
    """The disk has no room for the block; the chain is as it was."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)
        super().__init__(
            f"the disk is full: nothing was written to {path}; make room and run this again"
        )


class ChainBusy(ChainError):
    """Somebody else kept writing to the chain file for too long."""

    def __init__(self, path: Path, holder: str, seconds: float) -> None:
        self.path = str(path)
        self.holder = holder
        self.seconds = seconds
        super().__init__(
            f"{holder} has held {path} for {seconds:g} s; wait for it or end it, then try again"
        )


class ChainFileGone(ChainError):
    """The file was removed or replaced while it was open."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)
        super().__init__(
            f"{path} was removed or replaced while it was open (by `chain reset`, say); start again"
        )


class UnknownBlock(ChainError):
    """The chain has no block of this hash."""

    def __init__(self, block: bytes) -> None:
        self.block = "0x" + block.hex()
        super().__init__(f"the chain has no block 0x{block.hex()}; ask for one of its own")


class BadChainSpec(ChainError):
    """A chain specification or a genesis preset cannot be used."""


class RuntimeUnusable(ChainError):
    """A WebAssembly blob is no runtime that this host can run."""

    def __init__(self, why: str) -> None:
        self.why = why
        super().__init__(f"this is no usable runtime: {why}; build it with scripts/build-runtime")


class UnknownRuntimeCall(ChainError):
    """The runtime has no such API."""

    def __init__(self, api: str) -> None:
        self.api = api
        super().__init__(f"the chain's runtime has no call {api!r}; check its name")


class RuntimeTrapped(ChainError):
    """The runtime panicked, or asked the host for what it must not have."""

    def __init__(self, api: str, why: str) -> None:
        self.api = api
        self.why = why
        super().__init__(f"the runtime stopped in {api}: {why}; nothing was changed")


class UnreadableExtrinsic(ChainError):
    """Bytes that are no extrinsic of this chain."""

    def __init__(self, why: str) -> None:
        self.why = why
        super().__init__(f"this is no extrinsic of this chain: {why}; encode it by its metadata")


class ExtrinsicRefused(ChainError):
    """An extrinsic that cannot be in the next block."""

    def __init__(self, result: bytes, reason: str) -> None:
        self.result = result
        self.reason = reason
        super().__init__(f"the chain refused the transaction: {reason}")

    def facts(self) -> dict[str, Any]:
        return {"result": "0x" + self.result.hex(), "reason": self.reason}


class BlockRefused(ChainError):
    """A block from elsewhere that does not fit or does not hold what it says."""

    def __init__(self, number: int, why: str) -> None:
        self.number = number
        self.why = why
        super().__init__(f"block {number} was refused: {why}; take blocks in order from one chain")


class CannotListen(ChainError):
    """A server's address cannot be had."""

    def __init__(self, host: str, port: int, reason: str) -> None:
        self.host = host
        self.port = port
        self.reason = reason
        super().__init__(
            f"cannot listen on {host}:{port} ({reason}); choose another port (--port 0 picks one)"
        )
