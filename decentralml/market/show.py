"""One task as one account sees it: the chain's state and the account's own work on it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from decentralml.bundles.manifest import LABELS_FILE, MODEL_FILE
from decentralml.errors import NoKeyChosen
from decentralml.market.creating.criteria import Criteria, criteria_of
from decentralml.market.creating.pinned import Pinned, pinned_of
from decentralml.market.progress import Awaited, awaited
from decentralml.market.session import Session
from decentralml.market.standings import standings
from decentralml.market.tasks import list_task_results
from decentralml.market.work import WorkFolder
from decentralml.types import Role, Submission, SubmissionStatus, Task, TaskId


@dataclass(frozen=True, slots=True)
class OwnWork:
    """What the account has done for a task.

    Attributes
    ----------
    result : folder of the result: as it was sent, else as the script left it; None before.
    """

    index: int
    status: SubmissionStatus
    deadline: int | None
    bundle: Path
    result: Path | None
    log: Path | None


@dataclass(frozen=True, slots=True)
class ResultView:
    """One result, what it waits for, and its contributor's standing in parts per million."""

    submission: Submission
    awaited: Awaited | None
    standing: int


@dataclass(frozen=True, slots=True)
class TaskView:
    task: Task
    now: int
    """The chain's clock, Unix milliseconds."""
    results: dict[SubmissionStatus, int]
    """How many submissions there are, by status."""
    open_results: tuple[ResultView, ...]
    """Those that have not ended."""
    creator_standing: int
    criteria: Criteria | None
    """What decides about results; None where the bundle cannot be read from here yet."""
    pinned: Pinned | None
    """What else the bundle says; None where it cannot be read from here yet."""
    work: OwnWork | None


def show_task(session: Session, task: TaskId) -> TaskView:
    """Raises UnknownTask."""
    found = session.chain.task(task)
    submissions = list_task_results(session, task)
    counts: dict[SubmissionStatus, int] = {}
    for submission in submissions:
        counts[submission.status] = counts.get(submission.status, 0) + 1
    views = results_in_view(session, found, submissions)
    standing = session.chain.reputation(found.creator, Role.CREATOR).standing
    return TaskView(
        found,
        session.chain.now(),
        counts,
        tuple(view for view in views if view.awaited is not None),
        standing,
        criteria_of(session, found),
        pinned_of(session, found),
        _own(session, task, submissions),
    )


def view_results(session: Session, task: TaskId) -> list[ResultView]:
    """The results of a task by index, with what each waits for and who sent it."""
    return results_in_view(session, session.chain.task(task), list_task_results(session, task))


def results_in_view(
    session: Session, task: Task, submissions: list[Submission]
) -> list[ResultView]:
    contributors = (submission.contributor for submission in submissions)
    standing = standings(session, contributors, Role.CONTRIBUTOR)
    return [
        ResultView(submission, awaited(task, submission), standing[submission.contributor])
        for submission in submissions
    ]


def _own(session: Session, task: TaskId, submissions: list[Submission]) -> OwnWork | None:
    try:
        address = session.address
    except NoKeyChosen:
        return None
    mine = [submission for submission in submissions if submission.contributor == address]
    if not mine:
        return None
    newest = mine[-1]
    folder = session.work(task)
    attempt = folder.attempt(newest.index)
    if not attempt.is_of(newest.accepted_at):
        return OwnWork(newest.index, newest.status, newest.deadline, folder.bundle, None, None)
    return OwnWork(
        newest.index,
        newest.status,
        newest.deadline,
        folder.bundle,
        attempt.result if attempt.result.is_dir() else _left_by_script(folder, newest.index),
        attempt.log if attempt.log.is_file() else None,
    )


def _left_by_script(folder: WorkFolder, index: int) -> Path | None:
    for place in folder.attempt(index).output.glob("*"):
        if (place / MODEL_FILE).is_file() or (place / LABELS_FILE).is_file():
            return place
    return None
