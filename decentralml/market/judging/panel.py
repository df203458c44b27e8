"""What a member of a panel does: judge, commit, reveal, and release keys of what was accepted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from decentralml.chain.calls import Commit, Reveal
from decentralml.errors import (
    BundleError,
    CallRefused,
    JudgementLost,
    OrderUnknown,
    ProfileKeyForeign,
    ResultSealed,
    SandboxError,
    StorageError,
    ValidationSetSealed,
)
from decentralml.market.exchange.sealed import release_key
from decentralml.market.judging.judgements import (
    commitment_to,
    judgements,
    read_judgement,
    record_name,
    salt_for,
    write_judgement,
)
from decentralml.market.judging.opinion import Bar, bar
from decentralml.market.progress import (
    ENDED,
    Awaited,
    awaited,
    brought_on,
    has_seat,
    moved,
    seat_of,
)
from decentralml.market.reports import publish_report, write_report
from decentralml.market.session import Session
from decentralml.market.tasks import list_task_results
from decentralml.types import (
    Address,
    Attestation,
    Phase,
    Submission,
    SubmissionStatus,
    Task,
    TaskId,
    Verdict,
    Window,
)
from decentralml.validation.findings import Finding

CANNOT_JUDGE = (StorageError, SandboxError, ValidationSetSealed, ProfileKeyForeign, OrderUnknown)
"""This machine, or this account, lacks what judging needs: no fault of the result's."""


@dataclass(frozen=True, slots=True)
class Duty:
    """What came of one result that this account had a part in.

    Attributes
    ----------
    status, phase : of the result, afterwards.
    seated : this account sits on its panel.
    done : what this visit did, in the past tense.
    verdict, score, metrics, reasons : this account's finding, where this visit made one.
    segment : of the training, that did not replay, if so.
    awaited : what the result waits for now; None once it has ended.
    note : why something could not be done, if so.
    """

    index: int
    contributor: Address
    status: SubmissionStatus
    phase: Phase | None
    seated: bool
    done: tuple[str, ...] = ()
    verdict: Verdict | None = None
    score: int | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    reasons: tuple[str, ...] = ()
    segment: int | None = None
    awaited: Awaited | None = None
    note: str | None = None


def is_aggregator(session: Session, task: TaskId) -> bool:
    """Whether the account is registered as one, or sits on a panel of the task."""
    if session.chain.profile(session.address) is not None:
        return True
    found = list_task_results(session, task)
    return any(seat_of(session, submission) is not None for submission in found)


def attend_panels(
    session: Session,
    task: TaskId,
    indices: Iterable[int] = (),
    *,
    validation_path: Path | None = None,
    fail_unavailable: bool = False,
    crashed: bool = False,
) -> list[Duty]:
    """Do everything that this account's seats on a task's panels ask for, now.

    Committees that can be drawn are drawn and overdue results settled (anyone may); a result in
    Committing is judged and committed to, a commitment that may be opened is revealed, the key of
    an accepted result is released. Two commands at once do not disturb each other.

    Parameters
    ----------
    indices : of the results; all of them if empty.
    fail_unavailable : fail a result that the store does not have; else it is left for later.
    crashed : say Crashed of a result that this machine cannot judge; else it is left for later.
    """
    wanted = set(indices)
    found = session.chain.task(task)
    duties = []
    with ExitStack() as stack:
        visit = Visit(session, found, stack, validation_path, fail_unavailable, crashed)
        for submission in list_task_results(session, task):
            if not wanted or submission.index in wanted:
                duty = visit.attend(submission)
                if wanted or duty.done or duty.note or duty.status not in ENDED:
                    duties.append(duty)
    return duties


