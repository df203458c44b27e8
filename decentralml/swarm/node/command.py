"""The user's training process, started by its node; it goes on where a node is killed.

Which process it is stands in a file, so that a node that is started again with the same command
finds the one that runs and does not start another.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from decentralml.errors import TrainingUnstartable
from decentralml.service.files import write_atomically

GRACE = 10.0
"""Seconds between asking a process to end and ending it."""


@dataclass
class Training:
    """A process that this node started, or found running.

    Attributes
    ----------
    adopted : an earlier node has started it, so that nobody knows how it will end.
    """

    command: tuple[str, ...]
    pid: int
    adopted: bool
    _process: subprocess.Popen[bytes] | None = None
    _started: int = 0

    @classmethod
    def start(cls, command: Sequence[str], note: Path, environment: Mapping[str, str]) -> Training:
        """The process of that command that is noted and runs, else a new one.

        Raises
        ------
        TrainingUnstartable.
        """
        noted = _noted(note)
        if noted is not None and noted.get("command") == list(command):
            pid, started = int(noted.get("pid", 0)), int(noted.get("started", 0))
            if started and _start_time(pid) == started:
                return cls(tuple(command), pid, True, None, started)
        try:
            process = subprocess.Popen(command, env={**os.environ, **environment})
        except OSError as error:
            raise TrainingUnstartable(command[0], error.strerror or str(error)) from None
        started = _start_time(process.pid) or 0
        record = {"command": list(command), "pid": process.pid, "started": started}
        write_atomically(note, json.dumps(record).encode() + b"\n")
        return cls(tuple(command), process.pid, False, process, started)

    def ended(self) -> int | None:
        """The code that it ended with, 0 where nobody knows; None while it runs."""
        if self._process is not None:
            return self._process.poll()
        return None if _start_time(self.pid) == self._started else 0

    def stop(self) -> None:
        """Ask it to end, and after a while make it."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            if self.ended() is not None:
                return
            os.kill(self.pid, number)
            until = time.monotonic() + GRACE
            while self.ended() is None and time.monotonic() < until:
                time.sleep(0.1)


def _noted(note: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(note.read_bytes())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _start_time(pid: int) -> int | None:
    """When a process began, in clock ticks since the machine did; None if it has ended."""
    try:
        told = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    # The name of the program, in brackets, may hold anything.
    fields = told.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else int(fields[19])
