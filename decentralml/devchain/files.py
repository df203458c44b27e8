"""The files that are a chain: the database, SQLite's own beside it, the lock."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from decentralml.devchain.lock import FileLock

_DEADLINE: Final = 60.0


def remove(path: Path) -> list[Path]:
    """Remove a chain file and what belongs to it; what was removed.

    Waits for a writer to finish its block. Processes that have the file open get
    :class:`~decentralml.errors.ChainFileGone` from then on.
    """
    if not path.parent.is_dir():
        return []
    lock = FileLock(path)
    try:
        with lock.held(_DEADLINE):
            draft = path.with_name(path.name + ".new")
            files = [path, *companions(path), draft, *companions(draft)]
            removed = [file for file in files if file.exists()]
            for file in (*removed, lock.path):
                file.unlink(missing_ok=True)
            sync(path.parent)
    finally:
        lock.close()
    return removed


def companions(path: Path) -> tuple[Path, ...]:
    """SQLite's own files beside a database."""
    return tuple(path.with_name(path.name + end) for end in ("-wal", "-shm", "-journal"))


def sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
