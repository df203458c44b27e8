"""What an aggregator in office does: draw committees, judge results, attest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from decentralml.chain.calls import Attest, DrawCommittee, Settle
from decentralml.errors import CallRefused, StorageError
from decentralml.market.judging import Bar, bar
from decentralml.market.reports import write_report
from decentralml.market.session import Session
from decentralml.market.tasks import list_task_results
from decentralml.types import (
    Address,
    Cid,
    Seat,
    Submission,
    SubmissionStatus,
    TaskId,
    Verdict,
)
from decentralml.validation.findings import Finding


@dataclass(frozen=True, slots=True)
class Duty:
    """What came of one result that this account had to judge, or to have judged.

    Attributes
    ----------
    verdict, score, metrics, reasons : this account's own finding; None where it has no seat.
    attested : the finding is on the chain.
    status : the result's status afterwards.
    note : why nothing could be done, if so.
    """

    index: int
    contributor: Address
    status: SubmissionStatus
    verdict: Verdict | None = None
    score: int | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    reasons: tuple[str, ...] = ()
    report: Cid | None = None
    attested: bool = False
    note: str | None = None


def is_aggregator(session: Session, task: TaskId) -> bool:
    """Whether the account is registered as one, or sits on a committee of the task."""
    if session.chain.profile(session.address) is not None:
        return True
    found = list_task_results(session, task)
    return any(seat_of(session, submission) is not None for submission in found)


def attest_results(
    session: Session,
    task: TaskId,
    indices: Iterable[int] = (),
    *,
    validation_path: Path | None = None,
    fail_unavailable: bool = False,
) -> list[Duty]:
    """Do everything that this account's seats on a task's committees ask for.

    Committees that can be drawn are drawn (anyone may), overdue ones are settled, and each seat of
    this account that has not attested judges its result and attests. Two commands at once do not
    disturb each other: what another was faster with counts as done.

    Raises
    ------
    StorageError, SandboxError, ValidationSetSealed : nothing was attested for that result.
    """
    wanted = set(indices)
    duties: list[Duty] = []
    seats: list[Submission] = []
    for submission in list_task_results(session, task):
        if wanted and submission.index not in wanted:
            continue
        try:
            submission = brought_on(session, submission)
        except CallRefused as error:
            duties.append(_noted(submission, str(error)))
            continue
        if owes(session, submission):
            seats.append(submission)
        elif submission.status is SubmissionStatus.PENDING_VALIDATION or wanted:
            duties.append(_noted(submission, _why_not(session, submission)))
    if seats:
        with bar(session, task, validation_path) as measure:
            duties += [_attested(measure, seat, fail_unavailable) for seat in seats]
    return sorted(duties, key=lambda duty: duty.index)


def brought_on(session: Session, submission: Submission) -> Submission:
    """The submission after its committee was drawn, or its overdue one settled.

    Raises
    ------
    CallRefused : the chain does not let it, for example because too few are in office.
    """
    while submission.status is SubmissionStatus.PENDING_VALIDATION:
        overdue = submission.deadline is not None and session.chain.now() > submission.deadline
        if overdue:
            session.report.step(f"settling result {submission.index}: its time is over")
            call: Settle | DrawCommittee = Settle(submission.task, submission.index)
        elif submission.draw_after is not None:
            session.chain.wait_block(submission.draw_after)
            session.report.step(f"drawing the committee of result {submission.index}")
            call = DrawCommittee(submission.task, submission.index)
        else:
            return submission
        try:
            session.chain.submit(call, session.key)
        except CallRefused:
            after = session.chain.submission(submission.task, submission.index)
            if after == submission:
                raise
            submission = after  # Somebody else was faster.
        else:
            submission = session.chain.submission(submission.task, submission.index)
    return submission


def seat_of(session: Session, submission: Submission) -> Seat | None:
    """This account's seat on a submission's committee."""
    for seat in submission.committee:
        if seat.member == session.address:
            return seat
    return None


def owes(session: Session, submission: Submission) -> bool:
    """Whether an attestation of this account is still wanted, and paid.

    A majority may have concluded before this member spoke: it is paid all the same until the
    attestation deadline.
    """
    seat = seat_of(session, submission)
    if seat is None or seat.attestation is not None:
        return False
    if submission.status is SubmissionStatus.PENDING_VALIDATION:
        return submission.draw_after is None
    until = submission.attest_until
    return until is not None and session.chain.now() <= until


def _attested(measure: Bar, submission: Submission, fail_unavailable: bool) -> Duty:
    session = measure.session
    session.report.step(
        f"judging result {submission.index} of {session.called(submission.contributor)}"
    )
    try:
        finding = measure.judge(submission, fail_unavailable)
    except StorageError as error:
        return _noted(submission, str(error))
    report = write_report(session, submission, finding)
    call = Attest(submission.task, submission.index, finding.verdict, finding.score, report)
    note = None
    try:
        session.chain.submit(call, session.key)
    except CallRefused as error:
        note = str(error)
    after = session.chain.submission(submission.task, submission.index)
    seat = seat_of(session, after)
    attested = seat is not None and seat.attestation is not None
    return _duty(after, finding, report, attested, None if attested else note)


def _duty(
    submission: Submission, finding: Finding, report: Cid, attested: bool, note: str | None
) -> Duty:
    return Duty(
        submission.index,
        submission.contributor,
        submission.status,
        finding.verdict,
        finding.score,
        finding.metrics,
        finding.reasons,
        report,
        attested,
        note,
    )


def _noted(submission: Submission, note: str) -> Duty:
    return Duty(submission.index, submission.contributor, submission.status, note=note)


def _why_not(session: Session, submission: Submission) -> str:
    seat = seat_of(session, submission)
    if submission.status is SubmissionStatus.ASSIGNED:
        return "no result was sent yet"
    if seat is None:
        return "you are not on its committee"
    if seat.attestation is not None:
        return "you have attested already"
    return "it has ended"
