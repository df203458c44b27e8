"""Watch a started program until it ends or meets a limit."""

from __future__ import annotations

import os
import select
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from decentralml.sandbox import watch
from decentralml.sandbox.limits import MIB, Limits, Reason

TICK = 0.1
"""Seconds between two looks at what the program uses."""
MEMORY_RESERVE = 64 * MIB
"""A program is stopped before the machine has less than this left for anybody."""
DISK_RESERVE = 256 * MIB
"""A program is stopped before the disk of its output has less than this left."""


@dataclass(frozen=True, slots=True)
class Meter:
    """How to measure one program: the proc file system that lists its processes, and which of
    them are its own (None: all of them)."""

    proc: str
    members: Callable[[], list[str]] | None
    usage: Callable[[], watch.Usage]

    def names(self) -> list[str] | None:
        return None if self.members is None else self.members()


@dataclass(frozen=True, slots=True)
class End:
    reason: Reason
    detail: str
    peak_memory: int


def in_namespace(init: int) -> Meter:
    """A program that has a process-id namespace of its own, whose first process is ``init``."""
    return Meter(f"/proc/{init}/root/proc", None, lambda: watch.sandbox_usage(init))


def below(root: int) -> Meter:
    """A program that is the process ``root`` of the host and its descendants."""

    def members() -> list[str]:
        return watch.descendants(root)

    return Meter("/proc", members, lambda: watch.processes_usage("/proc", members()))


def supervise(
    process: subprocess.Popen[bytes], meter: Meter, inbox: Path, limits: Limits, started: float
) -> End:
    """Wait for ``process``; the caller kills it if the end's reason is not ``exited``.

    ``started`` is on the monotonic clock.
    """
    peak = 0
    device = inbox.stat().st_dev
    descriptor = os.pidfd_open(process.pid)
    try:
        while not select.select([descriptor], [], [], TICK)[0]:
            usage = meter.usage()
            peak = max(peak, usage.memory + usage.scratch)
            met = (
                _time(limits, started)
                or _memory(limits, usage, meter)
                or _processes(limits, usage)
                or _output(limits, inbox, meter, device)
            )
            if met:
                return End(*met, peak)
    finally:
        os.close(descriptor)
    met = _folder(limits, inbox)
    return End(*(met or (Reason.EXITED, "")), peak)


def _time(limits: Limits, started: float) -> tuple[Reason, str] | None:
    if time.monotonic() - started < limits.seconds:
        return None
    return Reason.TIMEOUT, f"stopped after its time limit of {limits.seconds:g} s"


def _memory(limits: Limits, usage: watch.Usage, meter: Meter) -> tuple[Reason, str] | None:
    if usage.memory + usage.scratch <= limits.memory_bytes:
        # What the kernel holds for a program (full sockets, say) is in nobody's account.
        left = watch.machine_memory()
        if left is not None and left < MEMORY_RESERVE:
            return Reason.MEMORY, "stopped: this machine runs out of memory"
        return None
    exact = watch.exact_memory(meter.proc, meter.names())
    if exact + usage.scratch <= limits.memory_bytes:
        return None
    return Reason.MEMORY, f"stopped: used more than its {limits.memory_bytes / MIB:.0f} MiB"


def _processes(limits: Limits, usage: watch.Usage) -> tuple[Reason, str] | None:
    if usage.tasks <= limits.processes + 2:
        return None
    return Reason.PROCESSES, f"stopped: ran more than {limits.processes} processes and threads"


def _output(limits: Limits, inbox: Path, meter: Meter, device: int) -> tuple[Reason, str] | None:
    met = _folder(limits, inbox)
    if met:
        return met
    hidden = watch.unlinked_size(meter.proc, device, meter.names())
    disk = os.statvfs(inbox)
    if hidden > limits.output_bytes or disk.f_bavail * disk.f_frsize < DISK_RESERVE:
        return Reason.OUTPUT, "stopped: the disk of its output runs full"
    return None


def _folder(limits: Limits, inbox: Path) -> tuple[Reason, str] | None:
    found = watch.folder_usage(inbox, limits.output_bytes, limits.file_count)
    if found.hidden:
        return Reason.FILES, "its output has a folder that cannot be listed"
    if found.count > limits.file_count:
        return Reason.FILES, f"its output has more than {limits.file_count} files and folders"
    if found.size > limits.output_bytes:
        return Reason.OUTPUT, f"its output is larger than {limits.output_bytes / MIB:.0f} MiB"
    return None
