"""Staying with results until they have ended: visit, wait for a change or a deadline, and again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

from decentralml.market.progress import Awaited, awaited
from decentralml.market.session import Session
from decentralml.types import TaskId

V = TypeVar("V")

LOOK_EVERY = 3.0
"""Seconds between two looks at the chain."""
VISIT_EVERY = 60.0
"""Seconds after which a visit is made though nothing has changed: what could not be done may be
possible now, and a result that is new may have come. Each visit in vain doubles them, since what
the chain refuses costs a fee."""
VISIT_AT_LEAST_EVERY = 960.0

Waits = Mapping[int, Awaited]
"""What results wait for, by index; those that have ended are not in it."""


def stay(
    session: Session,
    task: TaskId,
    visit: Callable[[], V],
    waits_of: Callable[[V], Waits],
    idle: Callable[[Waits, int], None],
) -> Iterator[V]:
    """Visit, and again whenever a result has moved on or its time is over, until all have ended.

    Parameters
    ----------
    visit : does what is due now, and says where that has led.
    waits_of : what is still waited for after a visit.
    idle : told at each look what is waited for, and the chain's time; of nothing before a visit.
    """
    before: Waits = {}
    patience = VISIT_EVERY
    while True:
        visited = visit()
        yield visited
        waits = waits_of(visited)
        if not waits:
            return
        patience = min(2 * patience, VISIT_AT_LEAST_EVERY) if waits == before else VISIT_EVERY
        before = waits
        _wait_for_change(session, task, waits, patience, idle)


def _wait_for_change(
    session: Session,
    task: TaskId,
    waits: Waits,
    patience: float,
    idle: Callable[[Waits, int], None],
) -> None:
    found = session.chain.task(task)
    now = session.chain.now()
    # A deadline that was over at the visit has been tried already: the next visit is in its turn.
    ends = [each.until for each in waits.values() if each.until is not None and each.until >= now]
    until = min(ends, default=None)
    last = time.monotonic() + patience
    try:
        while time.monotonic() < last and (until is None or now <= until):
            idle(waits, now)
            if any(
                awaited(found, session.chain.submission(task, index)) != before
                for index, before in waits.items()
            ):
                return
            time.sleep(LOOK_EVERY)
            now = session.chain.now()
    finally:
        idle({}, now)
