"""Run a stranger's program in a sandbox made by bubblewrap.

The program sees the system and the tool's Python read-only, the folders it was lent, one folder
it may write to, and nothing else: no network, no other process, no terminal, no home, none of the
caller's environment. It has no capability, cannot gain any, and makes only the system calls of
:mod:`~decentralml.sandbox.seccomp`. Its memory, time, processes and output are limited, and when
it ends, everything it started ends.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import secrets
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from decentralml.errors import SandboxFailed
from decentralml.sandbox import launch, layout, seccomp
from decentralml.sandbox.environment import (
    HOME,
    PACKAGE,
    PythonEnvironment,
    tool_environment,
    variables,
)
from decentralml.sandbox.folders import finished, inbox_for, prepared, taken
from decentralml.sandbox.limits import Limits, Outcome, counted_apart, lowered, rlimits
from decentralml.sandbox.log import Log
from decentralml.sandbox.supervise import in_namespace, supervise

START_SECONDS = 30.0
"""For setting up the namespaces, before the program's own time begins."""
UNPRIVILEGED = range(61184, 65520)
"""User ids that no account has (the range of systemd's dynamic users)."""
MINIMAL = {"PATH": "/usr/bin:/bin"}
"""All that bubblewrap itself gets of the environment: the program can read it in /proc/1."""


def run_with(
    tool: Path,
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
    """Run ``command`` in a sandbox made by the bubblewrap ``tool`` and wait for its end.

    Parameters
    ----------
    command : program and arguments, looked up in the sandbox; it starts in ``/task`` if there is
        such a mount, else in ``/output``.
    mounts : folders to lend, read-only, by their name in the sandbox's root (``{"data": …}`` is
        ``/data``).
    output : empty or new folder that receives what the program leaves in ``/output``.
    environment : variables besides those of :func:`~.environment.variables`.
    log : file for what it prints (up to the limit); ``on_line`` gets the same, line by line.
    python : the environment to run with, by default this package's own.

    Raises
    ------
    SandboxFailed : if the sandbox could not be set up; the program has not run.
    """
    limits = limits or Limits()
    python = python or tool_environment()
    folders = prepared(mounts, output)
    with inbox_for(output) as inbox:
        places = {name: f"/{name}" for name in folders} | {"output": layout.OUTPUT}
        values = variables(python, limits, places, HOME, "/tmp", PACKAGE, environment or {})
        directory = places.get("task", layout.OUTPUT)
        shape = Shape(layout.binds(python, folders, inbox), values, directory, command)
        process, control = _start(tool, shape, limits)
        try:
            printed = Log(control.output, limits.log_bytes, log, on_line)
            init = _release(process, control, limits, printed)
            started = time.monotonic()
            end = supervise(process, in_namespace(init), inbox, limits, started)
        finally:
            _kill(process, control)
        seconds = time.monotonic() - started
        outcome = finished(end, process.wait(), seconds, printed.close())
        return taken(outcome, inbox, output)


@dataclass(frozen=True, slots=True)
class Shape:
    """What one sandbox contains and runs."""

    binds: tuple[list[layout.Bind], list[layout.Bind]]
    environment: Mapping[str, str]
    directory: str
    command: list[str]


@dataclass(slots=True)
class Control:
    """Our ends of the pipes to one sandbox."""

    output: int
    """What it prints; handed to the log."""
    ready: int
    """One byte arrives when the program is about to start."""
    status: int
    """JSON documents from bubblewrap: first the process id of the namespace's first process."""
    go: int
    """Closed to let the program start."""
    alive: int
    """For the launcher's guard: a byte when the program is about to start."""
    init: int | None = None
    """Descriptor of that first process."""


def _start(tool: Path, shape: Shape, limits: Limits) -> tuple[subprocess.Popen[bytes], Control]:
    """Start bubblewrap, up to the point where it waits to be released."""
    theirs: list[int] = []
    ours: list[int] = []

    def pipe(*, we_read: bool) -> int:
        reader, writer = os.pipe()
        ours.append(reader if we_read else writer)
        theirs.append(writer if we_read else reader)
        return theirs[-1]

    def data(content: bytes) -> int:
        theirs.append(_memory_file(content))
        return theirs[-1]

    try:
        printed, ready, status = (pipe(we_read=True) for _ in range(3))
        block, alive = (pipe(we_read=False) for _ in range(2))
        system, lent = shape.binds
        as_root = os.geteuid() == 0
        sources = _staged(tool, lent) if as_root else []
        if as_root:
            lent = [replace(b, source=Path(launch.STAGE, str(i))) for i, b in enumerate(lent)]
        arguments = layout.arguments(
            [*system, *lent],
            limits,
            shape.environment,
            shape.directory,
            status=status,
            block=block,
            filters=[data(code) for code in seccomp.programs()],
            passwd=data(layout.PASSWD.encode()),
            group=data(layout.GROUP.encode()),
        )
        listed = data(b"".join(a.encode() + b"\0" for a in arguments))
        # Options go by descriptor: the program can read its host's command line in /proc/1.
        argv = [_staged_tool(tool) if as_root else str(tool), "--args", str(listed)]
        argv += layout.program(shape.command)
        plan: launch.Plan = {
            "alive": alive,
            "user": _free_user() if as_root else None,
            "sources": sources,
            "limits": list(lowered(rlimits(limits)).items()) if as_root else [],
            "argv": argv,
        }
        planned = data(json.dumps(plan).encode())
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", launch.__file__, str(planned)],
            stdin=ready,
            stdout=printed,
            stderr=printed,
            pass_fds=[d for d in theirs if d not in (printed, ready)],
            env=MINIMAL,
            cwd="/",
            start_new_session=True,  # Ctrl-C reaches us alone; we end the sandbox.
        )
    except BaseException:
        for descriptor in ours:
            os.close(descriptor)
        raise
    finally:
        for descriptor in theirs:
            os.close(descriptor)
    return process, Control(*ours)


