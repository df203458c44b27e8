"""Where an account keeps what it works on: one folder per chain, account and task.

::

    home/work/<first 8 hex digits of the genesis>/<address>/<task>/
        bundle/                the task's bundle, verified against its CID
        attempts/<index>/      the account's own work under one submission
            output/            what the task's script wrote
            result/            the signed result as it was sent
            <digest>.age       the same, sealed, until it is sent
            run.log            what the task's script said
            accepted-at        which submission it is of
        results/<index>/       results of others, fetched to validate, review or merge
        decoded/<index>/       the models that they stand for, where they travelled coded
        environments/          what a bundle's set-up script installed, if it was trusted
"""

from __future__ import annotations

import fcntl
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from decentralml.service.files import write_atomically

SCRATCH = ".scratch-"
LOCK = "lock"
SINCE = "accepted-at"


@dataclass(frozen=True, slots=True)
class Attempt:
    """The account's own work under one submission."""

    root: Path

    def is_of(self, accepted_at: int) -> bool:
        """Whether it belongs to the submission that was accepted then.

        A development chain that was started anew has the same genesis and the same numbers.
        """
        file = self.root / SINCE
        return file.is_file() and file.read_text() == str(accepted_at)

    def begin(self, accepted_at: int) -> None:
        """Make it the attempt of this submission; another one's leavings are removed."""
        if not self.is_of(accepted_at):
            shutil.rmtree(self.root, ignore_errors=True)
            write_atomically(self.root / SINCE, str(accepted_at).encode())

    @property
    def output(self) -> Path:
        return self.root / "output"

    @property
    def result(self) -> Path:
        return self.root / "result"

    def sealed(self, digest: bytes) -> Path:
        """The sealed form of the result whose manifest has this digest."""
        return self.root / f"{digest.hex()[:16]}.age"

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
        """The folder of the result with this index, as it travelled."""
        return self.root / "results" / str(index)

    def decoded(self, index: int) -> Path:
        """The folder of the model that it stands for, where it travelled coded."""
        return self.root / "decoded" / str(index)


@contextmanager
def scratch(near: Path) -> Iterator[Path]:
    """A private temporary folder on the disk of ``near``, removed at the end.

    What a killed process could not remove (an unsealed validation set, say) is removed by the next
    one that wants a folder there: a living process holds a lock on its own.
    """
    near.mkdir(parents=True, exist_ok=True)
    _sweep(near)
    folder = Path(tempfile.mkdtemp(dir=near, prefix=SCRATCH))
    with (folder / LOCK).open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            (folder / "space").mkdir()
            yield folder / "space"
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _sweep(near: Path) -> None:
    for folder in near.glob(f"{SCRATCH}*"):
        try:
            with (folder / LOCK).open("rb") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
        except OSError:
            continue  # It is in use, or being made or removed at this moment.


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
