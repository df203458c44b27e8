"""A Substrate chain in one file: create it, open it, read it, add blocks to it.

The file is an SQLite database (:mod:`decentralml.devchain.store`). Reading touches only what is
asked for and needs no WebAssembly; the runtime is loaded when something has to be executed.
Several processes may hold the same file: readers never wait, writers take turns.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from decentralml.devchain.block import Block, Header
from decentralml.devchain.keys import CODE, DEFAULT_CHILD, PENDING_CODE
from decentralml.devchain.lock import FileLock
from decentralml.devchain.overlay import Overlay
from decentralml.devchain.reader import ChainReader
from decentralml.devchain.state import MAIN, State
from decentralml.devchain.states import PastState
from decentralml.devchain.store import Head, NewBlock, Store
from decentralml.devchain.version import RuntimeVersion
from decentralml.errors import (
    BlockRefused,
    ExtrinsicRefused,
    RuntimeTrapped,
    UnreadableExtrinsic,
)

if TYPE_CHECKING:
    from decentralml.devchain.builder import BlockBuilder
    from decentralml.devchain.executor import Executor
    from decentralml.devchain.runtimes import Runtimes

LOCK_DEADLINE: Final = 60.0
"""Seconds a writer waits for its turn before it says who holds the chain."""

_EXTERNAL: Final = b"\2"
"""``TransactionSource::External``."""


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
    runtime could not read the extrinsic or stopped in it."""
    reason: str


def wall_clock() -> int:
    """Unix milliseconds."""
    return time.time_ns() // 1_000_000


