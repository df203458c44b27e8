"""Where an account keeps what it works on: one folder per chain, account and task.

::

    home/work/<first 8 hex digits of the genesis>/<address>/<task>/
        bundle/                the task's bundle, verified against its CID
        attempts/<index>/      the account's own work under one submission
            output/            what the task's script wrote
            result/            the signed result as it was sent
            run.log            what the task's script said
        results/<index>/       results of others, fetched to validate, review or merge
        environments/          what a bundle's set-up script installed, if it was trusted
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Attempt:
    """The account's own work under one submission."""

    root: Path

    @property
    def output(self) -> Path:
        return self.root / "output"

    @property
    def result(self) -> Path:
        return self.root / "result"

    @property
    def log(self) -> Path:
        return self.root / "run.log"


@dataclass(frozen=True, slots=True)
class WorkFolder:
    root: Path

    @property
    def bundle(self) -> Path:
        return self.root / "bundle"

    @property
    def environment(self) -> Path:
        return self.root / "environments" / "setup"

    def attempt(self, index: int) -> Attempt:
        return Attempt(self.root / "attempts" / str(index))

    def newest_attempt(self) -> Attempt | None:
        """The last submission that anything was kept for."""
        folder = self.root / "attempts"
        kept = [int(p.name) for p in folder.glob("*") if p.name.isdecimal()]
        return self.attempt(max(kept)) if kept else None

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
    with scratch(place.parent) as grave:
        if place.exists():
            place.rename(grave / "old")
        new.rename(place)
