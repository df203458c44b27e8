"""What a running program uses: memory, processes, files. Read from /proc, a few times a second."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

KILOBYTE = 1024
MAX_DEPTH = 32


@dataclass(frozen=True, slots=True)
class Usage:
    """``memory`` in bytes, ``tasks`` counts threads."""

    memory: int
    tasks: int


def sandbox_usage(init: int) -> Usage:
    """Of all processes in the process-id namespace whose first process is ``init``.

    Looks through that namespace's own /proc, which lists nothing else, and adds what its temporary
    file systems hold.
    """
    root = f"/proc/{init}/root"
    usage = processes_usage(f"{root}/proc")
    scratch = sum(_used(f"{root}{folder}") for folder in ("/tmp", "/dev/shm", "/home/sandbox"))
    return Usage(usage.memory + scratch, usage.tasks)


def _used(folder: str) -> int:
    try:
        status = os.statvfs(folder)
    except OSError:
        return 0
    # A file system without a size limit is not one of ours.
    return (status.f_blocks - status.f_bfree) * status.f_frsize if status.f_blocks else 0


def processes_usage(proc: str, members: Iterable[str] | None = None) -> Usage:
    """Of the processes ``members`` of the proc file system at ``proc``, or of all of them."""
    quick = Usage(0, 0)
    names = [n for n in _list(proc) if n.isdecimal()] if members is None else list(members)
    for name in names:
        anonymous, tasks = _status(f"{proc}/{name}/status")
        quick = Usage(quick.memory + anonymous, quick.tasks + tasks)
    return quick


def exact_memory(proc: str, members: Iterable[str] | None = None) -> int | None:
    """As the memory of :func:`processes_usage`, but pages that processes share count once.

    Slow, therefore asked only when the quick figure is over the limit. None if it cannot be read.
    """
    names = [n for n in _list(proc) if n.isdecimal()] if members is None else list(members)
    total = 0
    for name in names:
        try:
            with open(f"{proc}/{name}/smaps_rollup", encoding="ascii") as file:  # noqa: PTH123
                fields = dict(line.split(":", 1) for line in file if ":" in line)
        except (ProcessLookupError, FileNotFoundError):
            continue
        except OSError:
            return None
        for key in ("Pss_Anon", "Pss_Shmem", "SwapPss"):
            total += int(fields.get(key, "0 kB").split()[0]) * KILOBYTE
    return total


def _status(file: str) -> tuple[int, int]:
    """(anonymous and shared memory in bytes, threads) of one process; zeros once it is gone."""
    memory = tasks = 0
    try:
        with open(file, encoding="utf-8", errors="replace") as lines:  # noqa: PTH123
            for line in lines:
                key, _, value = line.partition(":")
                if key in ("RssAnon", "RssShmem", "VmSwap", "VmPTE"):
                    memory += int(value.split()[0]) * KILOBYTE
                elif key == "Threads":
                    tasks = int(value)
    except OSError:
        return 0, 0
    return memory, tasks


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
        except OSError:
            continue
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


def unlinked_size(proc: str, device: int, members: Iterable[str] | None = None) -> int:
    """Bytes of files on ``device`` that processes hold open though no folder lists them."""
    names = [n for n in _list(proc) if n.isdecimal()] if members is None else list(members)
    seen: dict[int, int] = {}
    for name in names:
        for number in _list(f"{proc}/{name}/fd"):
            with contextlib.suppress(OSError):
                status = os.stat(f"{proc}/{name}/fd/{number}")  # noqa: PTH116
                if status.st_dev == device and status.st_nlink == 0:
                    seen[status.st_ino] = status.st_blocks * 512
    return sum(seen.values())
