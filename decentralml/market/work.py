"""Where an account keeps what it works on: one folder per chain, account and task.

::

    home/work/<first 8 hex digits of the genesis>/<address>/<task>/
        bundle/            the task's bundle, verified against its CID
        output/            what the task's script wrote
        result/            the signed result as it was sent
        results/<index>/   results of others, fetched to validate, review or merge
        run.log            what the task's script said
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class WorkFolder:
    root: Path

    @property
    def bundle(self) -> Path:
        return self.root / "bundle"

    @property
    def output(self) -> Path:
        return self.root / "output"

    @property
    def result(self) -> Path:
        return self.root / "result"

    @property
    def log(self) -> Path:
        return self.root / "run.log"

    def received(self, index: int) -> Path:
        """The folder of the result with this index."""
        return self.root / "results" / str(index)


@contextmanager
def scratch(near: Path) -> Iterator[Path]:
    """A private temporary folder on the disk of ``near``, removed at the end."""
    near.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=near, prefix=".scratch-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def replace_folder(new: Path, place: Path) -> None:
    """Put a finished folder in its place; what was there before is removed.

    Both must be on one disk. A kill in between leaves the old folder, the new one, or none, and
    never a mixture.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    if place.exists():
        with scratch(place.parent) as grave:
            place.rename(grave / "old")
    new.rename(place)