@dataclass
class Visit:
    """One round of a member through the results of a task (see :func:`attend_panels`)."""

    session: Session
    task: Task
    stack: ExitStack
    validation_path: Path | None
    fail_unavailable: bool
    crashed: bool

    @cached_property
    def bar(self) -> Bar:
        """What results are judged with; opened when the first one has to be judged."""
        return self.stack.enter_context(bar(self.session, self.task.id, self.validation_path))

    def attend(self, submission: Submission) -> Duty:
        """Do all that this account can do about one result now."""
        session = self.session
        done: list[str] = []
        finding: Finding | None = None
        note = None
        try:
            while True:
                submission = brought_on(session, submission)
                if _owes_commitment(session, submission):
                    finding, submission = self._commit(submission)
                    done.append("committed")
                elif _owes_reveal(session, submission):
                    submission = self._reveal(submission)
                    done.append("revealed")
                elif submission.window is Window.RELEASE and has_seat(session, submission):
                    submission = release_key(session, self.task.terms, submission)
                    done.append("released its key")
                else:
                    break
        except (CallRefused, JudgementLost, ResultSealed, BundleError, *CANNOT_JUDGE) as error:
            note = str(error)
            submission = session.chain.submission(submission.task, submission.index)
        duty = Duty(
            submission.index,
            submission.contributor,
            submission.status,
            submission.phase,
            has_seat(session, submission),
            tuple(done),
            awaited=awaited(self.task, submission),
            note=note,
        )
        return duty if finding is None else _with_finding(duty, finding)

    def _commit(self, submission: Submission) -> tuple[Finding | None, Submission]:
        """Judge, write the finding down, and commit to it; no finding if it was judged before.

        The lock keeps a second command of this account from writing another finding over the one
        that was committed to.
        """
        session = self.session
        with judgements(session).lock(record_name(submission)):
            finding = None
            attestation = read_judgement(session, submission)
            if attestation is None:
                finding = self._judge(submission)
                attestation = _attestation(session, submission, finding)
                write_judgement(session, submission, attestation)
            commitment = commitment_to(session, submission, attestation)
            call = Commit(submission.task, submission.index, commitment)
            return finding, moved(session, submission, call)

    def _reveal(self, submission: Submission) -> Submission:
        """Open the commitment, after publishing the report that it points to.

        Raises
        ------
        JudgementLost : it is not known here any more, and judging again gives another finding.
        """
        session = self.session
        seat = seat_of(session, submission)
        assert seat is not None
        attestation = read_judgement(session, submission)
        if attestation is None:
            attestation = _attestation(session, submission, self._judge(submission))
        if commitment_to(session, submission, attestation) != seat.commitment:
            raise JudgementLost(submission.task, submission.index)
        publish_report(session, attestation.report)
        session.report.step(f"revealing what was found of result {submission.index}")
        salt = salt_for(session, submission)
        call = Reveal(submission.task, submission.index, attestation, salt)
        return moved(session, submission, call)

    def _judge(self, submission: Submission) -> Finding:
        contributor = self.session.called(submission.contributor)
        self.session.report.step(f"judging result {submission.index} of {contributor}")
        try:
            return self.bar.judge(submission, self.fail_unavailable)
        except CANNOT_JUDGE as error:
            if not self.crashed:
                raise
            return Finding(Verdict.CRASHED, 0, (f"this machine could not judge: {error}",))


def _attestation(session: Session, submission: Submission, finding: Finding) -> Attestation:
    report = write_report(session, submission, finding)
    return Attestation(finding.verdict, finding.score, report, finding.segment)


def _owes_commitment(session: Session, submission: Submission) -> bool:
    seat = seat_of(session, submission)
    return submission.phase is Phase.COMMITTING and seat is not None and seat.commitment is None


def _owes_reveal(session: Session, submission: Submission) -> bool:
    seat = seat_of(session, submission)
    return (
        submission.phase is Phase.REVEALING
        and seat is not None
        and seat.commitment is not None
        and seat.attestation is None
    )


def _with_finding(duty: Duty, finding: Finding) -> Duty:
    return replace(
        duty,
        verdict=finding.verdict,
        score=finding.score,
        metrics=finding.metrics,
        reasons=finding.reasons,
        segment=finding.segment,
    )
