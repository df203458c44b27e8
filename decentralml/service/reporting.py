"""How a use case tells its caller what it is doing, without knowing terminals."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from threading import Timer
from typing import Protocol

PATIENCE = 1.0
"""Seconds a step may take before it is told what is waited for."""
Progress = Callable[[int, int | None], None]
"""Called with what is done and the whole (None while unknown)."""


class Reporter(Protocol):
    """Where steps, warnings and progress of a use case go."""

    def step(self, text: str) -> None:
        """A thing that was begun or done, in one line."""

    def warn(self, text: str) -> None:
        """Something the user should know, though the work goes on."""

    def line(self, text: str) -> None:
        """A line that a task's own script printed: a stranger's words."""

    def bar(self, label: str) -> AbstractContextManager[Progress]:
        """Progress of one long step."""


class Silent:
    """Says nothing; what a program wants by default."""

    def step(self, text: str) -> None:
        pass

    def warn(self, text: str) -> None:
        pass

    def line(self, text: str) -> None:
        pass

    @contextmanager
    def bar(self, label: str) -> Iterator[Progress]:
        yield lambda done, total: None


@contextmanager
def patience(report: Reporter, text: str) -> Iterator[None]:
    """Say what is waited for, once, if it takes longer than :data:`PATIENCE`."""
    timer = Timer(PATIENCE, report.step, (text,))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
