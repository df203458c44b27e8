"""The files that a node has, each under its CID."""

from __future__ import annotations

import errno
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from decentralml.errors import CidInvalid, PathNotFound
from decentralml.storage import cid as cids
from decentralml.storage.staging import disk_errors, lend
from decentralml.storage.streamed import file_cid
from decentralml.types import Cid

_PARTS = "parts"
_READ_ONLY = 0o444


class Shelf:
    """A folder of files named by CID; what is still being written lies in a folder within.

    One process writes to it at a time; any number of its threads may.

    Raises
    ------
    StoreUnwritable
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._parts = folder / _PARTS
        self.damaged: list[Cid] = []
        """What was removed, as it was not what its name says."""
        self._sound: dict[Cid, tuple[int, int, int]] = {}
        """What was read once and is what its name says, by what a change would change."""
        with disk_errors(folder):
            self._parts.mkdir(parents=True, exist_ok=True)
            for left in self._parts.iterdir():  # of a process that was killed
                left.unlink(missing_ok=True)

    def put(self, source: Path) -> Cid:
        """Take a file, by a link if the file system allows it: it becomes read-only and must not
        be written to afterwards (replacing it is fine).

        Raises
        ------
        PathNotFound, SourceChanged, StoreUnwritable
        """
        if not source.is_file():
            raise PathNotFound(str(source))
        with self.part() as part:
            with disk_errors(self.folder):
                lend(source.resolve(), part)
                part.chmod(_READ_ONLY)
                cid = file_cid(part)
            return self.take(part, cid)

    def take(self, part: Path, cid: Cid) -> Cid:
        """Let a part that was just verified appear under its CID.

        Raises
        ------
        StoreUnwritable
        """
        with disk_errors(self.folder):
            part.replace(self.folder / cid)
        return cid

    def _drop(self, damaged: Cid) -> None:
        (self.folder / damaged).unlink(missing_ok=True)
        self.damaged.append(damaged)

    def path(self, cid: Cid) -> Path | None:
        """The file of that CID, if it is here.

        Raises
        ------
        CidInvalid
        """
        path = self.folder / cids.normalise(cid)
        return path if path.is_file() else None

    def sound(self, cid: Cid) -> Path | None:
        """The same, of which every byte was read since this shelf was opened: a file that its disk
        has damaged meanwhile is removed, and none.

        Raises
        ------
        CidInvalid, StoreUnwritable
        """
        path = self.path(cid)
        if path is None:
            return None
        name = Cid(path.name)
        with disk_errors(self.folder):
            try:
                state = _state(path)
                if self._sound.get(name) != state and not _is_sound(path):
                    self._drop(name)
                    return None
            except FileNotFoundError:  # nobody needs it any more
                return None
        self._sound[name] = state
        return path

    def held(self) -> list[Cid]:
        """The CIDs of all that is here."""
        with disk_errors(self.folder):
            return [Cid(path.name) for path in self.folder.iterdir() if _is_cid(path.name)]

    def keep(self, wanted: Iterable[Cid]) -> list[Cid]:
        """Remove everything else; what is being sent still arrives. Says what was removed."""
        kept = set(wanted)
        removed = [cid for cid in self.held() if cid not in kept]
        for cid in removed:
            self._sound.pop(cid, None)
            with disk_errors(self.folder):
                (self.folder / cid).unlink(missing_ok=True)
        return removed

    def mend(self) -> list[Cid]:
        """Read everything, and remove what is not what its name says: a power failure may have
        left that. Says what was removed."""
        with disk_errors(self.folder):
            damaged = [cid for cid in self.held() if not _is_sound(self.folder / cid)]
            for cid in damaged:
                self._drop(cid)
        return damaged

    @contextmanager
    def part(self) -> Iterator[Path]:
        """A fresh name to write a file under, whose file is removed at the end if it was not
        taken."""
        path = self._parts / uuid.uuid4().hex
        try:
            yield path
        finally:
            with suppress(OSError):
                path.unlink(missing_ok=True)


def _is_sound(path: Path) -> bool:
    """Whether a file is what its name says; not if its disk cannot read it."""
    try:
        return file_cid(path) == path.name
    except OSError as error:
        if error.errno == errno.EIO:
            return False
        raise


def _state(path: Path) -> tuple[int, int, int]:
    found = path.stat()
    return found.st_ino, found.st_size, found.st_mtime_ns


def _is_cid(name: str) -> bool:
    try:
        cids.parse(name)
    except CidInvalid:
        return False
    return True
