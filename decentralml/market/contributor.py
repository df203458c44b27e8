"""What a contributor does: take a slot, work on it in the sandbox, send the result."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from decentralml.bundles.manifest import ResultManifest, TaskManifest
from decentralml.bundles.pack import find_result, pack_result, result_files
from decentralml.chain.api import Receipt
from decentralml.chain.calls import Abandon, AcceptTask, SubmitResult
from decentralml.chain.errors import DeadlinePassed, NotAssigned, UnknownSubmission
from decentralml.errors import (
    AlreadySent,
    CallRefused,
    NothingToSend,
    ResultFolderInvalid,
    TaskNotOpen,
)
from decentralml.market.fetch import FetchedTask, fetch_task
from decentralml.market.session import Session
from decentralml.market.tasks import LIVE, every_submission, is_open, settle
from decentralml.market.work import replace_folder, scratch
from decentralml.types import Cid, Submission, SubmissionStatus, Task, TaskId


@dataclass(frozen=True, slots=True)
class Accepted:
    """A slot that is the account's, and the bundle to work with.

    Attributes
    ----------
    deadline : Unix milliseconds by which the result must be sent.
    resumed : the slot was held already.
    """

    task: TaskId
    index: int
    deadline: int
    bond: int
    bundle: Path
    setup: str | None
    resumed: bool


@dataclass(frozen=True, slots=True)
class Sent:
    """A result that is on the chain.

    Attributes
    ----------
    resumed : an earlier run of the same command had sent it.
    """

    task: TaskId
    index: int
    cid: Cid
    digest: bytes
    result: Path
    resumed: bool


def accept_task(session: Session, task: TaskId) -> Accepted:
    """Take one slot of a task.

    The bundle is fetched and verified before anything is signed, so that nobody binds a bond to
    work that cannot be done. Called again, it fetches what is missing and changes nothing.

    Raises
    ------
    TaskNotOpen : full, expired, withdrawn, completed, or the account's own.
    TermsMismatch, StorageError, CallRefused
    """
    found = session.chain.task(task)
    index = session.chain.open_assignment(task, session.address)
    resumed = index is not None
    if index is None:
        found = _freed(session, found)
        _require_open(session, found)
    bundle = fetch_task(session, found)
    if index is None:
        index = _accept(session, task)
    submission = session.chain.submission(task, index)
    return Accepted(
        task,
        index,
        submission.deadline or 0,
        submission.bond,
        bundle.folder,
        bundle.manifest.setup,
        resumed,
    )


def abandon_task(session: Session, task: TaskId) -> Receipt:
    """Give the slot back before its deadline; the bond returns. Raises NotAssigned."""
    if session.chain.open_assignment(task, session.address) is None:
        raise NotAssigned.foreseen(task=task, signer=session.address)
    return session.chain.submit(Abandon(task), session.key)


def assignment(session: Session, task: TaskId, doing: str) -> Submission:
    """The account's open assignment while it may still be worked on.

    Raises
    ------
    NotAssigned, AlreadySent, DeadlinePassed
    """
    index = session.chain.open_assignment(task, session.address)
    if index is None:
        session.chain.task(task)
        raise NotAssigned.foreseen(task=task, signer=session.address)
    found = session.chain.submission(task, index)
    if found.status is not SubmissionStatus.ASSIGNED:
        raise AlreadySent(task, index, found.status)
    if found.deadline is not None and session.chain.now() > found.deadline:
        raise DeadlinePassed.foreseen(task=task, deadline=found.deadline, what=doing)
    session.work(task).attempt(index).begin(found.accepted_at)
    return found


def send_results(session: Session, task: TaskId, result_path: Path | None = None) -> Sent:
    """Check, sign, store and send the result of the account's open assignment.

    Everything that can be checked here is checked before any fee is paid. Called again after it
    was interrupted or had succeeded, it finds the result on the chain and sends nothing twice.

    Raises
    ------
    NotAssigned, AlreadySent, DeadlinePassed, NothingToSend, ValidationError, BundleError,
    StorageError, CallRefused
    """
    earlier = _sent_before(session, task, result_path)
    if earlier is not None:
        return earlier
    found = assignment(session, task, "send a result")
    from decentralml.validation.checks import check_result

    attempt = session.work(task).attempt(found.index)
    bundle = fetch_task(session, session.chain.task(task))
    folder = _result_folder(result_path or attempt.output, bundle.manifest, task)
    check_result(folder, bundle.manifest, bundle.folder)
    with scratch(attempt.root) as space:
        manifest, digest = _pack(session, bundle, folder, space / "result", task)
        replace_folder(space / "result", attempt.result)
    with session.report.bar("storing the result") as progress:
        cid = session.objects.add(attempt.result, progress)
    with session.report.bar("publishing the result") as progress:
        session.objects.publish(cid, progress)
    session.report.step(f"sending result {cid} ({manifest.examples} examples)")
    session.chain.submit(SubmitResult(task, cid, digest), session.key)
    return Sent(task, found.index, cid, digest, attempt.result, resumed=False)


def _freed(session: Session, task: Task) -> Task:
    """The task after slots that others let expire were freed, if it has no other."""
    if task.status not in LIVE or task.open_slots or not task.active:
        return task
    now = session.chain.now()
    for submission in every_submission(session, task.id):
        late = submission.deadline is not None and now > submission.deadline
        if late and submission.status is SubmissionStatus.ASSIGNED:
            session.report.step(f"freeing the expired slot {submission.index}")
            settle(session, task.id, submission.index)
            return session.chain.task(task.id)
    return task


def _require_open(session: Session, task: Task) -> None:
    if task.creator == session.address:
        raise TaskNotOpen(task.id, "it is your own")
    now = session.chain.now()
    if is_open(task, now):
        return
    if task.status not in LIVE:
        why = task.status.lower()
    elif now >= task.terms.expires_at:
        why = "expired"
    else:
        why = "full"
    raise TaskNotOpen(task.id, why)


def _accept(session: Session, task: TaskId) -> int:
    try:
        session.chain.submit(AcceptTask(task), session.key)
    except CallRefused:
        # The same account's other command may have been faster: then the slot is ours.
        index = session.chain.open_assignment(task, session.address)
        if index is None:
            raise
        return index
    index = session.chain.open_assignment(task, session.address)
    assert index is not None, "accept_task succeeded without an assignment"
    return index


def _sent_before(session: Session, task: TaskId, result_path: Path | None) -> Sent | None:
    """The result that the chain has already, if it is the very one in the work folder.

    A result path names a new result, and a rejected or expired one may be followed by another.
    """
    attempt = session.work(task).newest_attempt()
    if attempt is None or not attempt.result.is_dir():
        return None
    index = int(attempt.root.name)
    try:
        found = session.chain.submission(task, index)
    except UnknownSubmission:
        return None  # The attempt is of a chain that was started anew.
    if found.result is None or found.digest is None or not attempt.is_of(found.accepted_at):
        return None
    if session.chain.open_assignment(task, session.address) not in (None, index):
        return None
    if result_path is not None and not _same(result_path, attempt.result):
        return None
    # The run before may have been interrupted between the chain and the store.
    if session.objects.has(found.result):
        session.objects.publish(found.result)
    return Sent(task, index, found.result, found.digest, attempt.result, resumed=True)


def _same(folder: Path, sent: Path) -> bool:
    """Whether a folder holds the very files of a result that was sent."""
    from decentralml.bundles.pack import open_result

    manifest = open_result(sent)
    candidates = [folder, *(p for p in folder.glob("*") if p.is_dir())]
    return any(
        all(
            (place / name).is_file() and (place / name).read_bytes() == (sent / name).read_bytes()
            for name in manifest.files
        )
        for place in candidates
    )


def _result_folder(place: Path, manifest: TaskManifest, task: TaskId) -> Path:
    """The folder with the result: the one named, or the only one inside it."""
    if not place.is_dir():
        raise NothingToSend(place, "is not there", task)
    if all((place / name).exists() for name in result_files(manifest)):
        return place
    if not any(place.iterdir()):
        raise NothingToSend(place, "is empty", task)
    try:
        return find_result(place)
    except ResultFolderInvalid as error:
        wanted = ", ".join(result_files(manifest))
        raise NothingToSend(place, f"holds no result ({wanted}): {error.reason}", task) from None


def _pack(
    session: Session, bundle: FetchedTask, folder: Path, out: Path, task: TaskId
) -> tuple[ResultManifest, bytes]:
    return pack_result(
        folder,
        out,
        task=bundle.manifest,
        task_id=task,
        genesis=session.info.genesis,
        base_model=bundle.base_model_cid,
        signer=session.key,
    )
