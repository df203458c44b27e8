"""Pack files: where the local block store keeps the bytes of its blocks.

A writer has a pack of its own, which it holds locked, so that writers never wait for each other.
Blocks are laid down in runs that begin at multiples of 4096 bytes, past the page cache where the
file system allows it (a gigabyte of blocks that nobody will read soon would only push out of
memory what somebody does read). What is where is the index's business: see ``local.py``.
"""

from __future__ import annotations

import errno
import fcntl
import mmap
import os
import threading
from pathlib import Path

from decentralml.storage.cid import MAX_BLOCK
from decentralml.storage.staging import disk_errors

ALIGNMENT = 4096
RUN = MAX_BLOCK
"""Bytes written at once: direct writes below a megabyte cost more than they carry."""
_GROWTH = 256 << 20
_GROW_ABOVE = 32 << 20

_local = threading.local()


def aligned_buffer() -> memoryview:
    """This thread's own buffer of :data:`RUN` bytes, fit for direct writes.

    One buffer is used over and over: fresh ones would cost their page faults each time.
    """
    view: memoryview | None = getattr(_local, "view", None)
    if view is None:
        view = _local.view = memoryview(mmap.mmap(-1, RUN))
    return view


class PackFile:
    """A new pack, open for writing from several threads.

    Parameters
    ----------
    path : the file, which must not exist.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._end = 0
        self._allocated = 0
        with disk_errors(path):
            self._descriptor = _open(path)
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)

    def write(self, run: memoryview) -> int:
        """Write a run and return where it begins.

        Parameters
        ----------
        run : at most :data:`RUN` bytes at the start of an :func:`aligned_buffer`, whose bytes
            behind the run up to the next multiple of 4096 are overwritten with zeros.
        """
        padded = run
        if gap := -len(run) % ALIGNMENT:
            whole = memoryview(run.obj)
            whole[len(run) : len(run) + gap] = bytes(gap)
            padded = whole[: len(run) + gap]
        with disk_errors(self._path):
            with self._lock:
                offset = self._end
                self._end += len(padded)
                self._grow()
            self._write_at(padded, offset)
        return offset

    def sync(self) -> None:
        """Return when all runs written so far would survive a power cut."""
        with disk_errors(self._path):
            os.fsync(self._descriptor)

    def close(self, *, keep: bool) -> None:
        """Give back the lock and what was allocated ahead; remove a pack not worth keeping."""
        try:
            if not keep:
                self._path.unlink(missing_ok=True)
            elif self._allocated > self._end:
                os.ftruncate(self._descriptor, self._end)
        finally:
            os.close(self._descriptor)

    def _grow(self) -> None:
        """Allocate ahead in large steps once the pack turns out to be a large one."""
        if self._end > _GROW_ABOVE and self._end > self._allocated:
            os.posix_fallocate(self._descriptor, self._end, _GROWTH)
            self._allocated = self._end + _GROWTH

    def _write_at(self, data: memoryview, offset: int) -> None:
        while data:
            try:
                written = os.pwrite(self._descriptor, data, offset)
            except OSError as error:
                if error.errno != errno.EINVAL or not _clear_direct(self._descriptor):
                    raise
                continue
            if written % ALIGNMENT:  # the rest of a write cut short is no longer aligned
                _clear_direct(self._descriptor)
            data = data[written:]
            offset += written


def is_abandoned(path: Path) -> bool:
    """Whether no writer holds this pack."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return True


def _open(path: Path) -> int:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    try:
        return os.open(path, flags | getattr(os, "O_DIRECT", 0), 0o644)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
    path.unlink(missing_ok=True)  # created before it was refused
    return os.open(path, flags, 0o644)


def _clear_direct(descriptor: int) -> bool:
    """Go on through the page cache; False if that was the case already."""
    flags = fcntl.fcntl(descriptor, fcntl.F_GETFL)
    direct = getattr(os, "O_DIRECT", 0)
    fcntl.fcntl(descriptor, fcntl.F_SETFL, flags & ~direct)
    return bool(flags & direct)
