"""A contributor's result: check, sign, seal and send it; then hand its key on until it is paid."""

from __future__ import annotations

import filecmp
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from decentralml.bundles.manifest import UPDATE_FILE, ResultManifest, TaskManifest
from decentralml.bundles.pack import find_result, open_result, pack_result, result_files
from decentralml.bundles.sealing import seal_folder
from decentralml.chain.calls import SubmitResult
from decentralml.chain.errors import UnknownSubmission
from decentralml.errors import CallRefused, NothingToSend, ResultFolderInvalid, TakenBack
from decentralml.market.contributing.contributor import assignment
from decentralml.market.contributing.private import note_trained, require_claim
from decentralml.market.exchange.coded import made_of, note_untold, to_travel
from decentralml.market.exchange.fetch import FetchedTask, fetch_task
from decentralml.market.exchange.sealed import hand_key, made_key, release_key, seal_of
from decentralml.market.progress import ENDED, Awaited, awaited, brought_on
from decentralml.market.session import Session
from decentralml.market.staying import Waits, stay
from decentralml.market.work import Attempt, replace_folder, scratch
from decentralml.service.files import locked
from decentralml.types import (
    Cid,
    Phase,
    Submission,
    SubmissionStatus,
    Task,
    TaskId,
    Window,
)

RESULT, CODED = "result", "coded"
"""In the space where a result is packed."""
NO_READER = bytes(32)
"""The reader of tasks of version 1, whose results travel unsealed."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A result that is on the chain.

    Attributes
    ----------
    cid : of the sealed result.
    result : folder of the plain one.
    resumed : an earlier run of the same command had sent it.
    done : what this run did besides, in the past tense.
    awaited : what the result waits for now; None once it has ended.
    note : why something could not be done, if so.
    """

    task: TaskId
    index: int
    cid: Cid
    digest: bytes
    result: Path
    resumed: bool
    status: SubmissionStatus
    done: tuple[str, ...] = ()
    awaited: Awaited | None = None
    note: str | None = None


def send_results(session: Session, task: TaskId, result_path: Path | None = None) -> Sent:
    """Check, sign, seal, store and send the result of the account's open assignment; go on.

    Everything that can be checked here is checked before any fee is paid. Then the committee is
    drawn and given the key. Called again, it finds the result on the chain and does what has become
    due: it hands the key to members that came later and to the jury of an appeal, and releases it
    once the result is accepted, if no member has.

    Raises
    ------
    NotAssigned, AlreadySubmitted, DeadlinePassed, NothingToSend, ValidationError, BundleError,
    StorageError, CallRefused
    TakenBack : a fork undid it.
    """
    found = session.chain.task(task)
    with locked(session.work(task).root / ".send.lock"):
        submission = _sent_before(session, task, result_path)
        resumed = submission is not None
        if submission is None:
            submission = _send(session, found, result_path)
    return follow_result(session, found, submission, resumed)


def follow_result(
    session: Session, task: Task, submission: Submission, resumed: bool = True
) -> Sent:
    """Do what has become due of a result that was sent."""
    submission, done, note = _followed(session, task, submission)
    if submission.result is None or submission.digest is None:
        raise TakenBack(f"result {submission.index} of task {task.id}")
    attempt = session.work(task.id).attempt(submission.index)
    return Sent(
        task.id,
        submission.index,
        submission.result,
        submission.digest,
        attempt.result,
        resumed,
        submission.status,
        done,
        awaited(task, submission),
        note,
    )


def stay_with_result(
    session: Session,
    task: TaskId,
    result_path: Path | None,
    idle: Callable[[Waits, int], None],
) -> Iterator[Sent]:
    """Send the result, and do what becomes due of it until it has ended; each visit's outcome.

    Parameters
    ----------
    idle : see :func:`~decentralml.market.staying.stay`.
    """
    first = [send_results(session, task, result_path)]
    index = first[0].index
    found = session.chain.task(task)

    def visit() -> Sent:
        if first:
            return first.pop()
        return follow_result(session, found, session.chain.submission(task, index))

    yield from stay(
        session,
        task,
        visit,
        lambda sent: {} if sent.awaited is None else {sent.index: sent.awaited},
        idle,
    )


