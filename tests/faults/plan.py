"""What goes wrong, and when: drawn from a seed, or named in a table."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from hashlib import blake2b
from typing import Protocol


class Fault(Enum):
    """Something that goes wrong."""

    KILLED = "killed"
    """The client's process, here and now."""
    KILLED_AFTER = "killed after sending"
    KILLED_ONCE_IN = "killed when it is in a block"
    DISK_FULL = "disk full"
    """Until the command ends."""
    CHAIN_FULL = "disk full under the chain's file"
    CUT = "answer lost"
    """The other side has the message; the connection breaks before its answer."""
    LOST = "message lost"
    LATE = "message late"
    """The connection breaks; the message comes three blocks later all the same."""
    DOUBLED = "message doubled"
    FORGOTTEN = "transaction forgotten"
    """The node takes it into its pool, and throws it out again."""
    SILENCE = "no answer"
    NONSENSE = "node errs"
    NONSENSE_AFTER = "node errs after it took the message"
    AWAY = "node away for a minute"
    RESTARTED = "node restarted without its pool"
    ELSEWHERE = "another chain at the address"
    FORKED = "fork; its transactions come again"
    FORKED_FORGETTING = "fork; its transactions are lost"
    FORKED_ONCE_IN = "fork as soon as it is in a block"
    LEAP_HALF_HOUR = "clock leaps half an hour"
    LEAP_HOURS = "clock leaps past a deadline"
    LEAP_TASK = "clock leaps past the task's expiry"
    WALL_BACK = "the machine's clock is set back a day"
    WALL_AHEAD = "the machine's clock is set ahead two hours"


LEAPS = {Fault.LEAP_HALF_HOUR: 0.5, Fault.LEAP_HOURS: 3.0, Fault.LEAP_TASK: 12.0}
"""In hours."""
COMMON = (
    Fault.KILLED,
    Fault.FORKED,
    Fault.FORKED_FORGETTING,
    Fault.LEAP_HALF_HOUR,
    Fault.LEAP_HOURS,
    Fault.WALL_BACK,
    Fault.WALL_AHEAD,
)
NODES = (Fault.AWAY, Fault.RESTARTED, Fault.ELSEWHERE)
BY_SEAM: dict[str, tuple[Fault, ...]] = {
    "command": (*COMMON, Fault.LEAP_TASK, *NODES),
    "file": (Fault.KILLED, Fault.DISK_FULL),
    "request": (
        Fault.KILLED,
        Fault.CUT,
        Fault.SILENCE,
        Fault.NONSENSE,
        Fault.FORKED,
        Fault.FORKED_FORGETTING,
        Fault.LEAP_HALF_HOUR,
        *NODES,
    ),
    "submit": (
        *COMMON,
        *NODES,
        Fault.KILLED_AFTER,
        Fault.KILLED_ONCE_IN,
        Fault.CUT,
        Fault.LOST,
        Fault.LATE,
        Fault.DOUBLED,
        Fault.FORGOTTEN,
        Fault.SILENCE,
        Fault.NONSENSE,
        Fault.NONSENSE_AFTER,
        Fault.FORKED_ONCE_IN,
    ),
    "wait": (Fault.KILLED, Fault.AWAY, Fault.RESTARTED, Fault.FORKED, Fault.LEAP_HOURS),
    "embedded": (
        Fault.KILLED,
        Fault.KILLED_AFTER,
        Fault.CHAIN_FULL,
        Fault.LEAP_HALF_HOUR,
        Fault.LEAP_HOURS,
    ),
}
"""What can go wrong at each seam; ``embedded`` is a transaction to the client's own chain."""
ODDS = {
    "command": 0.06,
    "file": 0.0008,
    "request": 0.001,
    "submit": 0.1,
    "wait": 0.04,
    "embedded": 0.1,
}
MOST = 5
"""Faults in one run."""


@dataclass(frozen=True, slots=True)
class Moment:
    """Where a run is.

    Attributes
    ----------
    command : how many commands there were before.
    actor : who runs this one.
    call : that is being sent, or the last one that was.
    seam : what is about to happen: a key of :data:`BY_SEAM`.
    number : how often that happened in this command.
    """

    command: int
    actor: str
    call: str
    seam: str
    number: int


class Plan(Protocol):
    embedded: bool
    """The client's chain is its own file, not a node."""

    def strike(self, moment: Moment) -> Fault | None: ...

    def order(self, turn: int, actors: tuple[str, ...]) -> tuple[str, ...]: ...


class Calm:
    """Nothing goes wrong."""

    def __init__(self, embedded: bool = False) -> None:
        self.embedded = embedded

    def strike(self, moment: Moment) -> Fault | None:
        return None

    def order(self, turn: int, actors: tuple[str, ...]) -> tuple[str, ...]:
        return actors


class Once(Calm):
    """One fault, at a moment of a seam at which a certain call is sent: the first, after some."""

    def __init__(
        self, fault: Fault, seam: str, call: str, embedded: bool = False, after: int = 0
    ) -> None:
        super().__init__(embedded)
        self.fault, self.seam, self.call = fault, seam, call
        self.before = after
        self.struck = False

    def strike(self, moment: Moment) -> Fault | None:
        if self.struck or (moment.seam, moment.call) != (self.seam, self.call):
            return None
        if self.before:
            self.before -= 1
            return None
        self.struck = True
        return self.fault


class Drawn:
    """Faults of a seed: whether one strikes at a moment does not hang on those before."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.embedded = seed % 4 == 0
        self.left = MOST

    def strike(self, moment: Moment) -> Fault | None:
        if not self.left or self._draw("whether", moment) >= ODDS[moment.seam]:
            return None
        self.left -= 1
        possible = BY_SEAM[moment.seam]
        if self.embedded:
            possible = tuple(fault for fault in possible if fault not in NODES)
        return possible[int(self._draw("which", moment) * len(possible))]

    def order(self, turn: int, actors: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(sorted(actors, key=lambda actor: self._draw("order", turn, actor)))

    def _draw(self, *about: object) -> float:
        """At least 0 and below 1."""
        digest = blake2b(f"{self.seed}/{about}".encode(), digest_size=8).digest()
        return int.from_bytes(digest, "big") / 2**64
