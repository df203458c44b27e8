"""One daemon of a kind for each key: two would take slots, and pay bonds, past each other."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from decentralml.errors import AlreadyRunning
from decentralml.market.session import Session


@contextmanager
def alone(session: Session, kind: str) -> Iterator[None]:
    """Be the only one while the context lasts; however this process ends, the next can begin.

    Raises
    ------
    AlreadyRunning
    """
    folder = session.config.home / "daemons" / session.genesis.hex()[:8]
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{kind}-{session.address}.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            holder = lock.read(16).strip()
            pid = int(holder) if holder.isdecimal() else None
            raise AlreadyRunning(kind, session.called(session.address), pid) from None
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield
        lock.truncate(0)
