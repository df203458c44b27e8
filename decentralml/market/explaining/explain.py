"""Why a result was paid, or was not: all that the chain says of it, put in order."""

from __future__ import annotations

from dataclasses import dataclass

from decentralml.chain import events
from decentralml.chain.history import History, Step
from decentralml.market.explaining.judges import Judge, judges_of
from decentralml.market.explaining.steps import ENDS, all_events, unable
from decentralml.market.explaining.sums import Sum, sums_of_result
from decentralml.market.explaining.task_sums import sums_of_task
from decentralml.market.session import Session
from decentralml.types import (
    Address,
    Cid,
    Outcome,
    PanelFinding,
    SubmissionStatus,
    TaskId,
    TaskStatus,
    Terms,
)
from decentralml.validation.segments import drawn_segments


@dataclass(frozen=True, slots=True)
class Explanation:
    """One result, from its assignment to its end, or to now.

    Attributes
    ----------
    status : None once the contributor gave its slot back.
    outcome : what it came to, once that is known.
    finding : the panel's that counts, the jury's where there was one.
    segments : that the panel replays, where the task asks for that and they are drawn.
    sums : where the money went.
    forfeited : payments that an account could not take, which the treasury got.
    """

    task: TaskId
    index: int
    creator: Address
    contributor: Address
    terms: Terms
    result: Cid | None
    status: SubmissionStatus | None
    outcome: Outcome | None
    reason: str | None
    paid: bool
    finding: PanelFinding | None
    jury: PanelFinding | None
    judges: tuple[Judge, ...]
    segments: tuple[int, ...]
    sums: tuple[Sum, ...]
    forfeited: tuple[events.Forfeited, ...]
    history: History


@dataclass(frozen=True, slots=True)
class Ended:
    """How one result of a task ended: ``Accepted``, an outcome, ``Expired`` or ``Abandoned``."""

    index: int
    contributor: Address
    how: str
    reward: int
    fees: int
    """Planck that members of its committee got."""


@dataclass(frozen=True, slots=True)
class TaskExplanation:
    """A task as a whole; see :class:`Explanation`."""

    task: TaskId
    creator: Address
    terms: Terms
    status: TaskStatus
    ended: tuple[Ended, ...]
    sums: tuple[Sum, ...]
    history: History


def explain(session: Session, task: TaskId, index: int) -> Explanation:
    """Why a result was paid, or not; also of one that was cleared.

    Raises
    ------
    UnknownTask, UnknownSubmission, StatePruned
    """
    return explained(session, session.chain.history(task, index))


def explain_task(session: Session, task: TaskId) -> TaskExplanation:
    """Where the money of a task went. Raises UnknownTask, StatePruned."""
    history = session.chain.history(task)
    return TaskExplanation(
        task,
        history.task.creator,
        history.task.terms,
        history.task.status,
        tuple(ended for step in history.steps for ended in _ended(step)),
        sums_of_task(history),
        history,
    )


def explained(session: Session | None, history: History) -> Explanation:
    """A result's history, explained; with the reports of its panel where there is a session."""
    submission, index = history.submission, history.index
    assert submission is not None, "a result was accepted"
    assert index is not None, "a result has an index"
    findings = {
        event.jury: PanelFinding(event.verdict, event.score)
        for _, event in all_events(history)
        if isinstance(event, events.ResultValidated)
    }
    accepted = [e for _, e in all_events(history) if isinstance(e, events.ResultAccepted)]
    claimed = any(isinstance(e, events.RewardClaimed) for _, e in all_events(history))
    gave_up = any(isinstance(e, events.AssignmentAbandoned) for _, e in all_events(history))
    return Explanation(
        task=history.number,
        index=index,
        creator=history.task.creator,
        contributor=submission.contributor,
        terms=history.task.terms,
        result=submission.result,
        status=None if gave_up else submission.status,
        outcome=submission.outcome,
        reason=submission.reason or None,
        paid=claimed or any(event.paid for event in accepted),
        finding=findings.get(False),
        jury=findings.get(True),
        judges=tuple(judges_of(history, findings, session)),
        segments=_segments(history),
        sums=sums_of_result(history),
        forfeited=unable(history),
        history=history,
    )


def _segments(history: History) -> tuple[int, ...]:
    """The segments that were drawn to be replayed."""
    submission, replay = history.submission, history.task.terms.replay
    if submission is None or submission.seed is None or replay is None:
        return ()
    return drawn_segments(submission.seed, replay.checkpoints, replay.segments)


def _ended(step: Step) -> list[Ended]:
    """The result that ended in a step, if one did."""
    fees = sum(event.amount for event in step.events if isinstance(event, events.FeePaid))
    found = []
    for event in step.events:
        if not isinstance(event, ENDS):
            continue
        how, reward = "Expired", 0
        match event:
            case events.ResultAccepted():
                how, reward = Outcome.ACCEPTED.value, event.reward
            case events.ResultRejected():
                how = event.outcome.value
                if event.outcome is Outcome.ACCEPTED:
                    how = "never released"
            case events.AssignmentAbandoned():
                how = "Abandoned"
        found.append(Ended(event.index, event.contributor, how, reward, fees))
    return found
