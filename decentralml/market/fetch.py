"""Fetching a task's bundle and its results, and holding them against the chain.

Whatever is returned from here was verified block by block against its CID, is signed by the
account that the chain names, and says the same as the chain about task, genesis and digest.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from decentralml.bundles.manifest import ResultManifest, TaskManifest
from decentralml.bundles.pack import base_model_cid, open_result, open_task
from decentralml.errors import ResultMismatch, TermsMismatch
from decentralml.market.records import locked
from decentralml.market.session import Session
from decentralml.market.work import scratch
from decentralml.storage.dag import Limits
from decentralml.storage.unixfs import cid_of
from decentralml.types import Cid, Submission, Task

MANIFESTS_BYTES = 8 << 20
"""Room for a result's manifest and signature on top of its files."""


@dataclass(frozen=True, slots=True)
class FetchedTask:
    folder: Path
    manifest: TaskManifest

    @property
    def base_model(self) -> Path | None:
        """Folder of the model that work begins from."""
        named = self.manifest.base_model
        return None if named is None else self.folder / named

    @property
    def base_model_cid(self) -> Cid | None:
        return base_model_cid(self.folder, self.manifest)


@dataclass(frozen=True, slots=True)
class FetchedResult:
    submission: Submission
    folder: Path
    manifest: ResultManifest


def fetch_task(session: Session, task: Task) -> FetchedTask:
    """The task's bundle in the account's work folder.

    Raises
    ------
    TermsMismatch : the bundle says another thing than the chain.
    ManifestError, StorageError
    """
    folder = session.work(task.id).bundle
    fetch(session, task.terms.bundle, folder, f"fetching the bundle of task {task.id}")
    manifest = open_task(folder)
    for field in ("task_type", "strategy", "model_type"):
        said, promised = getattr(manifest, field), getattr(task.terms, field)
        if said != promised:
            raise TermsMismatch(task.id, field, said, promised)
    return FetchedTask(folder, manifest)


def fetch_result(session: Session, task: FetchedTask, submission: Submission) -> FetchedResult:
    """One result, in the account's work folder.

    Raises
    ------
    ResultMismatch : it is another chain's, task's, contributor's or base model's result.
    BundleError, StorageError : it is malformed, or cannot be fetched.
    """
    assert submission.result is not None and submission.digest is not None
    folder = session.work(submission.task).received(submission.index)
    label = f"fetching result {submission.index}"
    limits = Limits(total_bytes=task.manifest.result.max_bytes + MANIFESTS_BYTES)
    fetch(session, submission.result, folder, label, limits)
    manifest = open_result(folder, submission.digest)
    expected = {
        "genesis": session.info.genesis,
        "task": submission.task,
        "contributor": submission.contributor,
        "model_type": task.manifest.model_type,
        "base_model": task.base_model_cid,
    }
    for field, value in expected.items():
        found = getattr(manifest, field)
        if found != value:
            raise ResultMismatch(
                submission.task, submission.index, f"its {field} is {found}, not {value}"
            )
    return FetchedResult(submission, folder, manifest)


def fetch(
    session: Session, cid: Cid, place: Path, label: str, limits: Limits | None = None
) -> None:
    """Have the content of ``cid`` at ``place``; what is there already is checked, not trusted."""
    with locked(place.parent / f".{place.name}.lock"):
        if place.exists():
            if cid_of(place) == cid:
                return
            with scratch(place.parent) as grave:
                place.rename(grave / "old")
        with session.report.bar(label) as progress:
            session.objects.get(cid, place, limits or Limits(), progress)
