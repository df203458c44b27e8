"""The local block store: one file a block, named by its digest, in 256 folders.

Any number of processes may read and write at once: a block is written to a file of its own and
renamed into place. Killed writers leave at most a temporary file, which a later start removes.
Every block is hashed again when it is read; a damaged one is removed and reported, so that adding
or fetching it once more mends the store.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import time
from pathlib import Path

from decentralml.errors import BlockDamaged, ObjectNotFound
from decentralml.storage import cid as cids
from decentralml.storage.staging import disk_errors

STALE_SECONDS = 24 * 3600
_counter = itertools.count()


class BlockStore:
    """Blocks by CID in a folder, which is made when it is not there.

    Parameters
    ----------
    root : the folder.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._base = os.fspath(root) + os.sep
        self._temporary = self._base + "tmp" + os.sep
        with disk_errors(root):
            (root / "tmp").mkdir(parents=True, exist_ok=True)
        self._sweep()

    def has(self, cid: bytes) -> bool:
        """Whether a block of that CID is here; :meth:`get` finds out whether it is sound."""
        return os.path.exists(self._file(cid[4:]))

    def get(self, cid: bytes) -> bytes:
        """The block, verified.

        Raises
        ------
        ObjectNotFound, BlockDamaged
        """
        file = self._file(cid[4:])
        try:
            block = Path(file).read_bytes()
        except FileNotFoundError:
            raise ObjectNotFound(cids.text(cid), f"the local store {self.root}") from None
        if hashlib.sha256(block).digest() != cid[4:]:
            Path(file).unlink(missing_ok=True)
            raise BlockDamaged(cids.text(cid), file)
        return block

    def put(self, cid: bytes, block: bytes) -> None:
        """Store a block that its giver has not verified.

        Raises
        ------
        ValueError : it does not hash to the CID.
        StoreUnwritable
        """
        if not cids.matches(cid, block):
            raise ValueError(f"the block is not {cids.text(cid)}")
        self.write(cid[4:], block)

    def write(self, digest: bytes, block: bytes | memoryview) -> None:
        """Store a block that was just hashed to this digest; the hot path of adding.

        A block that is here already is compared, and replaced where it is damaged.

        Raises
        ------
        StoreUnwritable
        """
        file = self._file(digest)
        if _holds(file, block):
            return
        temporary = f"{self._temporary}{os.getpid()}-{next(_counter)}"
        with disk_errors(self.root):
            try:
                _write(temporary, block)
                try:
                    os.rename(temporary, file)  # noqa: PTH104 - Path costs more than the rename
                except FileNotFoundError:
                    Path(file).parent.mkdir(exist_ok=True)
                    Path(temporary).rename(file)
            except BaseException:
                Path(temporary).unlink(missing_ok=True)
                raise

    def remove(self, cid: bytes) -> None:
        """Forget a block, if it is here."""
        Path(self._file(cid[4:])).unlink(missing_ok=True)

    def _file(self, digest: bytes) -> str:
        name = digest.hex()
        return f"{self._base}{name[:2]}{os.sep}{name}"

    def _sweep(self) -> None:
        """Remove what writers killed long ago left behind."""
        before = time.time() - STALE_SECONDS
        with os.scandir(self._temporary) as entries:
            for entry in entries:
                try:
                    if entry.stat(follow_symlinks=False).st_mtime < before:
                        Path(entry.path).unlink()
                except FileNotFoundError:
                    continue


def _holds(file: str, block: bytes | memoryview) -> bool:
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        if os.fstat(descriptor).st_size != len(block):
            return False
        return os.read(descriptor, len(block)) == block
    finally:
        os.close(descriptor)


def _write(file: str, block: bytes | memoryview) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    descriptor = os.open(file, flags, 0o644)
    try:
        view = memoryview(block)
        while view:
            view = view[os.write(descriptor, view) :]
    finally:
        os.close(descriptor)
