"""Small JSON records in the home folder, so that an interrupted command can be repeated.

A record is written whole or not at all (temporary file, fsync, rename), one file for each thing
in progress, in a folder for each chain. The chain stays the truth: a record only says what a
command had already decided before it spoke to the chain.
"""

from __future__ import annotations

import fcntl
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from decentralml.errors import RecordDamaged


def write_atomically(file: Path, data: bytes) -> None:
    """Write a file so that readers see the old bytes or the new ones, and a crash keeps either."""
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Hold a lock file against other processes; let go when this one ends, however it ends."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("wb") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


class Records:
    """The records of one kind (say ``"create-task"``) on one chain."""

    def __init__(self, home: Path, genesis: bytes, kind: str) -> None:
        self.folder = home / "records" / genesis.hex()[:8] / kind

    def file(self, name: str) -> Path:
        return self.folder / f"{name}.json"

    def read(self, name: str) -> dict[str, Any] | None:
        """A record, or None where there is none; RecordDamaged when it cannot be read."""
        file = self.file(name)
        try:
            document = json.loads(file.read_text("utf-8"))
        except FileNotFoundError:
            return None
        except (ValueError, UnicodeDecodeError):
            raise RecordDamaged(file) from None
        if not isinstance(document, dict):
            raise RecordDamaged(file)
        return document

    def write(self, name: str, record: dict[str, Any]) -> None:
        text = json.dumps(record, sort_keys=True, indent=1) + "\n"
        write_atomically(self.file(name), text.encode("utf-8"))

    def remove(self, name: str) -> None:
        self.file(name).unlink(missing_ok=True)

    @contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Hold a record against other processes."""
        with locked(self.folder / f"{name}.lock"):
            yield
