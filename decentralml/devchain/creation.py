"""A new chain file: all of it or none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from decentralml.devchain.block import Block, Header
from decentralml.devchain.codec import Reader
from decentralml.devchain.executor import Executor
from decentralml.devchain.files import companions, sync
from decentralml.devchain.genesis import Tries
from decentralml.devchain.hashes import blake2_256
from decentralml.devchain.keys import CODE, PENDING_CODE
from decentralml.devchain.lock import FileLock
from decentralml.devchain.overlay import Overlay
from decentralml.devchain.runtimes import Runtimes
from decentralml.devchain.state import MAIN
from decentralml.devchain.states import HeadState
from decentralml.devchain.store import NewBlock, RuntimeRecord, Store
from decentralml.devchain.trie import EMPTY_ROOT
from decentralml.devchain.version import RuntimeVersion
from decentralml.errors import ChainError, ChainFileExists

_DEADLINE: Final = 60.0


def create(
    path: Path,
    name: str,
    properties: Mapping[str, Any],
    runtimes: Runtimes,
    state: Callable[[], Tries],
) -> None:
    """Make the file with a genesis block. It appears under its name when it is complete."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ChainError(
            f"{path.parent} cannot be made ({error.strerror}); name another folder"
        ) from error
    lock = FileLock(path)
    try:
        with lock.held(_DEADLINE):
            if path.exists():
                raise ChainFileExists(path)
            draft = path.with_name(path.name + ".new")
            for left in (draft, *companions(draft), *companions(path)):
                left.unlink(missing_ok=True)
            try:
                _fill(draft, name, properties, runtimes, state())
                draft.rename(path)
            finally:
                for left in (draft, *companions(draft)):
                    left.unlink(missing_ok=True)
            sync(path.parent)
    finally:
        lock.close()


def runtime_record(executor: Executor, overlay: Overlay, version: bytes) -> RuntimeRecord:
    """What to note of the runtime in `overlay`, which is `executor`'s."""
    code, pending = overlay.get(CODE), overlay.get(PENDING_CODE)
    overlay.begin()
    try:
        metadata = Reader(executor.call("Metadata_metadata", b"", overlay)).prefixed()
    finally:
        overlay.rollback()
    return RuntimeRecord(
        blake2_256(code or b""), None if pending is None else blake2_256(pending), version, metadata
    )


def _fill(
    path: Path, name: str, properties: Mapping[str, Any], runtimes: Runtimes, tries: Tries
) -> None:
    code = tries[MAIN][CODE]
    version = runtimes.version(code)
    layout = RuntimeVersion.decode(version).state_version
    store = Store.create(path)
    try:
        overlay = Overlay(HeadState(store))
        for trie, items in tries.items():
            for key, value in items.items():
                overlay.set(key, value, trie)
        header = Header(bytes(32), 0, overlay.root(layout), EMPTY_ROOT)
        block = Block(0, header.hash, header.encode(), ())
        changes, updates = overlay.all_changes(layout), overlay.updates(layout)
        record = runtime_record(runtimes.of(code), overlay, version)
        with store.writing():
            store.set_meta("name", name)
            store.set_meta("properties", dict(properties))
            store.set_meta("clock_offset", 0)
            store.add(NewBlock(block, changes, updates, layout, record))
        # The file changes its name, and its log does not come along.
        store.gather()
    finally:
        store.close()
