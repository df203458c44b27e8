"""A Substrate chain in one file: create it, open it, read it, add blocks to it.

The file is an SQLite database (:mod:`decentralml.devchain.store`). Reading touches only what is
asked for and needs no WebAssembly; the runtime is loaded when something has to be executed.
Several processes may hold the same file: readers never wait, writers take turns.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from decentralml.devchain import keys as well_known
from decentralml.devchain.block import Block, Header
from decentralml.devchain.lock import FileLock
from decentralml.devchain.store import MAIN, Store
from decentralml.devchain.version import RuntimeVersion

if TYPE_CHECKING:
    from decentralml.devchain.engine import Engine

LOCK_DEADLINE = 60.0
"""Seconds a writer waits for its turn before it says who holds the chain."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """Where an extrinsic landed and what came of it."""

    block_hash: bytes
    number: int
    index: int
    """Position in the block; inherents come first."""
    result: bytes
    """SCALE ``ApplyExtrinsicResult``: ``00 00`` is success, ``00 01 …`` a dispatch error."""


@dataclass(frozen=True, slots=True)
class Refused:
    """An extrinsic that cannot be in a block, so it is not."""

    result: bytes
    """SCALE ``ApplyExtrinsicResult`` (``01 …``: a transaction validity error), or empty when the
    runtime could not even read the extrinsic."""
    reason: str


def wall_clock() -> int:
    """Unix milliseconds."""
    return time.time_ns() // 1_000_000


class DevChain:
    """One chain file, open. Thread-safe; one block is built at a time.

    Every `at` is a block hash (32 bytes); None is the head. Reading at a hash is stable while
    other processes add blocks. A hash that the chain does not have raises
    :class:`~decentralml.errors.UnknownBlock`.
    """

    # -- opening and closing

    @classmethod
    def create(
        cls,
        path: Path,
        wasm: bytes,
        *,
        preset: str = "development",
        name: str = "DecentralML Development",
        properties: dict[str, Any],
        cache: Path,
        clock: Callable[[], int] = wall_clock,
    ) -> DevChain:
        """A new chain with the runtime `wasm` and its genesis preset, in the new file `path`.

        `properties` are what wallets show (``ss58Format``, ``tokenDecimals``, ``tokenSymbol``).
        Raises ``ChainFileExists``; whoever loses a race to create one file can open it.
        """

    @classmethod
    def create_from_spec(
        cls, path: Path, spec: dict[str, Any], *, cache: Path, clock: Callable[[], int] = wall_clock
    ) -> DevChain:
        """A new chain from a raw chain specification (``{"genesis": {"raw": {"top": …}}}``)."""

    @classmethod
    def open(
        cls, path: Path, *, cache: Path, clock: Callable[[], int] = wall_clock
    ) -> DevChain:
        """The chain in the file `path`.

        Raises ``ChainFileMissing``, ``NotAChainFile``, ``ChainFileDamaged``, ``ChainFileTooNew``.
        """

    def close(self) -> None: ...
    def __enter__(self) -> DevChain: ...
    def __exit__(self, *_: object) -> None: ...

    # -- what it is

    @property
    def name(self) -> str: ...
    @property
    def properties(self) -> dict[str, Any]: ...
    @property
    def genesis(self) -> bytes: ...
    @property
    def head(self) -> bytes: ...
    @property
    def finalized(self) -> bytes:
        """Always the head: nothing is ever taken back."""

    @property
    def height(self) -> int: ...
    @property
    def runtime_version(self) -> RuntimeVersion:
        """At the head (see ``runtime_version_at``)."""

    def runtime_version_at(self, at: bytes | None = None) -> RuntimeVersion: ...
    def metadata(self, at: bytes | None = None) -> bytes:
        """Version 14, starting with ``b"meta"``."""

    def changed(self) -> bool:
        """Whether blocks were added, by any process, since the last call: cheap, for polling."""

    def now(self) -> int:
        """Unix milliseconds on the chain: the head's timestamp (0 at genesis)."""

    # -- blocks

    def block_hash(self, number: int) -> bytes | None: ...
    def block_number(self, block: bytes) -> int | None: ...
    def header(self, at: bytes | None = None) -> bytes | None:
        """SCALE encoded; None when there is no such block (no exception here)."""

    def block(self, at: bytes | None = None) -> Block | None: ...
    def find_extrinsic(self, extrinsic_hash: bytes) -> tuple[int, int] | None:
        """Block number and index of a signed extrinsic (blake2-256 of its bytes), if included."""

    # -- state

    def storage(self, key: bytes, at: bytes | None = None) -> bytes | None: ...
    def query(
        self, keys: Iterable[bytes], at: bytes | None = None
    ) -> list[tuple[bytes, bytes | None]]:
        """Many keys at one moment."""

    def keys(
        self, prefix: bytes, limit: int, start: bytes | None = None, at: bytes | None = None
    ) -> list[bytes]:
        """At most `limit` keys with `prefix`, in order, after `start`."""

    def child_storage(self, child: bytes, key: bytes, at: bytes | None = None) -> bytes | None:
        """`child` is the child trie's name, without ``:child_storage:default:``."""

    def child_keys(
        self, child: bytes, prefix: bytes, limit: int, start: bytes | None = None,
        at: bytes | None = None,
    ) -> list[bytes]: ...

    # -- running the runtime

    def call(self, api: str, data: bytes = b"", at: bytes | None = None) -> bytes:
        """A runtime API call (``"AccountNonceApi_account_nonce"``); its changes are thrown away.

        Raises ``RuntimeTrapped`` (a panic, bad arguments) and ``UnknownRuntimeCall``.
        """

    def validate(self, extrinsic: bytes) -> bytes:
        """SCALE ``TransactionValidity``; raises ``UnreadableExtrinsic``."""

    def dry_run(self, extrinsic: bytes) -> bytes:
        """SCALE ``ApplyExtrinsicResult`` as if it came next; raises ``UnreadableExtrinsic``."""

    def submit(self, extrinsic: bytes) -> Sealed:
        """Seal a block with this extrinsic; on disk when it returns.

        Raises ``ExtrinsicRefused`` (attribute `result`: SCALE ``ApplyExtrinsicResult``, `reason`),
        ``UnreadableExtrinsic``, ``ChainBusy``, ``ChainDiskFull``; then no block was made.
        """

    def seal(self, extrinsics: Sequence[bytes] = ()) -> list[Sealed | Refused]:
        """Seal one block with all that can be in it, in this order; the answers are in order too."""

    def execute_block(self, header: bytes, extrinsics: Sequence[bytes]) -> bytes:
        """Import a block that another node made on our head; returns its hash.

        Raises ``BlockRefused`` when the parent is not our head, or the runtime finds another
        state root, extrinsics root or digest than the header says.
        """

    def advance(self, blocks: int = 0, milliseconds: int = 0) -> None:
        """Move the chain's clock forward, then seal `blocks` empty blocks (at least one)."""

    def export_spec(self) -> dict[str, Any]:
        """The raw chain specification of the genesis state, for other nodes."""
