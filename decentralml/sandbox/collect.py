"""Take out what a program left in its output folder, and nothing but plain files and folders."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from decentralml.errors import OutputRefused
from decentralml.sandbox.watch import MAX_DEPTH

FILE_MODE = 0o644
FOLDER_MODE = 0o755
SPECIAL = stat.S_ISUID | stat.S_ISGID | stat.S_ISVTX


def take(inbox: Path, output: Path) -> None:
    """Check everything below ``inbox``, make it the caller's, and move it to ``output``.

    To be called once no process of the program lives. Nothing is moved unless all is sound; links
    are never followed. Both folders must be on one file system.

    Raises
    ------
    OutputRefused : on links, devices, sockets, pipes, hard links, set-user-id bits, unreadable or
        unprintable names, and folders nested more than 32 deep.
    """
    inbox.chmod(0o700)
    entries = list(_walk(inbox))
    for path, status in entries:
        os.chmod(path, FOLDER_MODE if stat.S_ISDIR(status.st_mode) else FILE_MODE)  # noqa: PTH101
        if (status.st_uid, status.st_gid) != (os.geteuid(), os.getegid()):
            os.chown(path, os.geteuid(), os.getegid(), follow_symlinks=False)
    for name in os.listdir(inbox):  # noqa: PTH208
        (inbox / name).rename(output / name)


def _walk(inbox: Path) -> Iterator[tuple[str, os.stat_result]]:
    pending = [(str(inbox), 0)]
    while pending:
        folder, depth = pending.pop()
        for entry in os.scandir(folder):
            status = entry.stat(follow_symlinks=False)
            problem = _problem(entry.name, status, depth)
            if problem:
                shown = os.path.relpath(entry.path, inbox).encode("utf-8", "replace").decode()
                raise OutputRefused("".join(c if c.isprintable() else "?" for c in shown), problem)
            if stat.S_ISDIR(status.st_mode):
                os.chmod(entry.path, 0o700)  # noqa: PTH101
                pending.append((entry.path, depth + 1))
            yield entry.path, status


def _problem(name: str, status: os.stat_result, depth: int) -> str | None:
    if not name.isprintable():
        return "its name has characters that cannot be printed"
    if depth >= MAX_DEPTH:
        return f"folders are nested more than {MAX_DEPTH} deep"
    if stat.S_ISDIR(status.st_mode):
        return None
    if stat.S_ISLNK(status.st_mode):
        return "it is a symbolic link"
    if not stat.S_ISREG(status.st_mode):
        return "it is neither a file nor a folder"
    if status.st_nlink != 1:
        return "it is a hard link"
    if status.st_mode & SPECIAL:
        return "it would run with the rights of its owner"
    return None
