"""Run a program without a sandbox, for those who said so in so many words.

The same call and the same outcome as :func:`decentralml.sandbox.run`, and as many of the limits as
a plain process can have. It protects nobody: the program has the network, the caller's files and
the caller's rights.
"""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from decentralml.sandbox import watch
from decentralml.sandbox.environment import PythonEnvironment, tool_environment, variables
from decentralml.sandbox.folders import finished, inbox_for, prepared, taken
from decentralml.sandbox.limits import Limits, Outcome, lowered, rlimits
from decentralml.sandbox.log import Log
from decentralml.sandbox.supervise import below, supervise

WAIT_THEN_RUN = 'read -r _; exec "$@" </dev/null'


def run_unsandboxed(
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
    """As :func:`decentralml.sandbox.run`, but the folders are where they are on this machine.

    Scripts find them by ``DML_TASK``, ``DML_DATA``, ``DML_MODEL`` and ``DML_OUTPUT``. The caller's
    environment is not handed on either, and everything that the program started is killed at its
    end unless it took pains to hide.
    """
    limits = limits or Limits()
    python = python or tool_environment()
    folders = prepared(mounts, output)
    with inbox_for(output) as inbox, tempfile.TemporaryDirectory(prefix="decentralml-") as home:
        places = {name: str(path) for name, path in folders.items()} | {"output": str(inbox)}
        package_root = str(python.package.parent) if python.package else ""
        values = variables(python, limits, places, home, home, package_root, environment or {})
        reader, writer = os.pipe()
        process = subprocess.Popen(
            ["/bin/sh", "-c", WAIT_THEN_RUN, "sh", *command],
            stdin=subprocess.PIPE,
            stdout=writer,
            stderr=writer,
            env=values,
            cwd=places.get("task", str(inbox)),
            start_new_session=True,
        )
        os.close(writer)
        printed = Log(reader, limits.log_bytes, log, on_line)
        started = time.monotonic()
        try:
            _limit(process, limits)
            end = supervise(process, below(process.pid), inbox, limits, started)
        finally:
            _kill(process)
        seconds = time.monotonic() - started
        return taken(finished(end, process.wait(), seconds, printed.close()), inbox, output)


def _limit(process: subprocess.Popen[bytes], limits: Limits) -> None:
    """Set the kernel's limits on the waiting process, then let it run."""
    wanted = rlimits(limits)
    # Counted over all processes of the user, who has others: left to the watcher.
    del wanted[resource.RLIMIT_NPROC]
    for kind, value in lowered(wanted).items():
        # Root without the capability to change limits of others may not be allowed to.
        with contextlib.suppress(PermissionError):
            resource.prlimit(process.pid, kind, (value, value))
    assert process.stdin is not None
    process.stdin.write(b"\n")
    process.stdin.close()


def _kill(process: subprocess.Popen[bytes]) -> None:
    # The session's group catches what was orphaned, the walk what left the session.
    if process.poll() is None:
        for name in watch.descendants(process.pid):
            with contextlib.suppress(OSError):
                os.kill(int(name), signal.SIGKILL)
    with contextlib.suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
