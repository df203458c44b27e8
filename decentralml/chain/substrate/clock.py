"""The time that a client goes by, in one place, so that tests can wait for hours in no time."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """A wall clock, which may jump, a steady one, which does not, and waiting."""

    def wall(self) -> int:
        """Unix milliseconds."""
        ...

    def steady(self) -> float:
        """Seconds since some moment."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait for at least so long."""
        ...


class SystemClock:
    """The machine's."""

    def wall(self) -> int:
        return time.time_ns() // 1_000_000

    def steady(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


SYSTEM = SystemClock()
