"""Fetching a task's bundle and its results, opening them, and holding them against the chain.

Whatever is returned from here was verified block by block against its CID, is signed by the
account that the chain names, and says the same as the chain about task, genesis and digest.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from decentralml.bundles.manifest import (
    MANIFEST_FILE,
    MAX_MANIFEST_BYTES,
    ResultManifest,
    TaskManifest,
    parse_task,
)
from decentralml.bundles.pack import base_model_cid, open_result, open_task
from decentralml.bundles.sealing import unseal_folder
from decentralml.errors import (
    BundleError,
    DamagedUpdate,
    NotARecipient,
    ResultMismatch,
    SealDamaged,
    StorageError,
    TermsMismatch,
)
from decentralml.market.exchange.coded import coding_of, from_travel
from decentralml.market.exchange.sealed import known_key
from decentralml.market.session import Session
from decentralml.market.work import replace_folder, scratch
from decentralml.service.files import locked
from decentralml.storage.dag import Limits
from decentralml.storage.unixfs import cid_of
from decentralml.types import Cid, Submission, Task, Terms

MANIFESTS_BYTES = 8 << 20
"""Room for a result's manifest and signature on top of its files."""
SEAL_SHARE = 64
"""A sealed file is larger than the plain one by less than this part of it."""


@dataclass(frozen=True, slots=True)
class FetchedTask:
    terms: Terms
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
    """One result.

    Attributes
    ----------
    folder : of the plain model or labels, whichever way it travelled.
    """

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
    said_of_replay = manifest.replay and manifest.replay.checkpoints
    promised_of_replay = task.terms.replay and task.terms.replay.checkpoints
    if said_of_replay != promised_of_replay:
        raise TermsMismatch(
            task.id, "replay's checkpoints", str(said_of_replay), str(promised_of_replay)
        )
    return FetchedTask(task.terms, folder, manifest)


def peek_manifest(session: Session, bundle: Cid) -> TaskManifest:
    """What a bundle says of itself, without fetching the rest of it; nothing is kept.

    Raises
    ------
    ManifestError, StorageError
    """
    return parse_task(session.objects.peek(bundle, MANIFEST_FILE, MAX_MANIFEST_BYTES))


def fetch_result(session: Session, task: FetchedTask, submission: Submission) -> FetchedResult:
    """One result, opened, in the account's work folder.

    Raises
    ------
    ResultSealed, ProfileKeyForeign : this account cannot open it.
    WrongWrap, KeyMismatch : what was handed to this account is not its key.
    ResultMismatch : its key does not open it, or it is another chain's, task's, contributor's or
        base model's result.
    BundleError, StorageError : it is malformed, or cannot be fetched.
    """
    assert submission.result is not None and submission.digest is not None
    folder = session.work(submission.task).received(submission.index)
    label = f"fetching result {submission.index}"
    limits = Limits(total_bytes=task.manifest.result.max_bytes + MANIFESTS_BYTES)
    if submission.seal is None:
        fetch(session, submission.result, folder, label, limits)
    else:
        key = known_key(session, task.terms, submission)
        _fetch_sealed(session, submission, key, folder, label, limits)
    manifest = open_result(folder, submission.digest)
    expected = {
        "genesis": session.info.genesis,
        "task": submission.task,
        "contributor": submission.contributor,
        "model_type": task.manifest.model_type,
        "base_model": task.base_model_cid,
        "trace": submission.trace,
    }
    for field, value in expected.items():
        found = getattr(manifest, field)
        if found != value:
            raise ResultMismatch(
                submission.task, submission.index, f"its {field} is {found}, not {value}"
            )
    return FetchedResult(submission, _plain(session, task, submission, folder), manifest)


def _plain(session: Session, task: FetchedTask, submission: Submission, folder: Path) -> Path:
    """The model that a result stands for, made anew where it travelled coded."""
    place = session.work(submission.task).decoded(submission.index)
    if coding_of(task.manifest) is None:
        return folder
    with locked(place.parent / f".{place.name}.lock"), scratch(place.parent) as space:
        try:
            found = from_travel(task.manifest, task.folder, folder, space / "model")
        except DamagedUpdate as error:
            raise ResultMismatch(submission.task, submission.index, error.reason) from None
        replace_folder(found, place)
    return place


def _fetch_sealed(
    session: Session, submission: Submission, key: bytes, place: Path, label: str, limits: Limits
) -> None:
    """Have the opened result at ``place``; what was opened before is checked, not trusted."""
    assert submission.result is not None and submission.digest is not None
    with locked(place.parent / f".{place.name}.lock"):
        if place.exists():
            with suppress(BundleError, StorageError):
                open_result(place, submission.digest)
                return
        with scratch(place.parent) as space:
            sealed_limits = Limits(
                total_bytes=limits.total_bytes + limits.total_bytes // SEAL_SHARE + MANIFESTS_BYTES
            )
            with session.report.bar(label) as progress:
                session.objects.get(submission.result, space / "sealed", sealed_limits, progress)
            try:
                unseal_folder(space / "sealed", key, space / "result", limits)
            except (NotARecipient, SealDamaged):
                raise ResultMismatch(
                    submission.task, submission.index, "it does not open with its key"
                ) from None
            replace_folder(space / "result", place)


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
