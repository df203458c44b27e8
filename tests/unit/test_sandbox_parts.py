"""The parts of the sandbox that decide without running anything."""

from __future__ import annotations

import os
import resource
import struct
import sys
from pathlib import Path

import pytest

from decentralml.errors import OutputRefused, SandboxUnavailable, SetupFailed
from decentralml.sandbox import (  # isort: split
    Limits,
    Outcome,
    Reason,
    command_for,
    launch,
    layout,
    probe,
    seccomp,
    setup_environment,
    tool_environment,
)

from decentralml.sandbox.collect import take
from decentralml.sandbox.environment import variables
from decentralml.sandbox.limits import MIB, counted_apart, lowered, rlimits
from decentralml.sandbox.log import Log
from decentralml.sandbox.watch import FolderUsage, descendants, folder_usage


@pytest.mark.parametrize("name", Limits.__dataclass_fields__)
def test_limits_are_positive(name: str) -> None:
    with pytest.raises(ValueError, match=name):
        Limits(**{name: 0})


def test_kernel_limits_follow_from_the_limits() -> None:
    limits = rlimits(Limits(memory_bytes=100 * MIB, output_bytes=10 * MIB, processes=7))
    assert limits[resource.RLIMIT_CORE] == 0
    assert limits[resource.RLIMIT_FSIZE] > 10 * MIB
    assert limits[resource.RLIMIT_DATA] > 100 * MIB
    assert limits[resource.RLIMIT_NPROC] == 9


def test_kernel_limits_are_never_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (10, 10))
    assert lowered({resource.RLIMIT_NOFILE: 512, resource.RLIMIT_CORE: 0}) == {
        resource.RLIMIT_NOFILE: 10,
        resource.RLIMIT_CORE: 0,
    }


@pytest.mark.parametrize(
    ("release", "apart"),
    [
        ("6.18.44-fc-v445", True),
        ("5.14.0-427.el9.x86_64", True),
        ("5.10.0-28-amd64", False),
        ("5.4-rc14", False),
        ("7.0-rc1", True),
        ("6.1-generic", True),
    ],
)
def test_old_kernels_count_a_user_s_processes_together(release: str, apart: bool) -> None:
    assert counted_apart(release) is apart


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        (Outcome(0, Reason.EXITED, 1.25, ""), "finished in 1.2 s"),
        (Outcome(1, Reason.EXITED, 1, "a\nValueError: oh\n"), "exit code 1: ValueError: oh"),
        (Outcome(1, Reason.EXITED, 1, ""), "failed with exit code 1"),
        (Outcome(137, Reason.MEMORY, 1, "a", "stopped: too much"), "stopped: too much"),
    ],
)
def test_an_outcome_describes_itself_in_a_line(outcome: Outcome, said: str) -> None:
    assert outcome.describe().endswith(said)


def test_the_filters_are_programs_for_the_kernel() -> None:
    for code in seccomp.programs():
        assert len(code) % struct.calcsize("HBBI") == 0
        assert 8 < len(code) // 8 < 4096


