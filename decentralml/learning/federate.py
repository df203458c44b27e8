"""Merging accepted models into the next one: a saved model from saved models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from decentralml.bundles.manifest import MODEL_FILE, STRUCTURE_FILE
from decentralml.errors import NoUpdates, StructureMismatch
from decentralml.learning.robust.merge import Report, merge_updates
from decentralml.learning.robust.rules import Rule, RuleOptions
from decentralml.learning.stack import Progress
from decentralml.learning.structure import Structure
from decentralml.learning.tensors import TensorFile
from decentralml.learning.update import Update


@dataclass(frozen=True, slots=True)
class Merge:
    """The merged model's folder, and what was done to make it."""

    path: Path
    report: Report


def federate(
    updates: Sequence[Update],
    out: Path,
    weights: Sequence[float] | None = None,
    progress: Progress | None = None,
    *,
    rule: Rule = Rule.MEAN,
    base: Path | None = None,
    options: RuleOptions = RuleOptions(),  # noqa: B008 - it is frozen
    reference: Path | None = None,
) -> Merge:
    """Merge folders of saved models into the folder ``out``.

    The parameters are those of :func:`~decentralml.learning.robust.merge.merge_updates`, with
    ``base`` and ``reference`` as folders of saved models or safetensors files; besides, all models
    must name the same class and arguments.
    """
    if not updates:
        raise NoUpdates
    first = Structure.read(updates[0].path)
    for update in updates:
        found = Structure.read(update.path)
        if found != first:
            raise StructureMismatch(update.name, STRUCTURE_FILE, str(first), str(found))
    report = merge_updates(
        updates,
        out / MODEL_FILE,
        weights,
        progress,
        rule=rule,
        base=_open(base),
        options=options,
        reference=_open(reference),
    )
    first.write(out)
    return Merge(out, report)


def _open(model: Path | None) -> TensorFile | None:
    if model is None:
        return None
    return TensorFile.open(model / MODEL_FILE if model.is_dir() else model)
