"""One writer at a time, over all processes that use a chain file."""

from __future__ import annotations

import errno
import fcntl
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from decentralml.errors import ChainBusy, ChainError

_FIRST_PAUSE, _LONGEST_PAUSE = 0.0005, 0.02
_MOST_READ = 200


class FileLock:
    """An advisory lock on a file beside the chain's, which says who holds it.

    The system drops the lock when its holder dies, however it dies. Not reentrant.
    """

    def __init__(self, chain: Path) -> None:
        self._chain = chain
        self.path = chain.with_name(chain.name + ".lock")
        self._file: int | None = None
        self._signed = False

    @contextmanager
    def held(self, deadline: float) -> Iterator[None]:
        """Hold it for the block; :class:`ChainBusy` after `deadline` seconds of waiting."""
        file = self._acquire(time.monotonic() + deadline, deadline)
        try:
            self._sign(file)
            yield
        finally:
            fcntl.flock(file, fcntl.LOCK_UN)

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None
            self._signed = False

    def _sign(self, file: int) -> None:
        if not self._signed or os.pread(file, _MOST_READ, 0) != _signature():
            with suppress(OSError):  # a full disk keeps nobody from locking
                os.pwrite(file, _signature(), 0)
                os.ftruncate(file, len(_signature()))
            self._signed = True

    def _acquire(self, end: float, deadline: float) -> int:
        while True:
            if self._file is None:
                self._file = _open(self.path)
            self._wait(self._file, end, deadline)
            # Whoever removed the chain removed the lock's file with it: a lock on a file without
            # a name keeps nobody out.
            if _same(self._file, self.path):
                return self._file
            self.close()

    def _wait(self, file: int, end: float, deadline: float) -> None:
        pause = _FIRST_PAUSE
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except OSError as error:
                if error.errno not in (errno.EAGAIN, errno.EACCES):
                    raise
            if time.monotonic() >= end:
                holder = os.pread(file, _MOST_READ, 0).decode("utf-8", "replace").strip()
                raise ChainBusy(self._chain, holder or "another process", deadline)
            time.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise ChainError(
            f"{path} cannot be opened ({error.strerror}); check the folder's permissions"
        ) from error


def _same(file: int, path: Path) -> bool:
    try:
        named = path.stat()
    except OSError:
        return False
    held = os.fstat(file)
    return (held.st_dev, held.st_ino) == (named.st_dev, named.st_ino)


def _signature() -> bytes:
    name = Path(sys.argv[0]).name if sys.argv and sys.argv[0] else "python"
    return f"process {os.getpid()} ({name})".encode()[:_MOST_READ]
