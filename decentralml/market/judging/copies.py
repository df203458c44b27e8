"""Pointing out near copies, with the evidence: a note in the report, never a verdict by itself.

What is the same update as an earlier result's is another matter: :mod:`.twins`.
"""

from __future__ import annotations

from pathlib import Path

from decentralml.bundles.manifest import MANIFEST_FILE, MODEL_FILE
from decentralml.bundles.signing import digest
from decentralml.errors import DamagedTensors
from decentralml.market.exchange.fetch import FetchedTask
from decentralml.market.session import Session
from decentralml.types import Submission
from decentralml.validation.likeness import NEAR, likeness
from decentralml.validation.sketches import sketch, sketch_seed

MOST = 32
"""Results that one is compared with, the newest first."""
UNTRAINED = 0.001
"""Less than this part of the base model's weights away from it: hardly trained."""


def copy_notes(session: Session, task: FetchedTask, submission: Submission) -> tuple[str, ...]:
    """Sentences on what a result is a near copy of: the base model, or what others sent earlier.

    Compared are results that this account could open: what it has judged, or what was released to
    it.
    """
    model = _model(session, submission)
    base = None if task.base_model is None else task.base_model / MODEL_FILE
    if not model.is_file():
        return ()
    notes = []
    apart = None if base is None else _likeness(model, base, None)
    if apart is not None and apart < UNTRAINED:
        notes.append(f"near copy: it differs from the base model by {apart:.3%} of its weights")
    for other in session.chain.submissions(submission.task, MOST):
        if not _earlier(other, submission) or not _is_of(session, other):
            continue
        apart = _likeness(model, _model(session, other), base)
        if apart is not None and apart < NEAR:
            notes.append(
                f"near copy: it differs from result {other.index} of {other.contributor}, sent "
                f"earlier, by {apart:.2%} of that one's update"
            )
    return tuple(notes)


def own_sketch(
    session: Session, task: FetchedTask, submission: Submission
) -> tuple[int, ...] | None:
    """The sketch of a result that lies here opened; None where there is none to be made.

    Neither is one where merges are private: it would tell of an update without noise.
    """
    model, merge = _model(session, submission), task.manifest.merge
    private = merge is not None and merge.privacy is not None
    if private or task.base_model is None or not model.is_file():
        return None
    try:
        seed = sketch_seed(session.genesis, submission.task)
        return sketch(model, task.base_model / MODEL_FILE, seed)
    except (DamagedTensors, FileNotFoundError):
        return None


def _model(session: Session, submission: Submission) -> Path:
    folder = session.work(submission.task)
    decoded = folder.decoded(submission.index) / MODEL_FILE
    return decoded if decoded.is_file() else folder.received(submission.index) / MODEL_FILE


def _likeness(model: Path, other: Path, base: Path | None) -> float | None:
    try:
        return likeness(model, other, base)
    except (DamagedTensors, FileNotFoundError):
        return None


def _earlier(other: Submission, submission: Submission) -> bool:
    """Whether somebody else had sent another result before this one was."""
    times = (other.submitted_at, submission.submitted_at)
    return (
        other.contributor != submission.contributor
        and times[0] is not None
        and times[1] is not None
        and times[0] < times[1]
    )


def _is_of(session: Session, other: Submission) -> bool:
    """Whether the folder here holds the result that the chain names."""
    file = session.work(other.task).received(other.index) / MANIFEST_FILE
    return other.digest is not None and file.is_file() and digest(file.read_bytes()) == other.digest
