"""Time that passes only when somebody waits for it."""

from __future__ import annotations

from collections.abc import Callable

START = 1_800_000_000_000
"""Unix milliseconds at which every story begins."""
SECOND = 1000
HOUR = 3_600_000
BLOCK = 6 * SECOND
"""Milliseconds between two blocks."""


class VirtualClock:
    """A :class:`decentralml.chain.substrate.clock.Clock` of a machine, and the world's time.

    Attributes
    ----------
    now : the world's Unix milliseconds, by which blocks are made.
    skew : by how much the machine's own wall clock is ahead of that.
    """

    def __init__(self) -> None:
        self.now = START
        self.skew = 0
        self.ticked: Callable[[], None] = lambda: None
        """Called whenever time has passed."""

    def wall(self) -> int:
        return self.now + self.skew

    def steady(self) -> float:
        return (self.now - START) / SECOND

    def sleep(self, seconds: float) -> None:
        """Time passes, at least to the next block: who polls need not poll in vain."""
        next_block = (self.now // BLOCK + 1) * BLOCK
        self.now = max(self.now + int(seconds * SECOND), next_block)
        self.ticked()

    def leap(self, milliseconds: int) -> None:
        """So much time passes at once."""
        self.now += milliseconds
        self.ticked()
