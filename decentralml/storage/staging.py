"""Writing files and folders that appear complete or not at all."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
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

_FOLDER, _FILE = "folder", "file"
_STAGES = {_FOLDER, _FILE}
_SUFFIX = ".part"
"""Of temporary folders, whose name begins with the destination's: ``.NAME.XXXXXXXX.part``."""


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
        stage = temporary / _FOLDER
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
        stage = temporary / _FILE
        yield stage
        refuse_existing(destination)
        stage.rename(destination)


@contextmanager
def _beside(destination: Path) -> Iterator[Path]:
    refuse_existing(destination)
    with disk_errors(destination):
        destination.parent.mkdir(parents=True, exist_ok=True)
        _sweep(destination)
        temporary, held = _make(destination)
        try:
            yield temporary
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
            os.close(held)


def _make(destination: Path) -> tuple[Path, int]:
    """A temporary folder for a destination, and the descriptor that holds its lock."""
    while True:
        made = tempfile.mkdtemp(_SUFFIX, _prefix(destination), destination.parent)
        held = os.open(made, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        with suppress(OSError):  # where there are no locks, nobody sweeps either
            fcntl.flock(held, fcntl.LOCK_EX)
        if os.path.lexists(made):
            return Path(made), held
        os.close(held)  # swept away before it was locked


def _sweep(destination: Path) -> None:
    """Remove what killed processes have left of the same destination.

    A temporary folder is locked as long as its process lives.
    """
    prefix = _prefix(destination)
    for left in destination.parent.iterdir():
        if not (left.name.startswith(prefix) and left.name.endswith(_SUFFIX)):
            continue
        with suppress(OSError):
            held = os.open(left, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if {path.name for path in left.iterdir()} <= _STAGES:
                    shutil.rmtree(left, ignore_errors=True)
            finally:
                os.close(held)


def _prefix(destination: Path) -> str:
    return f".{destination.name[:100]}."


def refuse_existing(destination: Path) -> None:
    """Raises
    ------
    DestinationExists
    """
    if os.path.lexists(destination):
        raise DestinationExists(str(destination))


def lend(source: Path, target: Path) -> None:
    """The same file under another name: not its bytes twice, if that can be had."""
    try:
        target.hardlink_to(source)
    except OSError:
        shutil.copyfile(source, target)
