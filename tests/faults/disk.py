"""The disk between a process and its files: it can fill up, and a process can be killed at it.

For as long as it stands there, each call that changes a file is counted and asked about first:
those of Python's own ``os`` and ``io``. (SQLite writes by itself; its faults have tests in
``test_devchain_kills`` and ``test_storage_local``.) What the Python of a dead process still tries
while it is unwound is refused, so that nothing is tidied up that a SIGKILL would leave behind.
"""

from __future__ import annotations

import errno
import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

GROWING = ("write", "pwrite", "mkdir", "fsync")
"""Calls for which a full disk has no room."""
OTHERS = ("rename", "replace", "unlink", "rmdir", "ftruncate")
ASK_EACH = Callable[[], bool]


class Disk:
    """Stands before ``os`` while a command runs.

    Parameters
    ----------
    asked : called before each change; whether the disk is full. It may raise, too.
    """

    def __init__(self, asked: ASK_EACH) -> None:
        self.asked = asked
        self._outside = 0
        """Above zero while somebody else's files are meant: the node's."""

    @contextmanager
    def outside(self) -> Iterator[None]:
        """Another machine is at work."""
        self._outside += 1
        try:
            yield
        finally:
            self._outside -= 1

    @contextmanager
    def between(self) -> Iterator[None]:
        """While the context lasts, every change of a file is asked about."""
        real = {name: getattr(os, name) for name in (*GROWING, *OTHERS, "open")}
        opened = io.open
        try:
            for name in GROWING:
                setattr(os, name, self._before(real[name], lambda *_, **__: True, full=True))
            for name in OTHERS:
                setattr(os, name, self._before(real[name], lambda *_, **__: True, full=False))
            os.open = self._before(real["open"], _creates, full=True)
            io.open = self._before(opened, _for_writing, full=True)  # type: ignore[assignment]
            yield
        finally:
            for name, function in real.items():
                setattr(os, name, function)
            io.open = opened

    def _before(self, real: Any, changes: Callable[..., bool], full: bool) -> Any:
        def guarded(*arguments: Any, **named: Any) -> Any:
            if not self._outside and changes(*arguments, **named) and self.asked() and full:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return real(*arguments, **named)

        return guarded


def _creates(_path: Any, flags: int = 0, *_: Any, **__: Any) -> bool:
    return bool(flags & os.O_CREAT)


def _for_writing(_file: Any, mode: str = "r", *_: Any, **__: Any) -> bool:
    return any(letter in mode for letter in "wxa+")
