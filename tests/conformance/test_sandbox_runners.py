"""What a run is like with the sandbox and without it: the same, but for the protection."""

from __future__ import annotations

import os
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sandbox_support import MIB, need_sandbox

from decentralml.errors import SandboxFailed
from decentralml.sandbox import Limits, Outcome, Reason, command_for, run, run_unsandboxed

Go = Callable[..., Outcome]


@pytest.fixture(params=["sandboxed", "unsandboxed"])
def go(request: pytest.FixtureRequest, tmp_path: Path) -> Go:
    """Runs a Python program as the script of a bundle."""
    if request.param == "sandboxed":
        need_sandbox()
    runner = run if request.param == "sandboxed" else run_unsandboxed
    task, data = tmp_path / "task", tmp_path / "data"
    task.mkdir()
    data.mkdir()
    (data / "inputs").write_text("lent")

    def start(program: str, script: str = "script.py", **options: Any) -> Outcome:
        (task / script).write_text(textwrap.dedent(program))
        values = {"mounts": {"task": task, "data": data}, "output": tmp_path / "output", **options}
        values.setdefault("limits", Limits(seconds=20, memory_bytes=512 * MIB))
        return runner(command_for(script), **values)

    return start


def test_scripts_find_their_folders_and_start_in_the_bundle(go: Go, tmp_path: Path) -> None:
    outcome = go(
        """
        import os, pathlib
        assert pathlib.Path("script.py").exists()
        assert os.path.samefile(os.environ["DML_TASK"], ".")
        inputs = pathlib.Path(os.environ["DML_DATA"], "inputs").read_text()
        pathlib.Path(os.environ["DML_OUTPUT"], "result").write_text(inputs)
        pathlib.Path(os.environ["HOME"], "x").write_text("x")
        pathlib.Path(os.environ["TMPDIR"], "x").write_text("x")
        print(*map(os.environ.get, ["DML_THREADS", "OMP_NUM_THREADS", "DML_CONTRIBUTOR"]))
        """,
        limits=Limits(threads=3),
        environment={"DML_CONTRIBUTOR": "5Grw"},
    )
    assert outcome.ok, outcome
    assert outcome.log_tail == "3 3 5Grw"
    assert (tmp_path / "output" / "result").read_text() == "lent"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["data", "output", "task"]


def test_shell_scripts_run_too(go: Go) -> None:
    outcome = go("set -eu\necho $DML_DATA | tr a-z A-Z\nexit 3\n", script="start_task.sh")
    assert (outcome.reason, outcome.exit_code) == (Reason.EXITED, 3)
    assert outcome.log_tail.endswith("/DATA")


def test_the_tool_s_own_python_is_there(go: Go) -> None:
    outcome = go(
        """
        import sys, numpy, safetensors, decentralml.learning.tensors
        assert not sys.flags.no_site
        print(numpy.ones(2).sum())
        """
    )
    assert outcome.ok, outcome
    assert outcome.log_tail == "2.0"