class DevChain(ChainReader):
    """One chain file, open: what :class:`ChainReader` reads, and running and making blocks.

    Thread-safe; one block is built at a time.
    """

    def __init__(self, store: Store, cache: Path, clock: Callable[[], int]) -> None:
        """Use :meth:`create` or :meth:`open`."""
        super().__init__(store)
        self._cache = cache
        self._clock = clock
        self._lock = FileLock(store.path)
        self._runtimes: Runtimes | None = None
        self._slots: dict[bytes, int] = {}
        self._prepared: BlockBuilder | None = None

    # -- opening and closing

    @classmethod
    def create(
        cls,
        path: Path,
        wasm: bytes,
        *,
        preset: str = "development",
        name: str = "DecentralML Development",
        properties: Mapping[str, Any],
        cache: Path,
        clock: Callable[[], int] = wall_clock,
    ) -> DevChain:
        """A new chain with the runtime `wasm` and its genesis preset, in the new file `path`.

        `properties` are what wallets show (``ss58Format``, ``tokenDecimals``, ``tokenSymbol``).
        Raises ``ChainFileExists``: whoever loses a race to create one file can open it.
        """
        from decentralml.devchain import creation, genesis
        from decentralml.devchain.runtimes import Runtimes

        runtimes = Runtimes(cache)
        creation.create(
            path,
            name,
            properties,
            runtimes,
            lambda: genesis.from_preset(runtimes.of(wasm), wasm, preset),
        )
        return cls.open(path, cache=cache, clock=clock)

    @classmethod
    def create_from_spec(
        cls,
        path: Path,
        spec: Mapping[str, Any],
        *,
        cache: Path,
        clock: Callable[[], int] = wall_clock,
    ) -> DevChain:
        """A new chain from a raw chain specification (``{"genesis": {"raw": {"top": …}}}``)."""
        from decentralml.devchain import creation, genesis
        from decentralml.devchain.runtimes import Runtimes

        tries = genesis.from_spec(spec)
        name, properties = str(spec.get("name", "")), spec.get("properties") or {}
        creation.create(path, name, properties, Runtimes(cache), lambda: tries)
        return cls.open(path, cache=cache, clock=clock)

    @classmethod
    def open(cls, path: Path, *, cache: Path, clock: Callable[[], int] = wall_clock) -> DevChain:
        """The chain in the file `path`.

        Raises ``ChainFileMissing``, ``NotAChainFile``, ``ChainFileDamaged``, ``ChainFileTooNew``.
        """
        return cls(Store.open(path), cache, clock)

    def close(self) -> None:
        with self._guard:
            self._store.close()
            self._lock.close()

    def __enter__(self) -> DevChain:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def time(self) -> int:
        """Unix milliseconds of a block that would be sealed now."""
        with self._guard, self._store.reading():
            return max(self._time(), self.now())

    # -- running the runtime

    def call(self, api: str, data: bytes = b"", at: bytes | None = None) -> bytes:
        """A runtime API call (``"AccountNonceApi_account_nonce"``); its changes are thrown away.

        Raises ``RuntimeTrapped`` (a panic, bad arguments) and ``UnknownRuntimeCall``.
        """
        with self._reading(at) as (state, number):
            return self._executor(number, state).call(api, data, Overlay(state))

    def validate(self, extrinsic: bytes) -> bytes:
        """SCALE ``TransactionValidity``; raises ``UnreadableExtrinsic``."""
        from decentralml.devchain.builder import check_readable, unreadable

        check_readable(extrinsic)
        with self._reading() as (state, number):
            question = _EXTERNAL + extrinsic + self._store.head().hash
            try:
                return self._executor(number, state).call(
                    "TaggedTransactionQueue_validate_transaction", question, Overlay(state)
                )
            except RuntimeTrapped as trap:
                raise unreadable(trap) from None

    def dry_run(self, extrinsic: bytes) -> bytes:
        """SCALE ``ApplyExtrinsicResult`` as if it came next; raises ``UnreadableExtrinsic``."""
        from decentralml.devchain.builder import apply

        with self._reading() as (state, number):
            executor = self._executor(number, state, on_chain=True)
            return apply(executor, self._begun(self._store.head()).overlay, extrinsic)

    def submit(self, extrinsic: bytes) -> Sealed:
        """Seal a block with this extrinsic; on disk when it returns.

        Raises ``ExtrinsicRefused`` (attribute `result`: SCALE ``ApplyExtrinsicResult``; `reason`),
        ``UnreadableExtrinsic``, ``ChainBusy``, ``ChainDiskFull``; then no block was made.
        """
        with self._writing() as head:
            builder = self._begun(head)
            index, result = builder.apply(extrinsic)
            block = builder.finish()
            finish = self._add(block, builder.overlay)
        finish()
        return Sealed(block.hash, block.number, index, result)

    def seal(self, extrinsics: Sequence[bytes] = ()) -> list[Sealed | Refused]:
        """Seal one block with all that can be in it, in this order; the answers are in order too.

        A block is made even if it stays empty.
        """
        outcomes: list[tuple[int, bytes] | Refused] = []
        with self._writing() as head:
            builder = self._begun(head)
            for extrinsic in extrinsics:
                try:
                    outcomes.append(builder.apply(extrinsic))
                except ExtrinsicRefused as refusal:
                    outcomes.append(Refused(refusal.result, refusal.reason))
                except (UnreadableExtrinsic, RuntimeTrapped) as fault:
                    outcomes.append(Refused(b"", fault.why))
            block = builder.finish()
            finish = self._add(block, builder.overlay)
        finish()
        return [
            outcome if isinstance(outcome, Refused) else Sealed(block.hash, block.number, *outcome)
            for outcome in outcomes
        ]

    def prepare(self) -> None:
        """Start the next block while nobody waits for it, so that it is there sooner.

        Whatever comes between, also from other processes, this changes no block.
        """
        with self._reading():
            self._prepared = self._initialized(self._store.head(), self.time())

    def execute_block(self, header: bytes, extrinsics: Sequence[bytes]) -> bytes:
        """Import a block that another node made on our head; returns its hash.

        Raises ``BlockRefused`` when its parent is not our head, or the runtime finds another
        state root, extrinsics root or digest than the header says.
        """
        from decentralml.devchain.builder import execute

        wanted = Header.decode(header)
        with self._writing() as head:
            if wanted.parent != head.hash:
                raise BlockRefused(wanted.number, f"its parent is not the head, {head.number}")
            overlay = Overlay(self._state)
            executor = self._executor(head.number, self._state, on_chain=True)
            block = execute(executor, overlay, wanted, header, list(extrinsics))
            finish = self._add(block, overlay)
        finish()
        return block.hash

    def advance(self, blocks: int = 0, milliseconds: int = 0) -> None:
        """Move the chain's clock forward, then seal `blocks` empty blocks, at least one."""
        if blocks < 0 or milliseconds < 0:
            raise ValueError("a chain only moves forward")
        with self._writing():
            behind = max(0, self.now() - self._time())
            offset = int(self._store.meta("clock_offset")) + behind + milliseconds
            self._store.set_meta("clock_offset", offset)
        for _ in range(max(1, blocks)):
            self.seal()

    def export_spec(self) -> dict[str, Any]:
        """The raw chain specification of the genesis state, for other nodes."""
        from decentralml.devchain import genesis

        with self._guard, self._store.reading():
            state = PastState(self._store, 0)
            names = [key[len(DEFAULT_CHILD) :] for key in state.keys(MAIN, DEFAULT_CHILD)]
            tries = {
                trie: {key: state.get(trie, key) or b"" for key in state.keys(trie, b"")}
                for trie in (MAIN, *names)
            }
            return genesis.to_spec(self.name, self.properties, tries)

    # -- inside

    @contextmanager
    def _writing(self) -> Iterator[Head]:
        """The only writer: yields the head; commits at the end."""
        with self._guard, self._lock.held(LOCK_DEADLINE), self._store.writing():
            head = self._store.head()
            self._state.at(head)
            yield head

    def _executor(self, number: int, state: State, on_chain: bool = False) -> Executor:
        """The runtime of a state; for making the next block (`on_chain`) a pending one, if any."""
        from decentralml.devchain.runtimes import Runtimes

        if self._runtimes is None:
            self._runtimes = Runtimes(self._cache)
        record = self._record(number)
        if on_chain and record.pending is not None:
            return self._runtimes.get(record.pending, lambda: state.get(MAIN, PENDING_CODE) or b"")
        return self._runtimes.get(record.code, lambda: state.get(MAIN, CODE) or b"")

    def _begun(self, head: Head) -> BlockBuilder:
        """The block after the head, ready for extrinsics."""
        moment = self.time()
        builder = self._initialized(head, moment)
        builder.begin(moment)
        return builder

    def _initialized(self, head: Head, moment: int) -> BlockBuilder:
        """The block after the head: the prepared one, if that is for this head and moment."""
        from decentralml.devchain.builder import BlockBuilder

        builder, self._prepared = self._prepared, None
        slot = moment // self._slot_duration(head)
        if builder is None or (builder.parent.hash, builder.slot) != (head.hash, slot):
            executor = self._executor(head.number, self._state, on_chain=True)
            parent = Header.decode(head.header)
            builder = BlockBuilder(executor, Overlay(self._state), parent, slot)
        return builder

    def _slot_duration(self, head: Head) -> int:
        """Aura's, in milliseconds."""
        from decentralml.devchain.builder import slot_duration

        code = self._record(head.number).code
        if code not in self._slots:
            executor = self._executor(head.number, self._state, on_chain=True)
            self._slots[code] = slot_duration(executor, Overlay(self._state))
        return self._slots[code]

    def _time(self) -> int:
        """The clock of the chain, which may be ahead of the machine's."""
        return self._clock() + int(self._store.meta("clock_offset"))

    def _add(self, block: Block, overlay: Overlay) -> Callable[[], None]:
        """Write a block, in the transaction of :meth:`_writing`; call the result after it."""
        from decentralml.devchain.creation import runtime_record

        runtimes = self._runtimes
        assert runtimes is not None, "somebody executed the block"
        layout = RuntimeVersion.decode(self._record(block.number - 1).version).state_version
        updates = overlay.updates(layout)
        root = Header.decode(block.header).state_root
        if updates[MAIN].root != root:
            raise BlockRefused(block.number, "its state root is not that of its changes")
        changes = {
            trie: self._state.real_changes(trie, changed, layout)
            for trie, changed in overlay.all_changes(layout).items()
        }
        record = None
        if not changes[MAIN].keys().isdisjoint((CODE, PENDING_CODE)):
            code = overlay.get(CODE) or b""
            record = runtime_record(runtimes.of(code), overlay, runtimes.version(code))
        self._store.add(NewBlock(block, changes, updates, layout, record))

        def finish() -> None:
            self._own_blocks += 1
            head = Head(block.number, block.hash, block.header)
            self._state.committed(head, changes, updates, layout)

        return finish
