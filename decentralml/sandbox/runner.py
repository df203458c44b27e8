"""What runs a stranger's program: the sandbox, or whoever stands in for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from decentralml.sandbox.environment import PythonEnvironment
from decentralml.sandbox.limits import Limits, Outcome


class Runner(Protocol):
    """:func:`decentralml.sandbox.run` and :func:`decentralml.sandbox.run_unsandboxed`."""

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
