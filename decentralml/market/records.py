"""Small JSON records in the home folder, so that an interrupted command can be repeated.

A record is written whole or not at all (temporary file, fsync, rename), one file for each thing
in progress, in a folder for each chain. The chain stays the truth: a record only says what a
command had already decided before it spoke to the chain.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from decentralml.errors import RecordDamaged
from decentralml.service.files import locked, write_atomically


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
