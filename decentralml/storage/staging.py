"""Writing files and folders that appear complete or not at all."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from decentralml.errors import DestinationExists, StoreUnwritable

_DISK_ERRORS = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EROFS: "the file system is read-only",
    errno.EACCES: "permission denied",
    errno.EPERM: "permission denied",
    errno.EFBIG: "the file system takes no file of this size",
    errno.EIO: "the disk reports an error",
    errno.ENAMETOOLONG: "the path is too long for the file system",
}


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn a full or unwritable disk into :class:`StoreUnwritable`."""
    try:
        yield
    except OSError as error:
        reason = _DISK_ERRORS.get(error.errno or 0)
        if reason is None:
            raise
        raise StoreUnwritable(str(path), reason) from error


@contextmanager
def staged_folder(destination: Path) -> Iterator[Path]:
    """A fresh folder beside the destination, renamed to it at the end, removed on any error.

    Raises
    ------
    DestinationExists, StoreUnwritable
    """
    with _beside(destination) as temporary:
        stage = temporary / "folder"
        stage.mkdir()
        yield stage
        try:
            stage.rename(destination)
        except OSError as error:
            if error.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
                raise DestinationExists(str(destination)) from None
            raise


@contextmanager
def staged_file(destination: Path) -> Iterator[Path]:
    """The path of a file to write beside the destination (see :func:`staged_folder`)."""
    with _beside(destination) as temporary:
        stage = temporary / "file"
        yield stage
        refuse_existing(destination)
        stage.rename(destination)


@contextmanager
def _beside(destination: Path) -> Iterator[Path]:
    refuse_existing(destination)
    with disk_errors(destination):
        destination.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(
            tempfile.mkdtemp(prefix=f".{destination.name[:100]}.", dir=destination.parent)
        )
        try:
            yield temporary
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def refuse_existing(destination: Path) -> None:
    """Raises
    ------
    DestinationExists
    """
    if os.path.lexists(destination):
        raise DestinationExists(str(destination))
