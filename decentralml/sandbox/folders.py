"""The folders of one run: what is lent, where it writes, and what is taken out at the end."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from decentralml.errors import OutputRefused, SandboxFailed
from decentralml.sandbox import collect, layout
from decentralml.sandbox.limits import Outcome, Reason
from decentralml.sandbox.supervise import End


def prepared(mounts: Mapping[str, Path], output: Path) -> dict[str, Path]:
    """The mounts with real paths; ``output`` is made.

    Raises
    ------
    SandboxFailed : on a name that is taken, a folder that is not there, an output in use.
    """
    folders = {}
    for name, path in mounts.items():
        if not name.isidentifier() or name in layout.RESERVED:
            raise SandboxFailed(f"a mount cannot be named {name!r}")
        if not path.is_dir():
            raise SandboxFailed(f"{path} is not a folder")
        folders[name] = path.resolve()
    output.mkdir(parents=True, exist_ok=True)
    if any(output.iterdir()):
        raise SandboxFailed(f"the output folder {output} is not empty")
    return folders


@contextlib.contextmanager
def inbox_for(output: Path) -> Iterator[Path]:
    """A folder beside ``output`` that the program writes to, removed at the end."""
    inbox = Path(tempfile.mkdtemp(prefix=".sandbox-", dir=output.resolve().parent))
    try:
        yield inbox
    finally:
        _remove(inbox)


def _remove(folder: Path) -> None:
    # A program may leave folders that their owner cannot list, this one included.
    folder.chmod(0o700)
    for path, folders, _ in os.walk(folder):
        for name in folders:
            inner = Path(path, name)
            if not inner.is_symlink():
                with contextlib.suppress(OSError):
                    inner.chmod(0o700)
    shutil.rmtree(folder, ignore_errors=True)


def finished(end: End, code: int, seconds: float, tail: str) -> Outcome:
    """``code`` as ``Popen`` gives it: negative after a signal."""
    code = 128 - code if code < 0 else code
    return Outcome(code, end.reason, seconds, tail, end.detail, end.peak_memory)


def taken(outcome: Outcome, inbox: Path, output: Path) -> Outcome:
    """Move the output of a run that ended by itself out of the inbox."""
    if outcome.reason is not Reason.EXITED:
        return outcome
    try:
        collect.take(inbox, output)
    except OutputRefused as error:
        return replace(outcome, reason=Reason.REFUSED, detail=str(error))
    return outcome
