"""Programs that try to use more time, processes and memory than they may."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from sandbox_support import MIB, answer, attempt, need_sandbox

from decentralml.sandbox import Limits, Reason, watch


def limits(**changes: float) -> Limits:
    values: dict[str, float] = {"seconds": 20, "memory_bytes": 512 * MIB, **changes}
    return Limits(**values)  # type: ignore[arg-type]


def left_over(mark: str) -> list[str]:
    """Processes of this machine whose command line holds ``mark``."""
    found = []
    for process in Path("/proc").iterdir():
        try:
            if process.name.isdecimal() and mark in (process / "cmdline").read_text():
                found.append(process.name)
        except OSError:
            continue
    return found


def test_a_loop_is_stopped_in_time(tmp_path: Path) -> None:
    started = time.monotonic()
    outcome = attempt(tmp_path, "while True: pass", limits=limits(seconds=0.5))
    assert outcome.reason is Reason.TIMEOUT
    assert not outcome.ok
    assert time.monotonic() - started < 5


def test_a_daemon_that_ignores_signals_ends_with_the_time(tmp_path: Path) -> None:
    mark = f"daemon-{os.getpid()}-timeout"
    outcome = attempt(
        tmp_path,
        f"""
        import os, signal, subprocess, sys, time
        for number in range(1, 65):
            try: signal.signal(number, signal.SIG_IGN)
            except (OSError, ValueError): pass
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                os.execv(sys.executable, ["python", "-c", "import time; time.sleep(60)", "{mark}"])
        time.sleep(60)
        """,
        limits=limits(seconds=1),
    )
    assert outcome.reason is Reason.TIMEOUT
    assert left_over(mark) == []


def test_a_daemon_ends_with_the_program_that_left_it(tmp_path: Path) -> None:
    mark = f"daemon-{os.getpid()}-left"
    found = answer(
        tmp_path,
        f"""
        import subprocess
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)", "{mark}"],
                                 start_new_session=True)
        answer(child.pid > 0)
        """,
    )
    assert found is True
    assert left_over(mark) == []


def test_everything_ends_when_the_tool_itself_is_killed(tmp_path: Path) -> None:
    need_sandbox()
    mark = f"orphan-{os.getpid()}-{time.monotonic_ns()}"
    (tmp_path / "caller.py").write_text(
        f"""
import sys
from pathlib import Path
from decentralml.sandbox import run
program = "import time; print('started', flush=True); time.sleep(60)"
run(["python", "-c", program, "{mark}"], mounts={{}}, output=Path(sys.argv[1]),
    on_line=lambda line: print(line, flush=True))
"""
    )
    command = [sys.executable, str(tmp_path / "caller.py"), str(tmp_path / "output")]
    root = str(Path(__file__).parents[2])
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": root}
    ) as caller:
        assert caller.stdout is not None
        assert caller.stdout.readline() == b"started\n"
        assert left_over(mark) != []
        caller.kill()
    deadline = time.monotonic() + 10
    while left_over(mark) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert left_over(mark) == []


@pytest.mark.parametrize("milliseconds", range(0, 80, 10))
def test_nothing_is_left_of_a_sandbox_whose_tool_is_killed_as_it_starts(
    tmp_path: Path, milliseconds: int
) -> None:
    need_sandbox()
    (tmp_path / "caller.py").write_text(
        """
import subprocess
import sys
from pathlib import Path
from decentralml.sandbox import probe, run

probe.require()
start = subprocess.Popen
def announced(*args, **options):
    process = start(*args, **options)
    if "launch.py" in str(args[0]):
        print(process.pid, flush=True)
    return process
subprocess.Popen = announced
run(["sleep", "60"], mounts={}, output=Path(sys.argv[1]))
"""
    )
    command = [sys.executable, str(tmp_path / "caller.py"), str(tmp_path / "output")]
    root = str(Path(__file__).parents[2])
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": root}
    ) as caller:
        assert caller.stdout is not None
        session = int(caller.stdout.readline())
        time.sleep(milliseconds / 1000)  # whatever it has come to: that is the question
        caller.kill()
    deadline = time.monotonic() + 10
    while in_session(session) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert in_session(session) == []


def in_session(session: int) -> list[str]:
    """The processes that are in a session, and not dead."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            fields = status.read_text().rpartition(")")[2].split()
            if int(fields[3]) == session and fields[0] not in "ZX":
                found.append(status.parent.name)
    return found


