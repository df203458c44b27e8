"""What a daemon tells: events with facts, besides what every use case reports."""

from __future__ import annotations

from typing import Any, Protocol

from decentralml.service.reporting import Reporter, Silent


class Log(Reporter, Protocol):
    """Where a daemon's words go."""

    def event(self, name: str, text: str, **facts: Any) -> None:
        """Something happened.

        Parameters
        ----------
        name : one word, always the same for the same thing: ``accepted``, ``trained``, …
        text : the same for people.
        facts : the same for programs: task, index, seconds, …
        """

    def status(self, text: str) -> None:
        """What it is doing now; replaces what was said before."""


class Quiet(Silent):
    """Tells nobody."""

    def event(self, name: str, text: str, **facts: Any) -> None:
        pass

    def status(self, text: str) -> None:
        pass