def test_without_libseccomp_there_is_no_sandbox(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyseccomp", None)
    seccomp.programs.cache_clear()
    probe.available.cache_clear()
    try:
        found = probe.available()
        assert not found.ok
        assert "libseccomp" in found.problem
        assert "apt install libseccomp2" in found.remedy
        with pytest.raises(SandboxUnavailable, match="libseccomp"):
            probe.require()
    finally:
        seccomp.programs.cache_clear()
        probe.available.cache_clear()


@pytest.mark.parametrize(
    ("tools", "said"),
    [([], "bubblewrap is not installed"), ([Path("/bin/false")], "ended before it was ready")],
)
def test_without_a_working_bubblewrap_there_is_no_sandbox(
    monkeypatch: pytest.MonkeyPatch, tools: list[Path], said: str
) -> None:
    monkeypatch.setattr(probe, "_tools", lambda: tools)
    probe.available.cache_clear()
    try:
        found = probe.available()
        assert not found.ok
        assert said in found.problem
        assert found.remedy
    finally:
        probe.available.cache_clear()


@pytest.mark.parametrize(
    ("file", "value", "said"),
    [
        ("NAMESPACES", "0", "max_user_namespaces"),
        ("CLONES", "0", "unprivileged_userns_clone"),
        ("APPARMOR", "1", "apparmor"),
    ],
)
def test_the_remedy_names_the_setting_that_forbids_namespaces(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, file: str, value: str, said: str
) -> None:
    setting = tmp_path / "setting"
    setting.write_text(value + "\n")
    for name in ("NAMESPACES", "CLONES", "APPARMOR"):
        monkeypatch.setattr(probe, name, tmp_path / "absent")
    monkeypatch.setattr(probe, file, setting)
    assert said in probe._remedy()


def test_the_namespace_map_gives_root_s_files_to_the_sandbox_and_nobody_else_s() -> None:
    lines = [tuple(map(int, line.split())) for line in launch.identity_but_root(61184).splitlines()]
    outside = [(first, first + count) for _, first, count in lines]
    assert (0, 61184, 1) in lines
    assert all(inside == first for inside, first, _ in lines[1:])
    assert sorted(outside) == [(1, 61184), (61184, 61185), (61185, 0xFFFFFFFF)]


def test_arguments_mount_inputs_read_only_and_seal_the_root(tmp_path: Path) -> None:
    python = tool_environment()
    system, lent = layout.binds(python, {"data": tmp_path}, tmp_path / "out")
    descriptors = {"status": 3, "block": 4, "passwd": 6, "group": 7}
    found = layout.arguments([*system, *lent], Limits(), {}, "/data", filters=[5], **descriptors)
    text = " ".join(found)
    assert f"--ro-bind {tmp_path} /data" in text
    assert f"--bind {tmp_path / 'out'} /output" in text
    assert text.count("--bind ") == 1
    assert text.index("--remount-ro / ") > text.index("--proc /proc") > text.index("/output")
    assert {"--unshare-all", "--die-with-parent", "--new-session", "--clearenv"} <= set(found)
    assert "--share-net" not in found


def test_scripts_start_by_their_ending() -> None:
    assert command_for("predict.py") == ["python", "predict.py"]
    assert command_for("start_task.sh") == ["sh", "start_task.sh"]


def test_variables_say_where_things_are_and_how_many_threads() -> None:
    places = {"task": "/task", "output": "/output"}
    found = variables(
        tool_environment(), Limits(threads=3), places, "/h", "/t", "/p", {"DML_X": "1"}
    )
    assert found["DML_TASK"] == "/task"
    assert found["DML_OUTPUT"] == "/output"
    assert found["DML_THREADS"] == found["OMP_NUM_THREADS"] == "3"
    assert found["DML_X"] == "1"
    assert "DECENTRALML_HOME" not in found


def test_the_tool_s_environment_holds_its_interpreter() -> None:
    folders = tool_environment().folders
    assert any(Path(sys.executable).resolve().is_relative_to(f.resolve()) for f in folders)


def test_a_set_up_script_fills_an_environment_once(tmp_path: Path) -> None:
    bundle, folder, log = tmp_path / "bundle", tmp_path / "env", tmp_path / "log"
    bundle.mkdir()
    (bundle / "setup.sh").write_text(
        "set -eu\necho setting up\n"
        "python -c 'import numpy, sys; print(sys.prefix)' > $VIRTUAL_ENV/proof\n"
        "pip --version > $VIRTUAL_ENV/pip\n"
        "touch here\n"
    )
    lines: list[str] = []
    python = setup_environment(bundle, "setup.sh", folder, log=log, on_line=lines.append)
    assert lines == ["setting up"] == log.read_text().splitlines()
    assert (folder / "proof").read_text().strip() == str(folder)
    assert (folder / "pip").read_text().startswith("pip ")
    assert not (bundle / "here").exists()
    assert python.prefix == folder
    assert set(tool_environment().folders) <= set(python.folders)
    assert setup_environment(bundle, "setup.sh", folder, log=log, on_line=lines.append) == python
    assert lines == ["setting up"]
    (bundle / "setup.sh").write_text("echo again; exit 4")
    with pytest.raises(SetupFailed, match="exit code 4"):
        setup_environment(bundle, "setup.sh", folder, log=log, on_line=lines.append)
    with pytest.raises(SetupFailed, match="exit code 4"):
        setup_environment(bundle, "setup.sh", folder, log=log, on_line=lines.append)


def printed(content: bytes, limit: int, file: Path | None = None) -> tuple[list[str], str]:
    reader, writer = os.pipe()
    os.write(writer, content)
    os.close(writer)
    lines: list[str] = []
    return lines, Log(reader, limit, file, lines.append).close()


def test_a_log_keeps_lines_to_its_limit_and_the_last_ones(tmp_path: Path) -> None:
    content = b"".join(b"line %d\n" % n for n in range(1000))
    lines, tail = printed(content, 50, tmp_path / "log")
    assert lines == [f"line {n}" for n in range(8)] + ["[more was printed than is kept]"]
    assert (tmp_path / "log").read_text().splitlines() == lines
    assert tail.splitlines() == [f"line {n}" for n in range(950, 1000)]


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        (b"", []),
        (b"a", ["a"]),
        (b"a\n\nb\n", ["a", "", "b"]),
        (b"a\r\nb", ["a", "b"]),
        (b"10 %\r50 %\r100 %\n", ["100 %"]),
        ("näh\n".encode(), ["näh"]),
        (b"\xff\x1b[2J\n", ["\N{REPLACEMENT CHARACTER}" * 2 + "[2J"]),
        (b"x" * 10_000, ["x" * 4096, "x" * 4096, "x" * 1808]),
    ],
)
def test_a_log_is_lines_of_printable_text(content: bytes, lines: list[str]) -> None:
    found, tail = printed(content, 1 << 20)
    assert found == lines
    assert tail == "\n".join(lines)


def test_folder_usage_counts_once_and_stops_early(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x").write_bytes(bytes(5000))
    (tmp_path / "link").symlink_to("/usr")
    found = folder_usage(tmp_path, 1 << 20, 100)
    assert found.count == 3
    assert 5000 <= found.size < 20_000
    assert folder_usage(tmp_path, 1 << 20, 1).count == 2
    assert folder_usage(tmp_path / "nowhere", 1, 1) == FolderUsage(0, 0)


def test_descendants_include_the_process_itself() -> None:
    assert str(os.getpid()) in descendants(os.getppid())
    assert descendants(os.getpid())[0] == str(os.getpid())


def test_nothing_is_taken_unless_all_is_sound(tmp_path: Path) -> None:
    inbox, output = tmp_path / "inbox", tmp_path / "output"
    output.mkdir()
    (inbox / "good").mkdir(parents=True)
    (inbox / "good" / "file").write_text("x")
    os.mkfifo(inbox / "pipe")
    with pytest.raises(OutputRefused) as caught:
        take(inbox, output)
    assert caught.value.path == "pipe"
    assert list(output.iterdir()) == []
    (inbox / "pipe").unlink()
    take(inbox, output)
    assert (output / "good" / "file").read_text() == "x"