def _memory_file(content: bytes) -> int:
    descriptor = os.memfd_create("sandbox")
    with os.fdopen(os.dup(descriptor), "wb") as file:
        file.write(content)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def _free_user() -> int:
    """A user id of its own for each run, so that two sandboxes have nothing in common."""
    return UNPRIVILEGED.start + secrets.randbelow(len(UNPRIVILEGED))


def _staged(tool: Path, lent: list[layout.Bind]) -> list[launch.Source]:
    sources: list[launch.Source] = [
        {"path": str(b.source), "name": str(i), "lent": b.lent, "writable": b.writable}
        for i, b in enumerate(lent)
    ]
    for folder in _folders_of(tool):
        name = f"tool/{folder.name}"
        sources.append({"path": str(folder), "name": name, "lent": True, "writable": False})
    return sources


def _folders_of(tool: Path) -> list[Path]:
    """Folders that the packaged bubblewrap needs to start: itself, and its libraries beside it."""
    if tool.parent.name != "_bin":
        return []
    package = tool.parent.parent
    libraries = package.with_name(f"{package.name}.libs")
    return [package, libraries] if libraries.is_dir() else [package]


def _staged_tool(tool: Path) -> str:
    folders = _folders_of(tool)
    if not folders:
        return str(tool)
    return str(Path(launch.STAGE, "tool") / tool.relative_to(folders[0].parent))


def _release(
    process: subprocess.Popen[bytes], control: Control, limits: Limits, printed: Log
) -> int:
    """Set the kernel's limits, let the program start; the id of its first process.

    The limits are set from outside on the first process of the new namespaces: whatever it starts
    inherits them, and since the user namespace is new, its processes are counted apart from the
    caller's. Started by root, the launcher has set them: its user has no other processes.
    """
    deadline = time.monotonic() + START_SECONDS
    try:
        init = int(json.loads(_line(control.status, deadline))["child-pid"])
        control.init = os.pidfd_open(init)
        if os.geteuid() != 0:
            wanted = lowered(rlimits(limits))
            if not counted_apart(os.uname().release):
                del wanted[resource.RLIMIT_NPROC]  # Left to the watcher.
            for kind, value in wanted.items():
                resource.prlimit(init, kind, (value, value))
        with contextlib.suppress(OSError):
            Path(f"/proc/{init}/oom_score_adj").write_text("1000")
        os.close(control.go)
        control.go = -1
        if not _read(control.ready, 1, deadline):
            raise ValueError("it ended before the program started")
        os.write(control.alive, b".")
    except (ValueError, KeyError, OSError) as error:
        _kill(process, control)
        raise SandboxFailed(_complaint(printed.close()) or str(error)) from None
    return init


def _complaint(printed: str) -> str:
    """The line that says what went wrong, of what bubblewrap or the launcher printed."""
    lines = [line for line in printed.splitlines() if line.startswith(("bwrap: ", "launch: "))]
    return (lines or printed.splitlines() or [""])[0]


def _line(descriptor: int, deadline: float) -> bytes:
    line = b""
    while not line.endswith(b"\n"):
        more = _read(descriptor, 1, deadline)
        if not more:
            raise ValueError("bubblewrap ended before it was ready")
        line += more
    return line


def _read(descriptor: int, size: int, deadline: float) -> bytes:
    wait = max(0.0, deadline - time.monotonic())
    if not select.select([descriptor], [], [], wait)[0]:
        raise ValueError(f"no answer from bubblewrap in {START_SECONDS:.0f} s")
    return os.read(descriptor, size)


def _kill(process: subprocess.Popen[bytes], control: Control) -> None:
    """End every process of the sandbox, wait for it, and close our pipes; harmless if repeated."""
    if control.init is not None:
        # The kernel ends the whole namespace with its first process, and reports that process
        # ended only when all of it is.
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(control.init, signal.SIGKILL)
        select.select([control.init], [], [], START_SECONDS)
        os.close(control.init)
        control.init = None
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=1)
    process.kill()
    process.wait()
    for name in ("ready", "status", "go", "alive"):
        descriptor = getattr(control, name)
        if descriptor >= 0:
            os.close(descriptor)
            setattr(control, name, -1)
