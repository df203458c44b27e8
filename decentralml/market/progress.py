"""Where a result stands, what it waits for, and moving it on as far as anyone may."""

from __future__ import annotations

from dataclasses import dataclass

from decentralml.chain.calls import Call, DrawCommittee, Settle
from decentralml.errors import CallRefused
from decentralml.market.session import Session
from decentralml.types import (
    Address,
    Phase,
    Seat,
    Submission,
    SubmissionStatus,
    Task,
    Window,
)

ENDED = (SubmissionStatus.ACCEPTED, SubmissionStatus.REJECTED, SubmissionStatus.EXPIRED)


@dataclass(frozen=True, slots=True)
class Awaited:
    """What a result waits for.

    Attributes
    ----------
    what : in a few words.
    who : who can do it; empty where anyone can, or nobody has to.
    until : Unix milliseconds; from then on `settle` moves the result on.
    """

    what: str
    who: tuple[Address, ...]
    until: int | None


def awaited(task: Task, submission: Submission) -> Awaited | None:
    """What a result waits for; None once it has ended."""
    until = submission.deadline
    contributor = (submission.contributor,)
    panel = submission.panel
    if submission.status is SubmissionStatus.ASSIGNED:
        return Awaited("the result", contributor, until)
    if submission.phase is Phase.DRAWING:
        return Awaited(f"the draw, after block {submission.draw_after}", (), until)
    if submission.phase is Phase.SEALING:
        return Awaited("its key", contributor, until)
    if submission.phase is Phase.COMMITTING:
        late = tuple(seat.member for seat in panel if seat.commitment is None)
        return Awaited("commitments", late, until)
    if submission.phase is Phase.REVEALING:
        hidden = tuple(
            seat.member for seat in panel if seat.commitment and seat.attestation is None
        )
        return Awaited("findings", hidden, until)
    if submission.window is Window.REVIEW:
        return Awaited("the creator's decision", (task.creator,), until)
    if submission.window is Window.CHALLENGE:
        return Awaited("the end of the time to appeal", (), until)
    if submission.window is Window.RELEASE:
        return Awaited("the release of its key", (*contributor, *members(submission)), until)
    return None


def members(submission: Submission) -> tuple[Address, ...]:
    """Everybody on its committee, and on its jury if there is one."""
    jury = () if submission.appeal is None else submission.appeal.jury
    return tuple(dict.fromkeys(seat.member for seat in (*submission.committee, *jury)))


def has_seat(session: Session, submission: Submission) -> bool:
    """Whether this account is or was on a panel of a submission."""
    return session.address in members(submission)


def seat_of(session: Session, submission: Submission) -> Seat | None:
    """This account's seat on the panel that judges a submission, or judged it last."""
    return next((seat for seat in submission.panel if seat.member == session.address), None)


def brought_on(session: Session, submission: Submission) -> Submission:
    """The submission once all was done that anyone may do: overdue states settled, panels drawn.

    Raises
    ------
    CallRefused : the chain does not let it, for example because nobody in office can be drawn.
    """
    while submission.status not in ENDED:
        if submission.deadline is not None and session.chain.now() > submission.deadline:
            session.report.step(f"settling result {submission.index}: its time is over")
            submission = moved(session, submission, Settle(submission.task, submission.index))
        elif submission.phase is Phase.DRAWING and submission.draw_after is not None:
            session.chain.wait_block(submission.draw_after)
            session.report.step(f"drawing the committee of result {submission.index}")
            draw = DrawCommittee(submission.task, submission.index)
            submission = moved(session, submission, draw)
        else:
            break
    return submission


def moved(session: Session, submission: Submission, call: Call) -> Submission:
    """The submission after a call, or after what another account or command was faster with.

    Raises
    ------
    CallRefused : and nothing has changed.
    """
    try:
        session.chain.submit(call, session.key)
    except CallRefused:
        after = session.chain.submission(submission.task, submission.index)
        if after == submission:
            raise
        return after
    return session.chain.submission(submission.task, submission.index)
