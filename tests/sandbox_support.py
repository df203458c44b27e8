"""Run small Python programs in the sandbox and say what they managed to do."""

from __future__ import annotations

import itertools
import json
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from decentralml.sandbox import Limits, Outcome, available, run

MIB = 1 << 20
_numbers = itertools.count()


def need_sandbox() -> None:
    """Skip, loudly, where the kernel does not permit sandboxes."""
    probe = available()
    if not probe.ok:
        pytest.skip(f"NO SANDBOX HERE, untested: {probe.problem}; {probe.remedy}")


def attempt(
    folder: Path,
    program: str,
    *,
    limits: Limits | None = None,
    mounts: Mapping[str, Path] | None = None,
    **options: Any,
) -> Outcome:
    """Run ``program`` (Python) as the task's script; its output lands in ``folder/output…``."""
    need_sandbox()
    task = folder / f"task{next(_numbers)}"
    task.mkdir()
    (task / "attempt.py").write_text(textwrap.dedent(program))
    return run(
        ["python", "attempt.py"],
        mounts={"task": task, **(mounts or {})},
        output=output_of(folder),
        limits=limits or Limits(seconds=20, memory_bytes=512 * MIB),
        **options,
    )


def output_of(folder: Path) -> Path:
    return folder / "output"


def answer(folder: Path, program: str, **options: Any) -> Any:
    """What ``program`` left in ``/output/answer.json``; it must end well.

    It may call ``answer(value)``, and ``tried(function, *arguments)`` gives "done" or the name of
    the error (of an ``OSError``, its symbol).
    """
    prelude = """
    import ctypes, errno, json, os, sys
    libc = ctypes.CDLL(None, use_errno=True)
    def answer(value):
        with open("/output/answer.json", "w") as file:
            json.dump(value, file)
    def tried(function, *arguments):
        try:
            function(*arguments)
        except OSError as error:
            return errno.errorcode.get(error.errno, str(error))
        except Exception as error:
            return type(error).__name__
        return "done"
    def called(function, *arguments):
        ctypes.set_errno(0)
        result = function(*arguments)
        return "done" if result >= 0 else errno.errorcode[ctypes.get_errno()]
    """
    outcome = attempt(folder, textwrap.dedent(prelude) + textwrap.dedent(program), **options)
    assert outcome.ok, outcome
    return json.loads((output_of(folder) / "answer.json").read_text())
