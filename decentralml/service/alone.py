"""One program of a kind for each key: two would spend an account's money past each other."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from decentralml.errors import AlreadyRunning
from decentralml.types import Address


@contextmanager
def alone(
    home: Path, genesis: bytes, kind: str, address: Address, called: str | None = None
) -> Iterator[None]:
    """Be the only one while the context lasts; however this process ends, the next can begin.

    Parameters
    ----------
    home : the folder of settings.
    genesis : of the chain, 32 bytes.
    kind : what it is, in words, as messages say it.
    called : how people call the account.

    Raises
    ------
    AlreadyRunning
    """
    folder = home / "daemons" / genesis.hex()[:8]
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{kind.replace(' ', '-')}-{address}.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            holder = lock.read(16).strip()
            pid = int(holder) if holder.isdecimal() else None
            raise AlreadyRunning(kind, called or address, pid) from None
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield
        lock.truncate(0)
