"""Who got nothing from a file server, how often, and why."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass

MOST = 256
"""Remembered, each of somebody for one reason; strangers could make them as many as they like."""
SOMEBODY = "somebody"
"""Whose address is not known, as there was no room to look."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """What came to nothing.

    Attributes
    ----------
    who : a member's account; of others the address that they came from.
    times : since the server was started.
    last : Unix milliseconds.
    """

    who: str
    reason: str
    times: int
    last: int


class Refusals:
    """For any number of threads; the oldest are forgotten."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._found: OrderedDict[tuple[str, str], Refusal] = OrderedDict()
        self._lock = threading.Lock()

    def add(self, who: str, reason: str) -> None:
        with self._lock:
            before = self._found.pop((who, reason), None)
            times = 1 if before is None else before.times + 1
            self._found[who, reason] = Refusal(who, reason, times, time.time_ns() // 1_000_000)
            if len(self._found) > self._most:
                self._found.popitem(last=False)

    def latest(self) -> list[Refusal]:
        """All that are remembered, the newest first."""
        with self._lock:
            return list(reversed(self._found.values()))

    def times(self, reason: str) -> int:
        """How often it was for that reason."""
        return sum(each.times for each in self.latest() if each.reason == reason)
