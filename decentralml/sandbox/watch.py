"""What a running program uses: memory, processes, files. Read from /proc, a few times a second."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

KILOBYTE = 1024
INODE = 1024
"""Bytes of kernel memory that an empty file takes, about."""
MAX_DEPTH = 32


@dataclass(frozen=True, slots=True)
class Usage:
    """``memory`` of processes, ``scratch`` of temporary files: bytes. ``tasks`` are threads."""

    memory: int
    tasks: int
    scratch: int = 0


def sandbox_usage(init: int) -> Usage:
    """Of all processes in the process-id namespace whose first process is ``init``.

    Looks through that namespace's own /proc, which lists nothing else, and at its temporary file
    systems.
    """
    root = f"/proc/{init}/root"
    usage = processes_usage(f"{root}/proc")
    scratch = sum(_used(f"{root}{folder}") for folder in ("/tmp", "/dev/shm", "/home/sandbox"))
    return Usage(usage.memory, usage.tasks, scratch)


def _used(folder: str) -> int:
    try:
        status = os.statvfs(folder)
    except OSError:
        return 0
    files = status.f_files - status.f_ffree
    return (status.f_blocks - status.f_bfree) * status.f_frsize + files * INODE


def processes_usage(proc: str, members: list[str] | None = None) -> Usage:
    """Of the processes ``members`` of the proc file system at ``proc``, or of all of them.

    Members of the host's also count the shared memory that they touched; in a sandbox that is
    what its temporary file systems hold, and is counted there.
    """
    memory = tasks = 0
    for name in _names(proc, members):
        fields = _fields(f"{proc}/{name}/status")
        memory += _sum(fields, _QUICK if members is None else (*_QUICK, "RssShmem"))
        tasks += int(fields.get("Threads", "0"))
    return Usage(memory, tasks)


def exact_memory(proc: str, members: list[str] | None = None) -> int:
    """As the memory of :func:`processes_usage`, but pages that processes share count once.

    Slow, therefore asked only when the quick figure is over the limit. A process that does not
    let itself be read in detail counts with its quick figure.
    """
    total = 0
    for name in _names(proc, members):
        status = _fields(f"{proc}/{name}/status")
        detail = _fields(f"{proc}/{name}/smaps_rollup")
        shared = () if members is None else ("Pss_Shmem",)
        if detail:
            total += _sum(detail, ("Pss_Anon", "SwapPss", *shared)) + _sum(status, ("VmPTE",))
        else:
            total += _sum(status, (*_QUICK, "RssShmem"))
    return total


_QUICK = ("RssAnon", "VmSwap", "VmPTE")


def _names(proc: str, members: list[str] | None) -> list[str]:
    return [n for n in _list(proc) if n.isdecimal()] if members is None else members


def _sum(fields: Mapping[str, str], names: tuple[str, ...]) -> int:
    """Bytes in the fields ``names``, which the kernel gives as "12 kB"."""
    return sum(int(fields[name].split()[0]) for name in names if name in fields) * KILOBYTE


def _fields(file: str) -> dict[str, str]:
    """The lines "name: value" of a file in /proc; none once the process is gone."""
    try:
        with open(file, encoding="utf-8", errors="replace") as lines:  # noqa: PTH123
            return {k: v.strip() for k, colon, v in (x.partition(":") for x in lines) if colon}
    except OSError:
        return {}


def machine_memory() -> int | None:
    """Bytes that this machine can still give to anybody, if it says."""
    fields = _fields("/proc/meminfo")
    return _sum(fields, ("MemAvailable",)) if "MemAvailable" in fields else None


def descendants(root: int) -> list[str]:
    """Process ids of ``root`` and of everything below it, on the host."""
    children: dict[str, list[str]] = {}
    for name in _list("/proc"):
        if name.isdecimal():
            with contextlib.suppress(OSError, IndexError):
                # The command's name, in brackets, may hold anything, spaces and brackets included.
                parent = Path(f"/proc/{name}/stat").read_text("utf-8", "replace")
                children.setdefault(parent.rpartition(")")[2].split()[1], []).append(name)
    found = [str(root)]
    for name in found:
        found += children.get(name, [])
    return found


def _list(folder: str) -> list[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208
    except OSError:
        return []


@dataclass(frozen=True, slots=True)
class FolderUsage:
    size: int
    """Bytes: of each file its length or its blocks on the disk, whichever is more."""
    count: int
    """Files and folders."""
    hidden: bool = False
    """Whether there is a folder that cannot be listed."""


def folder_usage(folder: Path, max_bytes: int, max_count: int) -> FolderUsage:
    """What lies below ``folder``; stops counting soon after either maximum is passed.

    Links are never followed. Folders nested more than 32 deep count as too many files.
    """
    size = count = 0
    pending = [(str(folder), 0)]
    while pending:
        path, depth = pending.pop()
        if depth > MAX_DEPTH:
            return FolderUsage(size, max_count + 1)
        try:
            entries = os.scandir(path)
        except PermissionError:
            return FolderUsage(size, count, hidden=True)
        except OSError:
            continue  # Removed while we looked.
        with entries:
            for entry in entries:
                count += 1
                if count > max_count or size > max_bytes:
                    return FolderUsage(size, count)
                try:
                    if entry.is_dir(follow_symlinks=False):
                        pending.append((entry.path, depth + 1))
                    else:
                        status = entry.stat(follow_symlinks=False)
                        size += max(status.st_size, status.st_blocks * 512)
                except OSError:
                    continue  # Removed while we looked.
    return FolderUsage(size, count)


def unlinked_size(proc: str, device: int, members: list[str] | None = None) -> int:
    """Bytes of files on ``device`` that processes hold open though no folder lists them."""
    seen: dict[int, int] = {}
    for name in _names(proc, members):
        for number in _list(f"{proc}/{name}/fd"):
            with contextlib.suppress(OSError):
                status = os.stat(f"{proc}/{name}/fd/{number}")  # noqa: PTH116
                if status.st_dev == device and status.st_nlink == 0:
                    seen[status.st_ino] = status.st_blocks * 512
    return sum(seen.values())
