"""Which names a file or folder may have, here and in what strangers send."""

from __future__ import annotations

from decentralml.errors import UnsafePath

MAX_NAME = 255
"""Bytes of UTF-8: what common file systems take."""
MAX_DEPTH = 64
"""Folders inside folders."""


def check_name(name: str, path: str | None = None) -> None:
    """Refuse a name that could leave its folder, that no file system takes, or that would play
    tricks with a terminal.

    Parameters
    ----------
    name : one component of a path.
    path : the whole path, for the complaint.

    Raises
    ------
    UnsafePath
    """
    shown = name if path is None else path
    if name in ("", ".", ".."):
        raise UnsafePath(shown, "a part of it is empty or made of dots")
    if "/" in name or "\0" in name:
        raise UnsafePath(shown, "a name holds a slash or a NUL")
    if any(ord(character) < 32 or ord(character) == 127 for character in name):
        raise UnsafePath(shown, "a name holds control characters")
    try:
        size = len(name.encode("utf-8"))
    except UnicodeEncodeError:
        raise UnsafePath(repr(shown), "a name is not valid UTF-8") from None
    if size > MAX_NAME:
        raise UnsafePath(shown, f"a name is longer than {MAX_NAME} bytes")
