"""Data sets to try the marketplace with, split among its roles."""

from __future__ import annotations

from pathlib import Path

from decentralml.errors import FolderInUse
from decentralml.market.work import scratch


def write_example_data(name: str, out: Path, parts: int, seed: int = 0) -> dict[str, list[int]]:
    """Write a data set to the new folder ``out``; images of each class by folder.

    The folders are ``creator``, ``validation``, ``test``, ``contributor-1`` to
    ``contributor-<parts>``, and ``poisoned``: the last contributor's with wrong labels.

    Raises
    ------
    FolderInUse, ExamplesNotInstalled, LearningError
    """
    from decentralml.learning.examples import write_mnist

    assert name == "mnist"
    if out.exists() and any(out.iterdir()):
        raise FolderInUse(out)
    with scratch(out.absolute().parent) as space:
        counts = write_mnist(space / "data", parts, seed)
        if out.exists():
            out.rmdir()
        (space / "data").rename(out)
    return counts
