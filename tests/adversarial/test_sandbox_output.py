"""Programs that write or print more than they may."""

from __future__ import annotations

from pathlib import Path

import pytest
from sandbox_support import MIB, attempt, output_of

from decentralml.sandbox import Limits, Reason


def limits(**changes: float) -> Limits:
    values: dict[str, float] = {"seconds": 20, "memory_bytes": 512 * MIB, **changes}
    return Limits(**values)  # type: ignore[arg-type]


def test_one_large_file_is_stopped(tmp_path: Path) -> None:
    outcome = attempt(
        tmp_path,
        """
        import time
        with open("/output/x", "wb") as file:
            try:
                while True: file.write(bytes(1 << 20))
            except OSError: pass
        time.sleep(30)
        """,
        limits=limits(output_bytes=32 * MIB),
    )
    assert outcome.reason is Reason.OUTPUT
    assert list(output_of(tmp_path).iterdir()) == []


def test_many_files_that_are_large_together_are_stopped(tmp_path: Path) -> None:
    outcome = attempt(
        tmp_path,
        """
        import itertools
        for number in itertools.count():
            with open(f"/output/{number}", "wb") as file:
                file.write(bytes(1 << 20))
        """,
        limits=limits(output_bytes=32 * MIB, file_count=100_000),
    )
    assert outcome.reason is Reason.OUTPUT


def test_too_much_output_of_a_program_that_ends_quickly_is_not_taken(tmp_path: Path) -> None:
    outcome = attempt(
        tmp_path,
        """
        for number in range(40):
            open(f"/output/{number}", "wb").write(bytes(1 << 20))
        """,
        limits=limits(output_bytes=32 * MIB),
    )
    assert outcome.reason is Reason.OUTPUT
    assert list(output_of(tmp_path).iterdir()) == []


def test_open_files_that_no_folder_lists_count_too(tmp_path: Path) -> None:
    outcome = attempt(
        tmp_path,
        """
        import os, time
        held = []
        for number in range(8):
            held.append(open("/output/x", "wb"))
            os.remove("/output/x")
            held[-1].write(bytes(8 << 20))
            held[-1].flush()
        time.sleep(30)
        """,
        limits=limits(output_bytes=32 * MIB),
    )
    assert outcome.reason is Reason.OUTPUT


def test_a_flood_of_files_is_stopped(tmp_path: Path) -> None:
    outcome = attempt(
        tmp_path,
        """
        import itertools
        for number in itertools.count():
            open(f"/output/{number}", "w").close()
        """,
        limits=limits(file_count=50),
    )
    assert outcome.reason is Reason.FILES
    assert [p for p in tmp_path.iterdir() if p.name.startswith(".sandbox")] == []


@pytest.mark.parametrize("folder", ["/output", "/output/hidden"])
def test_output_is_limited_in_folders_that_nobody_may_list(tmp_path: Path, folder: str) -> None:
    outcome = attempt(
        tmp_path,
        f"""
        import os
        os.makedirs("{folder}", exist_ok=True)
        os.chmod("{folder}", 0o300)
        for number in range(40):
            open(f"{folder}/{{number}}", "wb").write(bytes(1 << 20))
        """,
        limits=limits(output_bytes=32 * MIB),
    )
    assert outcome.reason in (Reason.OUTPUT, Reason.FILES)
    assert list(output_of(tmp_path).iterdir()) == []
    assert [p for p in tmp_path.iterdir() if p.name.startswith(".sandbox")] == []


def test_a_sparse_file_counts_with_its_length(tmp_path: Path) -> None:
    outcome = attempt(
        tmp_path,
        """
        import os
        for number in range(4):
            with open(f"/output/{number}", "wb") as file: file.truncate(20 << 20)
        """,
        limits=limits(output_bytes=32 * MIB),
    )
    assert outcome.reason is Reason.OUTPUT


def test_a_program_that_prints_a_gigabyte_costs_neither_memory_nor_disk(tmp_path: Path) -> None:
    log = tmp_path / "log"
    lines = 0

    def count(_: str) -> None:
        nonlocal lines
        lines += 1

    outcome = attempt(
        tmp_path,
        """
        import os
        block = (b"x" * 99 + b"\\n") * 10_000
        for _ in range(1000):
            view = memoryview(block)
            while view: view = view[os.write(1, view):]
        os.write(1, b"the end\\n")
        """,
        limits=limits(log_bytes=100_000),
        log=log,
        on_line=count,
    )
    assert outcome.ok, outcome
    assert log.stat().st_size < 110_000
    assert 900 < lines < 1100
    assert outcome.log_tail.endswith("the end")
    assert len(outcome.log_tail) < 300_000


def test_a_line_without_end_is_cut(tmp_path: Path) -> None:
    log = tmp_path / "log"
    outcome = attempt(
        tmp_path,
        "import sys\nfor _ in range(50): sys.stdout.write('x' * (1 << 20))",
        limits=limits(log_bytes=50_000),
        log=log,
    )
    assert outcome.ok
    assert log.stat().st_size < 60_000
    assert len(outcome.log_tail) < 300_000
