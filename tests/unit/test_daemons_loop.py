"""A daemon's loop: patience with what is away, one for each key, and its end."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from decentralml.config import Config
from decentralml.errors import AlreadyRunning, ConfigError, NodeUnreachable
from decentralml.market.daemons.loop import Daemon, run_daemon
from decentralml.market.session import Session
from decentralml.service.alone import alone
from decentralml.service.log import Quiet
from decentralml.service.stopping import Stop, Stopped
from decentralml.types import Address


class FakeSession:
    """What the loop needs of a session."""

    genesis = bytes(32)
    address = "5Bob"

    def __init__(self, home: Path) -> None:
        self.config = Config(home, chain="ws://node")
        self.closed = False
        self.chain = self

    def info(self) -> None:
        pass

    def called(self, address: str) -> str:
        return "bob"

    def close(self) -> None:
        self.closed = True


class Ear(Quiet):
    def __init__(self) -> None:
        self.names: list[str] = []

    def event(self, name: str, text: str, **facts: Any) -> None:
        self.names.append(name)


class PatientStop(Stop):
    """Sleeps in no time, and asks to stop after so many naps."""

    def __init__(self, naps: int) -> None:
        super().__init__()
        self.naps = naps
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        if len(self.slept) >= self.naps:
            raise Stopped


def daemon(
    home: Path, visit: Callable[[Session], bool], stop: Stop, log: Ear, **more: Any
) -> Daemon:
    return Daemon("worker", lambda: cast(Session, FakeSession(home)), visit, log, stop, **more)


AWAY = NodeUnreachable("ws://node", "gone")


def test_a_node_that_is_away_is_asked_again_later_each_time(tmp_path: Path) -> None:
    calls = iter([AWAY] * 8 + [None, AWAY])
    seen: list[Session] = []

    def visit(session: Session) -> bool:
        seen.append(session)
        if (error := next(calls)) is not None:
            raise error
        return False

    log, stop = Ear(), PatientStop(10)
    run_daemon(daemon(tmp_path, visit, stop, log, every=3.0))
    assert stop.slept == [1, 2, 4, 8, 16, 32, 60, 60, 3.0, 1]
    assert log.names == ["started", *["away", "back"] * 8, "away", "stopped"]
    assert len({id(session) for session in seen}) > 1, "with another connection"


def test_a_node_that_is_away_at_the_start_is_waited_for(tmp_path: Path) -> None:
    tries = iter([AWAY, AWAY, None])

    def connect() -> Session:
        if (error := next(tries)) is not None:
            raise error
        return cast(Session, FakeSession(tmp_path))

    log, stop = Ear(), PatientStop(3)
    run_daemon(Daemon("worker", connect, lambda session: False, log, stop, every=5.0))
    assert stop.slept == [1, 2, 5.0]
    assert log.names == ["away", "away", "started", "stopped"]


def test_a_full_disk_is_waited_for(tmp_path: Path) -> None:
    def visit(session: Session) -> bool:
        raise OSError(errno.ENOSPC, "full")

    stop = PatientStop(2)
    run_daemon(daemon(tmp_path, visit, stop, Ear()))
    assert stop.slept == [1, 2]


@pytest.mark.parametrize("once", [True, False])
def test_what_no_waiting_mends_ends_it(tmp_path: Path, once: bool) -> None:
    def visit(session: Session) -> bool:
        raise AWAY if once else ConfigError("no such key")

    with pytest.raises((NodeUnreachable, ConfigError)):
        run_daemon(daemon(tmp_path, visit, PatientStop(1), Ear(), once=once))


def test_once_goes_on_until_nothing_is_left_to_do(tmp_path: Path) -> None:
    busy = iter([True, True, False])
    log, stop = Ear(), PatientStop(1)
    run_daemon(daemon(tmp_path, lambda session: next(busy), stop, log, once=True))
    assert stop.slept == [] and list(busy) == []
    assert log.names == ["started", "stopped"]


def test_there_is_one_of_a_kind_for_each_key(tmp_path: Path) -> None:
    key = Address("5F")
    with alone(tmp_path, bytes(32), "worker", key):
        with alone(tmp_path, bytes(32), "aggregator", key):
            pass
        with (
            pytest.raises(AlreadyRunning) as caught,
            alone(tmp_path, bytes(32), "worker", key, "bob"),
        ):
            pass
        assert caught.value.pid is not None and "of bob" in str(caught.value)
    with alone(tmp_path, bytes(32), "worker", key):
        pass


def test_a_stop_finishes_a_step_and_breaks_off_what_may_be() -> None:
    stop = Stop()
    stop.ask()
    assert stop.asked, "in the middle of a step it is only remembered"
    with pytest.raises(Stopped):
        stop.between()
    with pytest.raises(Stopped), stop.breakable():
        pass
    with pytest.raises(Stopped):
        stop.ask()  # The second time it is meant.
    fresh = Stop()
    with pytest.raises(Stopped), fresh.breakable():
        fresh.ask()
