"""Stopping cleanly: a step is finished, waiting and training are not waited for."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGTERM, signal.SIGINT)
TICK = 0.5
"""Seconds between two looks, in a thread in which no signal wakes anybody."""


class Stopped(BaseException):
    """Somebody wants the daemon to end, and it was in the middle of nothing that must be finished.

    No Exception, so that nothing takes it for an error that it could recover from.
    """


class Stop:
    """Whether to stop, and whether that may happen here and now.

    Attributes
    ----------
    asked : somebody wants it to end.
    """

    def __init__(self) -> None:
        self.asked = False
        self._breakable = 0

    def ask(self) -> None:
        """Stop after this step, or at once where the step may be broken off. A second time: at
        once, wherever it is; every step can be killed."""
        again, self.asked = self.asked, True
        if again or self._breakable:
            raise Stopped

    def between(self) -> None:
        """Between two steps: stop here, if somebody wants that."""
        if self.asked:
            raise Stopped

    @contextmanager
    def breakable(self) -> Iterator[None]:
        """What is done in here may be broken off: it is begun anew after a restart."""
        self.between()
        self._breakable += 1
        try:
            yield
        finally:
            self._breakable -= 1

    def sleep(self, seconds: float) -> None:
        """Wait, or be stopped."""
        until = time.monotonic() + seconds
        with self.breakable():
            while (left := until - time.monotonic()) > 0:
                time.sleep(min(left, TICK))
                self.between()

    @contextmanager
    def signals(self) -> Iterator[None]:
        """SIGTERM and SIGINT ask to stop, meanwhile (in the main thread)."""

        def handle(number: int, frame: FrameType | None) -> None:
            self.ask()

        before = {number: signal.signal(number, handle) for number in SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
