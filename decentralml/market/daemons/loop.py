"""Visit, wait, visit again: through restarts of the node, full disks and chains begun anew."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from decentralml.config import EMBEDDED
from decentralml.errors import (
    CallRefused,
    ChainError,
    ChainFileGone,
    StorageError,
    TransactionInvalid,
)
from decentralml.market import staying
from decentralml.market.session import Session
from decentralml.service.alone import alone
from decentralml.service.log import Log
from decentralml.service.patience import FIRST_PAUSE, HOPELESS, LONGEST_PAUSE, told
from decentralml.service.stopping import Stop, Stopped

Visit = Callable[[Session], bool]
"""Does all that is due; whether it did anything. Each time the session may be another one."""


@dataclass(frozen=True, slots=True)
class Daemon:
    """A visit to repeat.

    Attributes
    ----------
    kind : "worker" or "aggregator".
    connect : opens a session; called again after something was away.
    once : end after the first visit that found nothing to do.
    every : seconds between two visits that find nothing; None: the usual.
    """

    kind: str
    connect: Callable[[], Session]
    visit: Visit
    log: Log
    stop: Stop
    once: bool = False
    every: float | None = None


def run_daemon(daemon: Daemon) -> None:
    """Repeat the visit until somebody stops it.

    Raises
    ------
    AlreadyRunning, and what no waiting mends
    """
    with suppress(Stopped):
        first, since = _patiently(daemon)
        try:
            called = first.called(first.address)
            with alone(first.config.home, first.genesis, daemon.kind, first.address, called):
                daemon.log.event("started", f"{daemon.kind} of {called}", key=first.address)
                _repeat(daemon, first, since)
        finally:
            first.close()
    daemon.log.event("stopped", "stopped")


def _repeat(daemon: Daemon, first: Session, since: int | None) -> None:
    session: Session | None = first
    pause = FIRST_PAUSE
    while not daemon.stop.asked:
        try:
            if session is None:
                session, since = _opened(daemon)
                daemon.log.event("back", "the chain answers again")
            if _file(session) != since:
                raise _Anew
            busy = daemon.visit(session)
            pause = FIRST_PAUSE
            if busy:
                continue
            if daemon.once:
                return
            daemon.stop.sleep(staying.LOOK_EVERY if daemon.every is None else daemon.every)
        except (_Anew, ChainFileGone):
            daemon.log.event("reset", "the chain was started anew; beginning with what it has")
            session = _let_go(session)
        except (ChainError, StorageError, OSError) as error:
            if isinstance(error, HOPELESS) or daemon.once:
                raise
            _say(daemon, error, pause)
            session = _let_go(session)
            daemon.stop.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)


def _patiently(daemon: Daemon) -> tuple[Session, int | None]:
    """The first session; with a node that is away it is waited for."""
    pause = FIRST_PAUSE
    while True:
        try:
            return _opened(daemon)
        except (ChainError, OSError) as error:
            if isinstance(error, HOPELESS) or daemon.once:
                raise
            _say(daemon, error, pause)
        daemon.stop.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)


def _opened(daemon: Daemon) -> tuple[Session, int | None]:
    """A session whose chain has answered, and which file that is.

    The file is looked at before it is opened: one that is replaced meanwhile is noticed then.
    """
    session = daemon.connect()
    try:
        since = _file(session)
        session.chain.info()
        return session, since or _file(session)
    except BaseException:
        session.close()
        raise


def _let_go(session: Session | None) -> Session | None:
    """Close what may be broken already; another is opened for the next visit."""
    if session is not None:
        with suppress(ChainError, OSError):
            session.close()
    return None


def _say(daemon: Daemon, error: Exception, pause: float) -> None:
    name = "refused" if isinstance(error, CallRefused | TransactionInvalid) else "away"
    daemon.log.event(
        name, f"{told(error)}; trying again in {pause:g} s", error=type(error).__name__, pause=pause
    )


class _Anew(Exception):
    """The chain's file is another one than it was."""


def _file(session: Session) -> int | None:
    """Which file the embedded chain is; None for a node."""
    if session.config.chain != EMBEDDED:
        return None
    try:
        return session.config.chain_file.stat().st_ino
    except FileNotFoundError:
        return 0