def test_a_fork_storm_stays_within_its_limit(tmp_path: Path) -> None:
    found = answer(
        tmp_path,
        """
        children = []
        try:
            while len(children) < 1000:
                child = os.fork()
                if child == 0:
                    os.read(os.pipe()[0], 1)
                children.append(child)
        except OSError as error:
            answer([len(children), errno.errorcode[error.errno]])
        """,
        limits=limits(processes=40),
    )
    assert 20 < found[0] <= 40
    assert found[1] == "EAGAIN"


def test_threads_count_as_processes(tmp_path: Path) -> None:
    found = answer(
        tmp_path,
        """
        import threading
        stop, started = threading.Event(), 0
        try:
            while started < 1000:
                threading.Thread(target=stop.wait, daemon=True).start()
                started += 1
        except RuntimeError:
            answer(started)
        stop.set()
        """,
        limits=limits(processes=40),
    )
    assert 20 < found <= 40


def test_a_fork_bomb_ends(tmp_path: Path) -> None:
    outcome = attempt(
        tmp_path,
        """
        import os
        while True:
            try: os.fork()
            except OSError: pass
        """,
        limits=limits(seconds=1.5, processes=30),
    )
    assert outcome.reason in (Reason.TIMEOUT, Reason.PROCESSES)


HOG = """
held = []
while True:
    held.append(bytearray(16 << 20))
"""
SEVERAL_HOGS = """
import os, time
for _ in range(6):
    if os.fork() == 0:
        held = bytearray(60 << 20)
        time.sleep(30)
time.sleep(30)
"""
SHARED_FILES = """
import mmap, os, time
maps = []
for number in range(100):
    with open(f"/dev/shm/{number}", "w+b") as file:
        file.truncate(8 << 20)
        maps.append(mmap.mmap(file.fileno(), 8 << 20))
        maps[-1].write(b"x" * (8 << 20))
time.sleep(30)
"""


@pytest.mark.parametrize("program", [HOG, SEVERAL_HOGS])
def test_memory_of_all_processes_together_is_limited(tmp_path: Path, program: str) -> None:
    outcome = attempt(tmp_path, program, limits=limits(memory_bytes=200 * MIB))
    assert outcome.reason is Reason.MEMORY
    assert "200 MiB" in outcome.detail
    assert outcome.seconds < 15


def test_more_memory_at_once_than_allowed_is_refused_by_the_kernel(tmp_path: Path) -> None:
    found = answer(tmp_path, "answer(tried(bytearray, 4 << 30))")
    assert found == "MemoryError"


def test_memory_that_belongs_to_no_process_is_refused(tmp_path: Path) -> None:
    found = answer(
        tmp_path,
        """
        import mmap
        answer({
            "shared": tried(mmap.mmap, -1, 1 << 20),
            "zero": tried(open, "/dev/zero", "r+b"),
            "memfd": tried(os.memfd_create, "x"),
            "private": tried(mmap.mmap, -1, 1 << 20, mmap.MAP_PRIVATE | mmap.MAP_ANON),
        })
        """,
    )
    assert found["private"] == "done"
    assert found["zero"] == "ENOENT"
    assert "done" not in (found["shared"], found["memfd"])


def test_temporary_files_are_limited_and_count_as_memory(tmp_path: Path) -> None:
    found = answer(
        tmp_path,
        """
        def fill(folder):
            with open(folder + "/x", "wb") as file:
                for _ in range(100):
                    file.write(bytes(1 << 20))
        answer([tried(fill, folder) for folder in ("/tmp", "/dev/shm", "/home/sandbox")])
        """,
        limits=limits(scratch_bytes=16 * MIB),
    )
    assert found == ["ENOSPC"] * 3
    second = tmp_path / "second"
    second.mkdir()
    outcome = attempt(
        second,
        SHARED_FILES,
        limits=limits(memory_bytes=128 * MIB, scratch_bytes=1024 * MIB),
    )
    assert outcome.reason is Reason.MEMORY


def test_a_flood_of_empty_temporary_files_counts_as_memory(tmp_path: Path) -> None:
    outcome = attempt(
        tmp_path,
        """
        import itertools
        for number in itertools.count():
            open(f"/tmp/{number}", "w").close()
        """,
        limits=limits(memory_bytes=16 * MIB),
    )
    assert outcome.reason is Reason.MEMORY


def test_a_program_is_stopped_before_the_machine_has_no_memory_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "machine_memory", lambda: 1 * MIB)
    outcome = attempt(tmp_path, "import time; time.sleep(20)")
    assert outcome.reason is Reason.MEMORY
