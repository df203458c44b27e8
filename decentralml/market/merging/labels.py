"""Merging a task's accepted label sets into one, with what is to be said of their agreement."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

from decentralml.bundles.manifest import LABELS_FILE, LabelsResult
from decentralml.errors import FolderInUse, NotLabels
from decentralml.learning.annotation import (
    dawid_skene,
    fleiss_kappa,
    majority,
    mean_kappa,
    overlap,
)
from decentralml.market.exchange.fetch import fetch_task
from decentralml.market.merging.federation import accepted_results
from decentralml.market.session import Session
from decentralml.market.work import scratch
from decentralml.types import Address, TaskId, TaskType
from decentralml.validation.checks import read_labels
from decentralml.validation.policies import read_gold
from decentralml.validation.scores import score_annotation

REPORT_FILE = "agreement.json"


class LabelMethod(StrEnum):
    """How several labels of an item become one."""

    MAJORITY = "majority"
    """The most frequent one."""
    DAWID_SKENE = "dawid-skene"
    """The likeliest one, given how reliable each annotator turns out to be."""


@dataclass(frozen=True, slots=True)
class Annotator:
    """One label set in the merge; shares are of one.

    Attributes
    ----------
    agreement : share of its labels that the merged set has, too.
    kappa : mean of Cohen's with each of the others; None if it shares no item with anybody.
    reliability : share of items that it is estimated to label rightly (Dawid and Skene).
    gold : share of the gold items that have their gold label, if gold was given.
    """

    index: int
    contributor: Address
    items: int
    agreement: float
    kappa: float | None
    reliability: float | None
    gold: float | None


@dataclass(frozen=True, slots=True)
class MergedLabels:
    """What annotators say together.

    Attributes
    ----------
    folder : holds ``labels.json`` and ``agreement.json``, which is all of this.
    certainty : how likely each item's label is, 0 to 1, or the share of its labels that it is.
    kappa : Fleiss's, of all; None if no item has two labels.
    disputed : items that were labelled differently.
    gold : share of the gold items that the merged set has right; None where gold taught the
        merge, or none was given.
    """

    task: TaskId
    folder: Path
    method: LabelMethod
    items: int
    disputed: int
    kappa: float | None
    gold: float | None
    annotators: tuple[Annotator, ...]
    certainty: Mapping[str, float]


def merge_labels(
    session: Session,
    task: TaskId,
    out: Path,
    *,
    method: LabelMethod | None = None,
    gold: Path | None = None,
    teach: bool = False,
    only: Sequence[int] = (),
) -> MergedLabels:
    """Merge accepted label sets into the folder ``out``; the same sets give the same files.

    Parameters
    ----------
    method : None takes Dawid and Skene's where the task has classes or gold is to teach it, and the
        majority where labels are free text, of which nobody's errors can be told.
    gold : ``gold.json``, item to true label: annotators and the merged set are held against it.
    teach : let Dawid and Skene's method learn from the gold how reliable each annotator is; the
        merged set then has those labels, and is not held against them.
    only : indices of the results to merge; all accepted ones if empty.

    Raises
    ------
    NotLabels, NothingToMerge, FolderInUse, ValidationSetInvalid, TooManyLabels, BundleError
    """
    found = session.chain.task(task)
    if found.terms.task_type is not TaskType.DATA_ANNOTATORS:
        raise NotLabels(task)
    bundle = fetch_task(session, found)
    schema = bundle.manifest.result
    assert isinstance(schema, LabelsResult), "the chain's task type is the manifest's"
    known = None if gold is None else read_gold(gold)
    results = accepted_results(session, bundle, task, only)
    sets = [read_labels(result.folder / LABELS_FILE, schema) for result in results]
    if method is None:
        estimated = teach or schema.classes is not None
        method = LabelMethod.DAWID_SKENE if estimated else LabelMethod.MAJORITY
    session.report.step(f"merging {len(sets)} label sets ({method})")
    labels, certainty, reliability = _merge(sets, method, known if teach else None)
    if schema.items is not None and len(labels) > schema.items:
        session.report.warn(
            f"{len(labels)} different items are labelled, where the task has {schema.items}: some "
            "set labels what nobody asked for; compare their names, and choose with --only"
        )
    annotators = tuple(
        Annotator(
            result.submission.index,
            result.manifest.contributor,
            len(own),
            sum(labels[item] == label for item, label in own.items()) / len(own),
            mean_kappa(own, [other for other in sets if other is not own]),
            None if reliability is None else reliability[number],
            None if known is None else score_annotation(own, known).metrics["agreement"],
        )
        for number, (result, own) in enumerate(zip(results, sets, strict=True))
    )
    merged = MergedLabels(
        task,
        out,
        method,
        len(labels),
        sum(len({own[item] for own in sets if item in own}) > 1 for item in labels),
        fleiss_kappa(sets) if overlap(sets) else None,
        None
        if known is None or (teach and method is LabelMethod.DAWID_SKENE)
        else score_annotation(labels, known).metrics["agreement"],
        annotators,
        certainty,
    )
    _write(merged, labels)
    return merged


def _merge(
    sets: Sequence[Mapping[str, str]], method: LabelMethod, known: Mapping[str, str] | None
) -> tuple[Mapping[str, str], Mapping[str, float], tuple[float, ...] | None]:
    """Labels, how certain each is, and how reliable each annotator, where that is estimated."""
    if method is LabelMethod.DAWID_SKENE:
        consensus = dawid_skene(sets, known)
        return consensus.labels, consensus.certainty, consensus.reliability
    labels = majority(sets)
    certainty = {}
    for item, label in labels.items():
        votes = [own[item] for own in sets if item in own]
        certainty[item] = votes.count(label) / len(votes)
    return labels, certainty, None


def _write(merged: MergedLabels, labels: Mapping[str, str]) -> None:
    """``labels.json`` and ``agreement.json``, both or neither."""
    report = asdict(merged)
    del report["folder"]
    files = {LABELS_FILE: dict(labels), REPORT_FILE: report}
    texts = {
        name: json.dumps(document, indent=2, sort_keys=True) + "\n"
        for name, document in files.items()
    }
    out = merged.folder
    if out.exists():
        if any(_read(out / name) != text for name, text in texts.items()):
            raise FolderInUse(out)
        return
    with scratch(out.absolute().parent) as space:
        for name, text in texts.items():
            (space / name).write_text(text)
        space.rename(out)


def _read(file: Path) -> str | None:
    try:
        return file.read_text()
    except OSError:
        return None
