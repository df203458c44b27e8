"""When to try again what could not be done: each time later, for what is refused costs a fee."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

from decentralml.market.staying import VISIT_AT_LEAST_EVERY, VISIT_EVERY

FORGOTTEN = 4 * VISIT_AT_LEAST_EVERY
"""Seconds after its time for which nobody has tried again what is over, then."""


@dataclass
class Later:
    """What was put off.

    Attributes
    ----------
    clock : seconds.
    pauses : when each thing may be tried again, and how long it was put off for the last time.
    """

    clock: Callable[[], float] = time.monotonic
    pauses: dict[Hashable, tuple[float, float]] = field(default_factory=dict)

    def may(self, what: Hashable) -> bool:
        """Whether its time has come; it has for what was never put off."""
        after, _ = self.pauses.get(what, (0.0, 0.0))
        return self.clock() >= after

    def put_off(self, what: Hashable) -> float:
        """Leave it, for longer than the last time; for how many seconds."""
        now = self.clock()
        gone = [key for key, (after, _) in self.pauses.items() if now > after + FORGOTTEN]
        for key in gone:
            del self.pauses[key]
        _, pause = self.pauses.get(what, (0.0, VISIT_EVERY / 2))
        pause = min(2 * pause, VISIT_AT_LEAST_EVERY)
        self.pauses[what] = (now + pause, pause)
        return pause

    def done(self, what: Hashable) -> None:
        """It worked: what goes wrong with it next is new."""
        self.pauses.pop(what, None)
