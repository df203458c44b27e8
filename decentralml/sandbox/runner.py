"""What runs a stranger's program: the sandbox, or whoever stands in for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from decentralml.sandbox.bubblewrap import run_with
from decentralml.sandbox.environment import PythonEnvironment
from decentralml.sandbox.limits import Limits, Outcome
from decentralml.sandbox.probe import require


class Runner(Protocol):
    """:func:`run` and :func:`decentralml.sandbox.run_unsandboxed`."""

    def __call__(
        self,
        command: list[str],
        *,
        mounts: Mapping[str, Path],
        output: Path,
        limits: Limits | None = None,
        environment: Mapping[str, str] | None = None,
        log: Path | None = None,
        on_line: Callable[[str], None] | None = None,
        python: PythonEnvironment | None = None,
    ) -> Outcome: ...


def run(
    command: list[str],
    *,
    mounts: Mapping[str, Path],
    output: Path,
    limits: Limits | None = None,
    environment: Mapping[str, str] | None = None,
    log: Path | None = None,
    on_line: Callable[[str], None] | None = None,
    python: PythonEnvironment | None = None,
) -> Outcome:
    """Run ``command`` in the sandbox of this machine and wait for its end.

    Parameters are those of :func:`~decentralml.sandbox.bubblewrap.run_with`.

    Raises
    ------
    SandboxUnavailable : this machine cannot do it.
    SandboxFailed : the sandbox could not be set up; the program has not run.
    """
    return run_with(
        require(),
        command,
        mounts=mounts,
        output=output,
        limits=limits,
        environment=environment,
        log=log,
        on_line=on_line,
        python=python,
    )