def test_nothing_of_the_caller_s_environment(go: Go, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DECENTRALML_PASSPHRASE", "open sesame")
    monkeypatch.setenv("PYTHONSTARTUP", "/x")
    outcome = go("import os; print(sorted(os.environ.items()))")
    assert outcome.ok
    assert "sesame" not in outcome.log_tail
    assert "PYTHONSTARTUP" not in outcome.log_tail


@pytest.mark.parametrize(
    ("program", "code"),
    [
        ("raise SystemExit(7)", 7),
        ("1/0", 1),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", 137),
        ("import os; os.abort()", 134),
    ],
)
def test_exit_codes_are_those_of_a_shell(go: Go, program: str, code: int) -> None:
    outcome = go(program)
    assert (outcome.reason, outcome.exit_code) == (Reason.EXITED, code)
    assert not outcome.ok


def test_output_of_a_failed_program_is_kept_for_inspection(go: Go, tmp_path: Path) -> None:
    go("import os; open(os.environ['DML_OUTPUT'] + '/x', 'w').write('x'); 1/0")
    assert (tmp_path / "output" / "x").exists()


def test_time_is_limited(go: Go) -> None:
    started = time.monotonic()
    outcome = go("import time; time.sleep(30)", limits=Limits(seconds=0.5))
    assert outcome.reason is Reason.TIMEOUT
    assert "0.5 s" in outcome.describe()
    assert time.monotonic() - started < 5


def test_memory_is_limited(go: Go) -> None:
    program = "held = []\nwhile True: held.append(bytearray(16 << 20))"
    outcome = go(program, limits=Limits(seconds=20, memory_bytes=200 * MIB))
    assert outcome.reason is Reason.MEMORY
    assert outcome.peak_memory > 0


def test_pages_that_children_share_count_once(go: Go) -> None:
    outcome = go(
        """
        import os, time
        held = bytearray(100 << 20)
        children = [os.fork() for _ in range(2)]
        time.sleep(0.6)
        """,
        limits=Limits(seconds=20, memory_bytes=200 * MIB),
    )
    assert outcome.ok, outcome


def test_output_is_limited(go: Go) -> None:
    outcome = go(
        """
        import os
        for number in range(40):
            open(f"{os.environ['DML_OUTPUT']}/{number}", "wb").write(bytes(1 << 20))
        """,
        limits=Limits(output_bytes=32 * MIB),
    )
    assert outcome.reason is Reason.OUTPUT


def test_a_link_in_the_output_is_refused(go: Go, tmp_path: Path) -> None:
    outcome = go("import os; os.symlink('/etc/passwd', os.environ['DML_OUTPUT'] + '/model')")
    assert outcome.reason is Reason.REFUSED
    assert not any((tmp_path / "output").iterdir())


def test_a_child_that_stays_behind_is_killed(go: Go) -> None:
    mark = f"left-{os.getpid()}-{time.monotonic_ns()}"
    outcome = go(
        f"""
        import subprocess, sys
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)", "{mark}"])
        """
    )
    assert outcome.ok
    for process in Path("/proc").iterdir():
        if process.name.isdecimal():
            try:
                assert mark not in (process / "cmdline").read_text()
            except OSError:
                continue


def test_the_log_is_kept_and_followed(go: Go, tmp_path: Path) -> None:
    lines: list[str] = []
    log = tmp_path / "logs" / "run.log"
    outcome = go("print('one'); import sys; print('two', file=sys.stderr)",
                 log=log, on_line=lines.append)  # fmt: skip
    assert outcome.ok
    assert sorted(lines) == ["one", "two"]
    assert sorted(log.read_text().splitlines()) == ["one", "two"]


def test_an_error_of_who_follows_the_log_comes_back(go: Go) -> None:
    def full(_: str) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        go("for _ in range(100_000): print('x' * 100)", on_line=full)


def test_an_interrupted_run_leaves_nothing_behind(go: Go, tmp_path: Path) -> None:
    def interrupt(_: str) -> None:
        import _thread

        _thread.interrupt_main()

    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        go("import time\nprint('started')\ntime.sleep(30)", on_line=interrupt)
    assert time.monotonic() - started < 10
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


@pytest.mark.parametrize("name", ["output", "usr", "../x", "a/b", "", "lib"])
def test_reserved_names_of_mounts_are_refused(go: Go, tmp_path: Path, name: str) -> None:
    with pytest.raises(SandboxFailed, match="cannot be named"):
        go("pass", mounts={name: tmp_path})


def test_a_folder_that_is_not_there_is_refused(go: Go, tmp_path: Path) -> None:
    with pytest.raises(SandboxFailed, match="is not a folder"):
        go("pass", mounts={"data": tmp_path / "nowhere"})


def test_an_output_folder_in_use_is_refused(go: Go, tmp_path: Path) -> None:
    (tmp_path / "output").mkdir()
    (tmp_path / "output" / "old").touch()
    with pytest.raises(SandboxFailed, match="is not empty"):
        go("pass")
