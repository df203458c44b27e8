"""What is waited for is told once it has taken longer than a moment, and only then."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from decentralml.service import reporting
from decentralml.service.reporting import Silent, patience


class Heard(Silent):
    """Keeps what it was told, and lets a test wait for it."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.spoken = threading.Event()

    def step(self, text: str) -> None:
        self.told.append(text)
        self.spoken.set()


@pytest.fixture
def heard() -> Iterator[Heard]:
    yield Heard()


def test_what_takes_longer_is_told_while_it_is_waited_for(
    heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reporting, "PATIENCE", 0.0)
    with patience(heard, "waiting for ws://node"):
        assert heard.spoken.wait(30)
    assert heard.told == ["waiting for ws://node"]


def test_what_is_done_or_fails_at_once_is_not_told(
    heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reporting, "PATIENCE", 3600.0)
    before = threading.active_count()
    with pytest.raises(ZeroDivisionError), patience(heard, "waiting"):
        raise ZeroDivisionError
    for thread in threading.enumerate():
        if isinstance(thread, threading.Timer):
            thread.join(30)
    assert threading.active_count() <= before
    assert heard.told == []
