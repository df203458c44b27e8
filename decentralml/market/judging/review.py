"""``validate-task-results``: a member attends to its panels, anybody else reads and measures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from decentralml.errors import (
    DecentralMLError,
    NotAnAggregator,
    ProfileKeyForeign,
    ValidationSetSealed,
)
from decentralml.market.exchange.handover import hand_over_if_able
from decentralml.market.judging.lapses import Lapse, new_lapses
from decentralml.market.judging.opinion import Bar, bar
from decentralml.market.judging.panel import Duty, attend_panels, is_aggregator
from decentralml.market.judging.told import Sketches
from decentralml.market.judging.twins import Likeness, likenesses
from decentralml.market.progress import Awaited, awaited
from decentralml.market.reports import Opinion, read_opinions
from decentralml.market.session import Session
from decentralml.market.staying import Waits, stay
from decentralml.market.tasks import list_task_results
from decentralml.types import Address, Submission, SubmissionStatus, TaskId, Verdict
from decentralml.validation.findings import Finding


@dataclass(frozen=True, slots=True)
class Review:
    """One result: what the committee found, and what this account measured itself.

    Attributes
    ----------
    awaited : what the result waits for; None once it has ended.
    folder : the fetched result; None while it is sealed to this account.
    own : this account's finding; None without the result, or a validation set that it can open.
    alike : whose earlier update it has, or nearly, by the public reports; no verdict by itself.
    note : why something is missing, if so.
    """

    index: int
    contributor: Address
    status: SubmissionStatus
    verdict: Verdict | None
    score: int | None
    awaited: Awaited | None
    opinions: tuple[Opinion, ...]
    folder: Path | None
    own: Finding | None
    alike: str | None
    note: str | None


@dataclass(frozen=True, slots=True)
class Validation:
    """What ``validate-task-results`` did: duties of a member, or reviews of anybody else.

    Attributes
    ----------
    shared : who was given the key of the validation set.
    lapses : duties that this account has broken since its last visit.
    """

    task: TaskId
    shared: tuple[Address, ...] = ()
    duties: tuple[Duty, ...] = ()
    reviews: tuple[Review, ...] = ()
    lapses: tuple[Lapse, ...] = ()


def validate_task_results(
    session: Session,
    task: TaskId,
    indices: Iterable[int] = (),
    *,
    validation_path: Path | None = None,
    fail_unavailable: bool = False,
    crashed: bool = False,
) -> Validation:
    """Validate results of a task: as a member, attend to its panels; as anybody else, review.

    Whoever has the key of the validation set gives it to those in office who have none.

    Raises
    ------
    UnknownTask, UnknownSubmission, StorageError, SandboxError
    """
    wanted = tuple(indices)
    for index in wanted:
        session.chain.submission(task, index)
    shared = hand_over_if_able(session, session.chain.task(task))
    if is_aggregator(session, task):
        duties = attend_panels(
            session,
            task,
            wanted,
            validation_path=validation_path,
            fail_unavailable=fail_unavailable,
            crashed=crashed,
        )
        return Validation(task, shared, tuple(duties), lapses=new_lapses(session))
    return Validation(task, shared, reviews=tuple(review(session, task, wanted, validation_path)))


def stay_with_results(
    session: Session,
    task: TaskId,
    indices: Iterable[int],
    idle: Callable[[Waits, int], None],
    *,
    validation_path: Path | None = None,
    fail_unavailable: bool = False,
    crashed: bool = False,
) -> Iterator[Validation]:
    """Attend to panels until every result of the task has ended; each visit's outcome.

    Parameters
    ----------
    idle : see :func:`~decentralml.market.staying.stay`.

    Raises
    ------
    NotAnAggregator : the account is no member, so that nothing can become due for it.
    """
    wanted = tuple(indices)
    if not is_aggregator(session, task):
        raise NotAnAggregator(session.address)
    waited: set[int] = set()

    def visit() -> Validation:
        found = validate_task_results(
            session,
            task,
            wanted,
            validation_path=validation_path,
            fail_unavailable=fail_unavailable,
            crashed=crashed,
        )
        # What has ended without this account is told once more.
        ended = waited - {duty.index for duty in found.duties}
        told = attend_panels(session, task, ended) if ended else []
        waited.clear()
        waited.update(_waits(found))
        return replace(found, duties=(*found.duties, *told))

    yield from stay(session, task, visit, _waits, idle)


def _waits(found: Validation) -> dict[int, Awaited]:
    return {duty.index: duty.awaited for duty in found.duties if duty.awaited}


def joined(earlier: Validation, later: Validation) -> Validation:
    """Two visits of a member as one: where results stand after the later, and what both did."""
    duties = {duty.index: duty for duty in earlier.duties}
    for duty in later.duties:
        was = duties.get(duty.index, duty)
        found = duty if duty.verdict is not None else was
        duties[duty.index] = replace(
            duty,
            done=duty.done if was is duty else (*was.done, *duty.done),
            verdict=found.verdict,
            score=found.score,
            metrics=found.metrics,
            reasons=found.reasons,
            segment=found.segment,
        )
    return replace(
        later,
        shared=(*earlier.shared, *later.shared),
        lapses=(*earlier.lapses, *later.lapses),
        duties=tuple(duties[index] for index in sorted(duties)),
    )


def review(
    session: Session, task: TaskId, indices: Iterable[int] = (), validation_path: Path | None = None
) -> list[Review]:
    """Read the committee's reports, fetch what can be opened, and measure what can be measured."""
    wanted = set(indices)
    sent = [found for found in list_task_results(session, task) if found.result is not None]
    shown = [found for found in sent if not wanted or found.index in wanted]
    if not shown:
        return []
    alike = likenesses(Sketches(session, session.chain.task(task)), sent)
    try:
        with bar(session, task, validation_path) as measure:
            return [_review(session, each, alike, measure) for each in shown]
    except (ValidationSetSealed, ProfileKeyForeign) as error:
        return [_review(session, each, alike, None, str(error)) for each in shown]


def _review(
    session: Session,
    submission: Submission,
    alike: Mapping[int, Likeness],
    measure: Bar | None,
    note: str | None = None,
) -> Review:
    own = None
    if measure is not None:
        contributor = session.called(submission.contributor)
        session.report.step(f"reviewing result {submission.index} of {contributor}")
        try:
            own = measure.judge(submission)
        except DecentralMLError as error:
            note = str(error)
    folder = session.work(submission.task).received(submission.index)
    return Review(
        submission.index,
        submission.contributor,
        submission.status,
        submission.verdict,
        submission.score,
        awaited(session.chain.task(submission.task), submission),
        read_opinions(session, submission),
        folder if folder.is_dir() else None,
        own,
        str(alike[submission.index]) if submission.index in alike else None,
        note,
    )
