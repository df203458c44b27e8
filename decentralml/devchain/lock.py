"""One writer at a time, over all processes that use a chain file."""

from __future__ import annotations

import errno
import fcntl
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from decentralml.errors import ChainBusy

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
        file = self._open()
        self._wait(file, deadline)
        try:
            if not self._signed or os.pread(file, _MOST_READ, 0) != _signature():
                os.pwrite(file, _signature(), 0)
                os.ftruncate(file, len(_signature()))
                self._signed = True
            yield
        finally:
            fcntl.flock(file, fcntl.LOCK_UN)

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _open(self) -> int:
        if self._file is None:
            self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        return self._file

    def _wait(self, file: int, deadline: float) -> None:
        end, pause = time.monotonic() + deadline, _FIRST_PAUSE
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


def _signature() -> bytes:
    name = Path(sys.argv[0]).name if sys.argv and sys.argv[0] else "python"
    return f"process {os.getpid()} ({name})".encode()[:_MOST_READ]