def _send(session: Session, task: Task, result_path: Path | None) -> Submission:
    found = assignment(session, task.id, "send a result")
    from decentralml.validation.checks import check_result

    attempt = session.work(task.id).attempt(found.index)
    bundle = fetch_task(session, task)
    folder = result_folder(result_path or attempt.output, bundle.manifest, task.id)
    check_result(folder, bundle.manifest, bundle.folder)
    with scratch(attempt.root) as space:
        manifest, digest = pack(session, task, bundle, folder, space)
        note_untold(attempt, folder, space / CODED)
        replace_folder(space / RESULT, attempt.result)
    sealed = task.terms.reader != NO_READER
    key = made_key(session, found, digest)
    content = _sealed(session, attempt, key, digest) if sealed else attempt.result
    with session.report.bar("storing the result") as progress:
        cid = session.objects.add(content, progress)
    with session.report.bar("publishing the result") as progress:
        session.objects.publish(cid, progress)
    session.report.step(f"sending result {cid} ({manifest.examples} examples)")
    seal = seal_of(key, task.terms) if sealed else None
    session.chain.submit(SubmitResult(task.id, cid, digest, seal, manifest.trace), session.key)
    note_trained(session, task, bundle, cid, manifest.metrics)
    attempt.sealed(digest).unlink(missing_ok=True)
    return session.chain.submission(task.id, found.index)


def _sealed(session: Session, attempt: Attempt, key: bytes, digest: bytes) -> Path:
    """The sealed result; one that an interrupted run has left is taken, not made again."""
    sealed = attempt.sealed(digest)
    if not sealed.exists():
        session.report.step("sealing the result")
        seal_folder(attempt.result, key, sealed)
    return sealed


def _followed(
    session: Session, task: Task, submission: Submission
) -> tuple[Submission, tuple[str, ...], str | None]:
    """Do what has become due of a sent result; it then, what was done, and what could not be."""
    done: list[str] = []
    try:
        while True:
            submission = brought_on(session, submission)
            if submission.phase is Phase.SEALING:
                submission = hand_key(session, submission)
                done.append(
                    "handed its key to the jury"
                    if submission.appeal
                    else "handed its key to the committee"
                )
            elif submission.window is Window.RELEASE:
                submission = release_key(session, task.terms, submission)
                done.append("released its key")
            else:
                return submission, tuple(done), None
    except CallRefused as error:
        after = session.chain.submission(submission.task, submission.index)
        return after, tuple(done), str(error)


def _sent_before(session: Session, task: TaskId, result_path: Path | None) -> Submission | None:
    """The submission whose result the chain has already, if it is the very one asked for.

    A result path names a new result, and a rejected or expired one may be followed by another.
    """
    index = session.chain.open_assignment(task, session.address)
    attempt = session.work(task).newest_attempt()
    if index is None and attempt is not None:
        index = int(attempt.root.name)
    if index is None:
        return None
    try:
        found = session.chain.submission(task, index)
    except UnknownSubmission:
        return None  # The attempt is of a chain that was started anew.
    if found.result is None or found.contributor != session.address:
        return None
    kept = session.work(task).attempt(index)
    if found.status in ENDED and not kept.is_of(found.accepted_at):
        return None
    if result_path is not None and not (kept.result.is_dir() and _same(result_path, kept)):
        return None
    # The run before may have been interrupted between the chain and the store.
    if session.objects.has(found.result):
        session.objects.publish(found.result)
    return found


def _same(folder: Path, attempt: Attempt) -> bool:
    """Whether a folder holds the very files of a result that was sent."""
    manifest = open_result(attempt.result)

    def same(place: Path, name: str) -> bool:
        if name == UPDATE_FILE:
            return made_of(attempt, place)
        sent = attempt.result / name
        return (place / name).is_file() and filecmp.cmp(place / name, sent, shallow=False)

    candidates = [folder, *(p for p in folder.glob("*") if p.is_dir())]
    return any(all(same(place, name) for name in manifest.files) for place in candidates)


def result_folder(place: Path, manifest: TaskManifest, task: TaskId) -> Path:
    """The folder with the result: the one named, or the only one inside it."""
    own_data = manifest.replay is None
    if not place.is_dir():
        raise NothingToSend(place, "is not there", task, own_data)
    if all((place / name).exists() for name in result_files(manifest)):
        return place
    if not any(place.iterdir()):
        raise NothingToSend(place, "is empty", task, own_data)
    try:
        return find_result(place)
    except ResultFolderInvalid as error:
        wanted = ", ".join(result_files(manifest)[:4])
        problem = f"holds no result ({wanted}): {error.reason}"
        raise NothingToSend(place, problem, task, own_data) from None


def pack(
    session: Session, task: Task, bundle: FetchedTask, folder: Path, space: Path
) -> tuple[ResultManifest, bytes]:
    """Have a result in ``space / RESULT`` as it travels, signed; its manifest and digest."""
    travels = to_travel(session, task, bundle.manifest, bundle.folder, folder, space / CODED)
    manifest, digest = pack_result(
        travels,
        space / RESULT,
        task=bundle.manifest,
        task_id=task.id,
        genesis=session.info.genesis,
        base_model=bundle.base_model_cid,
        signer=session.key,
    )
    require_claim(bundle, folder, manifest.metrics)
    return manifest, digest
