"""What a bundle pins besides what decides: how one trains, what travels, how it is merged."""

from __future__ import annotations

from dataclasses import dataclass, fields

from decentralml.bundles.attempts import Attempts
from decentralml.bundles.coding import Coding
from decentralml.bundles.manifest import ModelResult
from decentralml.bundles.merge import MergePlan
from decentralml.bundles.meta import MetaPlan
from decentralml.bundles.training import (
    MAX_BYTES,
    TRAINING_FILE,
    Algorithm,
    LocalTraining,
    parse_training,
)
from decentralml.errors import ManifestError, StorageError
from decentralml.market.exchange.fetch import peek_manifest
from decentralml.market.session import Session
from decentralml.types import Task


@dataclass(frozen=True, slots=True)
class Pinned:
    """None where the bundle says nothing.

    Attributes
    ----------
    training : of the contributors; a script may follow it.
    coding : of what travels of a model; None: all of it.
    merge : of accepted models.
    meta : how the contributors meta-learn, where they do.
    attempts : with which tasks' results theirs are merged, and from how many on.
    """

    training: LocalTraining | None
    coding: Coding | None
    merge: MergePlan | None
    meta: MetaPlan | None
    attempts: Attempts


def pinned_of(session: Session, task: Task) -> Pinned | None:
    """None where the bundle cannot be read from here yet."""
    bundle = task.terms.bundle
    try:
        manifest = peek_manifest(session, bundle)
    except (StorageError, ManifestError):
        return None
    try:
        training = parse_training(session.objects.peek(bundle, TRAINING_FILE, MAX_BYTES))
    except (StorageError, ManifestError):
        training = None  # Most bundles have no such file.
    shape = manifest.result
    coding = shape.coding if isinstance(shape, ModelResult) else None
    return Pinned(training, coding, manifest.merge, manifest.meta, manifest.attempts)


def training_in_words(training: LocalTraining) -> str:
    """What is asked of local training, in a line; empty where that is nothing."""
    said = [str(training.algorithm)] if training.algorithm is not Algorithm.FEDAVG else []
    for field in fields(training):
        value = getattr(training, field.name)
        if field.name not in ("algorithm", "privacy", "round") and value is not None:
            said.append(f"{field.name.replace('_', ' ')} {value:g}")
    if (asked := training.privacy) is not None:
        said.append(
            f"DP-SGD with noise {asked.noise:g}, clip {asked.clip:g}, delta {asked.delta:g}"
        )
    return ", ".join(said)


def meta_in_words(meta: MetaPlan) -> str:
    """How contributors meta-learn, in a line."""
    heads = "" if meta.classes is None else f", heads of {meta.classes} classes"
    return (
        f"{meta.method}, inner steps {meta.steps} of rate {meta.rate:g} on {meta.support:.0%} of "
        f"each client's examples{heads}, outer rate {meta.outer_rate:g}"
    )


def merge_in_words(merge: MergePlan) -> str:
    """How accepted models become the next one, in a line."""
    said = [merge.rule]
    if merge.weights is not None:
        said.append(f"weights by {merge.weights}")
    said += [f"{n} {v}" for n, v in (("bad", merge.bad), ("mixing", merge.mixing)) if v is not None]
    said.append(merge.optimizer)
    said += [f"{name.replace('_', ' ')} {value:g}" for name, value in merge.knobs.items()]
    if (asked := merge.privacy) is not None:
        said.append(f"clip {asked.clip:g}, noise {asked.noise:g}, delta {asked.delta:g}")
        said += [] if asked.budget is None else [f"epsilon {asked.budget:g} at most"]
    return ", ".join(said)


def attempts_in_words(attempts: Attempts) -> str | None:
    """With what results are merged, and from how many on, in a line; None where that is usual."""
    said = []
    if attempts.before:
        named = ", ".join(str(each.task) for each in attempts.before)
        said.append(f"with the results of task{'s' * (len(attempts.before) > 1)} {named}")
    if attempts.least > 1:
        said.append(f"{attempts.least} results at least")
    return "; ".join(said) or None
