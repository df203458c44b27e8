"""What a stranger's program may use, and what became of it."""

from __future__ import annotations

import os
import re
import resource
from dataclasses import dataclass, field
from enum import StrEnum

KIB = 1 << 10
MIB = 1 << 20
GIB = 1 << 30

OPEN_FILES = 512
STACKS = 1 * GIB
"""Address space for thread stacks on top of a program's memory: reserved, hardly ever touched."""


def default_threads() -> int:
    """Threads for numerical libraries: the processors this process may use, four at most."""
    return max(1, min(4, len(os.sched_getaffinity(0))))


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on one run of a stranger's program.

    Attributes
    ----------
    seconds : wall-clock time.
    memory_bytes : memory of all its processes together, its temporary files included.
    processes : processes and threads at one time.
    output_bytes : size of all files under ``/output`` together.
    file_count : files and folders under ``/output``.
    scratch_bytes : size of ``/tmp`` and of ``/dev/shm``, each.
    log_bytes : of what it prints, how much is kept; the rest is read and dropped.
    threads : what ``DML_THREADS`` and ``OMP_NUM_THREADS`` say.
    """

    seconds: float = 3600.0
    memory_bytes: int = 4 * GIB
    processes: int = 64
    output_bytes: int = 1 * GIB
    file_count: int = 1000
    scratch_bytes: int = 256 * MIB
    log_bytes: int = 1 * MIB
    threads: int = field(default_factory=default_threads)

    def __post_init__(self) -> None:
        for name in self.__dataclass_fields__:
            if getattr(self, name) <= 0:
                raise ValueError(f"limit {name} must be positive, not {getattr(self, name)}")


class Reason(StrEnum):
    """Why a run ended."""

    EXITED = "exited"
    """By itself; the exit code says how."""
    TIMEOUT = "timeout"
    MEMORY = "memory"
    PROCESSES = "processes"
    OUTPUT = "output"
    """Too many bytes in the output folder."""
    FILES = "files"
    """Too many files in the output folder."""
    REFUSED = "refused"
    """It ended by itself, but left something in the output that is not a plain file or folder."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one run ended.

    Only a run that ended by itself (``exited``) has anything in its output folder.
    """

    exit_code: int
    """As in a shell: 128 + n after signal n."""
    reason: Reason
    seconds: float
    log_tail: str
    """The last lines printed, control characters replaced."""
    detail: str = ""
    """One line that says what limit was met, or what was refused."""
    peak_memory: int = 0
    """Bytes, as sampled."""

    @property
    def ok(self) -> bool:
        return self.reason is Reason.EXITED and self.exit_code == 0

    def describe(self) -> str:
        """One line for a person."""
        if self.ok:
            return f"finished in {self.seconds:.1f} s"
        if self.reason is Reason.EXITED:
            last = self.log_tail.strip().rpartition("\n")[2]
            return f"failed with exit code {self.exit_code}" + (f": {last}" if last else "")
        return self.detail or self.reason.value


def rlimits(limits: Limits) -> dict[int, int]:
    """Kernel limits for each process (``setrlimit(2)``), soft and hard alike.

    RLIMIT_DATA counts private writable memory: unlike RLIMIT_AS it does not count what torch
    only reserves or maps from files. The file size limit is one page above the allowance, so
    that the watcher, which compares with the allowance, names the reason.
    """
    return {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_CPU: int(limits.seconds * limits.processes) + 1,
        resource.RLIMIT_DATA: limits.memory_bytes + STACKS,
        resource.RLIMIT_FSIZE: limits.output_bytes + 4 * KIB,
        resource.RLIMIT_MEMLOCK: 0,
        resource.RLIMIT_MSGQUEUE: 0,
        resource.RLIMIT_NOFILE: OPEN_FILES,
        resource.RLIMIT_NPROC: limits.processes + 2,  # bubblewrap's own two
    }


def counted_apart(release: str) -> bool:
    """Whether a kernel counts the processes of a new user namespace apart from its user's others.

    Since Linux 5.14 (commit 21d1c5e386bc). Before, RLIMIT_NPROC would count the caller's too.
    """
    version = re.match(r"(\d+)\.(\d+)", release)
    return version is not None and (int(version[1]), int(version[2])) >= (5, 14)


def lowered(wanted: dict[int, int]) -> dict[int, int]:
    """``wanted``, or where this process may have less already, that."""
    result = {}
    for kind, value in wanted.items():
        _, hard = resource.getrlimit(kind)
        result[kind] = value if hard == resource.RLIM_INFINITY else min(value, hard)
    return result
