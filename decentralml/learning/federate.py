"""Merging accepted models into the next one: a saved model from saved models."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from decentralml.bundles.manifest import MODEL_FILE, STRUCTURE_FILE
from decentralml.errors import NoUpdates, StructureMismatch
from decentralml.learning.mean import Progress, weighted_mean
from decentralml.learning.structure import Structure
from decentralml.learning.update import Update


def federate(
    updates: Sequence[Update],
    out: Path,
    weights: Sequence[float] | None = None,
    progress: Progress | None = None,
) -> Path:
    """Merge folders of saved models into the folder ``out`` and return it.

    The parameters are those of :func:`~decentralml.learning.mean.weighted_mean`; besides, all
    models must name the same class and arguments.
    """
    if not updates:
        raise NoUpdates
    first = Structure.read(updates[0].path)
    for update in updates:
        found = Structure.read(update.path)
        if found != first:
            raise StructureMismatch(update.name, STRUCTURE_FILE, str(first), str(found))
    weighted_mean(updates, out / MODEL_FILE, weights, progress)
    first.write(out)
    return out
