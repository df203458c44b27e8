"""What runs a stranger's program: the sandbox, or whoever stands in for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol, Required, TypedDict, Unpack

from decentralml.sandbox.bubblewrap import run_with
from decentralml.sandbox.environment import PythonEnvironment
from decentralml.sandbox.limits import Limits, Outcome
from decentralml.sandbox.probe import require


class Options(TypedDict, total=False):
    """How to run; see :func:`~decentralml.sandbox.bubblewrap.run_with`."""

    mounts: Required[Mapping[str, Path]]
    output: Required[Path]
    limits: Limits | None
    environment: Mapping[str, str] | None
    log: Path | None
    on_line: Callable[[str], None] | None
    python: PythonEnvironment | None


class Runner(Protocol):
    """:func:`run` and :func:`decentralml.sandbox.run_unsandboxed`."""

    def __call__(self, command: list[str], **options: Unpack[Options]) -> Outcome: ...


def run(command: list[str], **options: Unpack[Options]) -> Outcome:
    """Run ``command`` in the sandbox of this machine and wait for its end.

    Raises
    ------
    SandboxUnavailable : this machine cannot do it.
    SandboxFailed : the sandbox could not be set up; the program has not run.
    """
    return run_with(require(), command, **options)
