"""Deciding on results: a creator accepts or rejects; who lost has all in office judge again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from decentralml.chain.api import Receipt
from decentralml.chain.calls import (
    AcceptResult,
    AppealResult,
    Batch,
    Call,
    Claim,
    OpenGold,
    RejectResult,
)
from decentralml.chain.errors import NotManual, NotValidated
from decentralml.chain.events import Appealed, Overruled
from decentralml.errors import TakenBack
from decentralml.market.exchange.sealed import hand_key
from decentralml.market.progress import Awaited, awaited
from decentralml.market.session import Session
from decentralml.market.tasks import require_creator
from decentralml.types import (
    Address,
    Gold,
    Phase,
    Submission,
    SubmissionStatus,
    TaskId,
    ValidationStrategy,
    Verdict,
    Window,
)


@dataclass(frozen=True, slots=True)
class Rejected:
    """Results that their creator has rejected.

    Attributes
    ----------
    counters : planck held for the appeal of each that the committee had passed, by index.
    receipt : None when an earlier run of the same command had rejected them all.
    """

    counters: dict[int, int]
    receipt: Receipt | None


@dataclass(frozen=True, slots=True)
class Appealing:
    """An outcome that all in office judge again.

    Attributes
    ----------
    bond : planck; returned if the appeal is won.
    jury : who judges.
    awaited : what the appeal waits for.
    """

    task: TaskId
    index: int
    bond: int
    jury: tuple[Address, ...]
    awaited: Awaited | None


@dataclass(frozen=True, slots=True)
class Objection:
    """A result that its creator would accept though the committee did not pass it."""

    index: int
    verdict: Verdict
    score: int


def objections(session: Session, task: TaskId, indices: Sequence[int]) -> tuple[Objection, ...]:
    """Which of the results, that are still to be decided, the committee did not pass."""
    found = [session.chain.submission(task, index) for index in dict.fromkeys(indices)]
    return tuple(
        Objection(submission.index, submission.finding.verdict, submission.finding.score)
        for submission in found
        if submission.finding is not None
        and submission.finding.verdict is not Verdict.PASS
        and submission.window in (Window.REVIEW, Window.CHALLENGE)
    )


def accept_task_results(session: Session, task: TaskId, indices: Sequence[int]) -> Receipt | None:
    """Accept results: those in review, and those that one does not want to challenge. All or none.

    Each is paid as soon as its key is released to the creator, which the committee does to earn
    its fees. None when an earlier run of the same command has done it.
    """
    require_creator(session, session.chain.task(task))
    found = [session.chain.submission(task, index) for index in dict.fromkeys(indices)]
    undecided = [submission for submission in found if not _accepted(submission)]
    _require_waiting(session, undecided, (Window.REVIEW, Window.CHALLENGE))
    return _decide(session, [AcceptResult(task, submission.index) for submission in undecided])


def reject_task_results(
    session: Session, task: TaskId, indices: Sequence[int], reason: str
) -> Rejected:
    """Reject results of a ManualAccept task, with a reason that everybody can read. All or none.

    Against a passing verdict a counter-deposit is held, and the contributor can appeal.
    """
    posted = session.chain.task(task)
    require_creator(session, posted)
    found = [session.chain.submission(task, index) for index in dict.fromkeys(indices)]
    undecided = [submission for submission in found if submission.reason != reason]
    if posted.terms.strategy is not ValidationStrategy.MANUAL_ACCEPT:
        raise NotManual.foreseen(task=task, signer=session.address)
    _require_waiting(session, undecided, (Window.REVIEW,))
    calls = [RejectResult(task, submission.index, reason) for submission in undecided]
    receipt = _decide(session, calls)
    events = () if receipt is None else receipt.events
    counters = {event.index: event.counter for event in events if isinstance(event, Overruled)}
    return Rejected(counters, receipt)


def appeal(session: Session, task: TaskId, index: int, gold: Gold | None = None) -> Appealing:
    """Have all in office judge a result again, with a bond; the contributor hands them the key.

    Parameters
    ----------
    gold : what the creator knew of a result that it planted, as evidence.

    Raises
    ------
    NotChallengeable, NotParty, CannotAppeal, AppealUnaffordable, UnknownGold, GoldAgrees
    TakenBack : a fork undid it.
    """
    submission = session.chain.submission(task, index)
    if submission.status is not SubmissionStatus.APPEALED:
        call = AppealResult(task, index) if gold is None else OpenGold(task, index, gold)
        receipt = session.chain.submit(call, session.key)
        assert receipt.find(Appealed) is not None, "appeal succeeded without its event"
        submission = session.chain.submission(task, index)
    if submission.phase is Phase.SEALING and submission.contributor == session.address:
        submission = hand_key(session, submission)
    made = submission.appeal
    if made is None:
        raise TakenBack(f"the appeal of result {index} of task {task}")
    return Appealing(
        task,
        index,
        made.bond,
        tuple(seat.member for seat in made.jury),
        awaited(session.chain.task(task), submission),
    )


def claim(session: Session, task: TaskId, index: int | None = None) -> Receipt:
    """Try again to have paid what its asset did not let be paid.

    That is the reward of a result or, without an index, what is due back to the task's creator.

    Raises
    ------
    NothingUnpaid
    """
    return session.chain.submit(Claim(task, index), session.key)


def _require_waiting(
    session: Session, found: Sequence[Submission], windows: Sequence[Window]
) -> None:
    """Refuse what the chain would, before a fee is paid. Raises NotValidated."""
    for submission in found:
        if submission.window not in windows:
            raise NotValidated.foreseen(
                task=submission.task, index=submission.index, signer=session.address
            )


def _accepted(submission: Submission) -> bool:
    """Whether nothing is left to decide: it is accepted, and paid or about to be."""
    return submission.status is SubmissionStatus.ACCEPTED or submission.window is Window.RELEASE


def _decide(session: Session, calls: Sequence[Call]) -> Receipt | None:
    if not calls:
        return None
    return session.chain.submit(calls[0] if len(calls) == 1 else Batch(tuple(calls)), session.key)
