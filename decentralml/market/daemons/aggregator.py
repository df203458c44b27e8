"""An aggregator's daemon: judges what it is drawn for, and merges what it is appointed to merge."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path

from decentralml.errors import (
    BundleError,
    CallRefused,
    ChainError,
    FolderInUse,
    LearningError,
    MarketError,
    NotAnAggregator,
    SandboxError,
    StorageError,
    ValidationError,
)
from decentralml.market.daemons.later import Later
from decentralml.market.daemons.live import LiveTasks
from decentralml.market.daemons.mergers import Rounds
from decentralml.market.exchange.fetch import fetch_task
from decentralml.market.exchange.handover import hand_over_if_able
from decentralml.market.judging.panel import Duty, attend_panels
from decentralml.market.merging.attempts import federate_round
from decentralml.market.merging.federation import Merged
from decentralml.market.merging.reference import compares
from decentralml.market.progress import ENDED, has_seat, seat_of
from decentralml.market.session import Session
from decentralml.market.tasks import LIVE, every_submission, settle
from decentralml.service.log import Log
from decentralml.service.stopping import Stop
from decentralml.types import Address, Phase, Submission, Task, TaskId, Window

CANNOT_MERGE = (
    MarketError,
    BundleError,
    LearningError,
    ValidationError,
    StorageError,
    SandboxError,
    CallRefused,
)
PATIENCE = 30_000
"""Milliseconds that a contributor has to draw the committee of its result itself."""
TURN = 15_000
CLOSING, WHOLE, MERGING = -1, -2, -3
"""In the place of a result: what is done once to a task, all of that, and its merge."""


@dataclass
class Aggregator:
    """Visits the market for one account.

    Attributes
    ----------
    trusted : data of its own, for rounds that are merged by ``fltrust``; None: it merges none such.
    settles : also settle what anyone may, of results that are not its own to judge.
    fail_unavailable, crashed : see :func:`~decentralml.market.judging.panel.attend_panels`.
    later : what could not be done of a result, or of a task.
    """

    log: Log
    stop: Stop
    settles: bool = True
    fail_unavailable: bool = False
    crashed: bool = False
    trusted: Path | None = None
    later: Later = field(default_factory=Later)
    live: LiveTasks = field(default_factory=LiveTasks)
    _office: tuple[Address, ...] = ()
    _shared: set[TaskId] = field(default_factory=set)
    _results: dict[TaskId, list[Submission]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._rounds = Rounds(
            lambda task: self._may(task, MERGING),
            lambda task, why: self._put_off(task, MERGING, why),
        )

    def visit(self, session: Session) -> bool:
        """Do all that is due; whether that did anything.

        Raises
        ------
        NotAnAggregator : the account is not registered, so nobody will ever draw it.
        ChainError, StorageError, OSError : something is away; all that was done stays done.
        """
        if session.chain.profile(session.address) is None:
            raise NotAnAggregator(session.called(session.address))
        tasks = self.live.look(session)
        changed = self.live.changed
        self._rounds.look(session, [t for t in (*self.live.ended, *tasks) if t.id in changed])
        for number in changed:
            self._shared.discard(number)
            self._results.pop(number, None)
        self._hand_over(session, tasks)
        busy = False
        now = session.chain.now()
        for task in tasks:
            self.stop.between()
            if self._may(task, WHOLE):
                busy |= self._safely(session, task, now)
        for task in self._rounds.due(session):
            self.stop.between()
            busy |= self._merge(session, task)
        judged = sum(task.active for task in tasks)
        self.log.status(f"{len(tasks)} tasks go on, {judged} slots in work or in validation")
        return busy

    def _hand_over(self, session: Session, tasks: list[Task]) -> None:
        """Give the keys of validation sets to those in office who have none."""
        office = session.chain.election().members
        if office != self._office:
            self._office = office
            self._shared.clear()
        for task in tasks:
            if task.id in self._shared:
                continue
            for who in hand_over_if_able(session, task):
                self.log.event(
                    "handed-over",
                    f"task {task.id}: gave {session.called(who)} the key of its validation set",
                    task=task.id, to=who,
                )  # fmt: skip
            self._shared.add(task.id)

    def _safely(self, session: Session, task: Task, now: int) -> bool:
        """Attend to a task; what is wrong with it must not keep this account from the others."""
        try:
            return self._attend(session, task, now)
        except CallRefused as error:
            self._put_off(task, WHOLE, error)
            return False
        except (ChainError, OSError):
            raise
        except Exception as error:
            self._put_off(task, WHOLE, f"{type(error).__name__}: {error}")
            return False

    def _attend(self, session: Session, task: Task, now: int) -> bool:
        busy = False
        due = [
            each.index
            for each in self._open_results(session, task)
            if self._may(task, each.index) and self._is_due(session, each, now)
        ]
        if due:
            self.log.status(f"task {task.id}: attending to {len(due)} results")
            duties = attend_panels(
                session,
                task.id,
                due,
                fail_unavailable=self.fail_unavailable,
                crashed=self.crashed,
            )
            for duty in duties:
                busy |= self._tell(task, duty)
        expiry = task.terms.expires_at + self._turn(session, task.id)
        over = task.status in LIVE and task.open_slots > 0 and now > expiry
        if over and self.settles and self._may(task, CLOSING):
            try:
                busy |= settle(session, task.id).expired
            except CallRefused as error:
                self._put_off(task, CLOSING, error)
        return busy

    def _open_results(self, session: Session, task: Task) -> list[Submission]:
        """The results of a task that have not ended, read again once something has happened."""
        if not task.active:
            return []
        if task.id not in self._results:
            found = every_submission(session, task.id)
            self._results[task.id] = [each for each in found if each.status not in ENDED]
        return self._results[task.id]

    def _is_due(self, session: Session, submission: Submission, now: int) -> bool:
        """Whether this account can, and should, do something about a result now."""
        own = has_seat(session, submission)
        turn = self._turn(session, submission.task + submission.index)
        if submission.deadline is not None and now > submission.deadline:
            return (own or self.settles) and now > submission.deadline + turn
        if submission.phase is Phase.DRAWING:
            # Its contributor draws, unless it has gone away.
            return self.settles and now > (submission.submitted_at or 0) + PATIENCE + turn
        seat = seat_of(session, submission)
        if submission.phase is Phase.COMMITTING:
            return seat is not None and seat.commitment is None
        if submission.phase is Phase.REVEALING:
            return seat is not None and seat.commitment is not None and seat.attestation is None
        return submission.window is Window.RELEASE and own

    def _turn(self, session: Session, number: int) -> int:
        """Milliseconds for which to leave to others what anyone may do: one in office after the
        other, from another one each time, so that not all pay for what only the first one does."""
        office = self._office
        if session.address not in office:
            return TURN * len(office)
        return TURN * ((office.index(session.address) + number) % len(office))

    def _tell(self, task: Task, duty: Duty) -> bool:
        """Log what was done of a result, and when to try again what could not be."""
        if duty.note is not None:
            self._put_off(task, duty.index, duty.note)
        else:
            self.later.done((task.id, task.created_at, duty.index))
        if duty.done:
            self.log.event(
                "attended",
                f"task {task.id}, result {duty.index}: {', '.join(duty.done)}"
                + ("" if duty.verdict is None else f" ({duty.verdict}, score {duty.score})"),
                task=task.id, index=duty.index, done=list(duty.done), verdict=duty.verdict,
                score=duty.score, metrics=dict(duty.metrics), status=duty.status,
            )  # fmt: skip
        return bool(duty.done)

    def _merge(self, session: Session, task: Task) -> bool:
        """Merge and publish a round's next model."""
        number = task.id
        self.log.status(f"merging task {number}")
        try:
            merged = merged_anew(session, number, self.trusted)
        except CANNOT_MERGE as error:
            self._put_off(task, MERGING, error)
            return False
        self._rounds.merged(task)
        self.log.event(
            "merged",
            f"task {number}: merged {len(merged.parts)} results ({merged.rule}) and published "
            f"{merged.cid}",
            task=number, model=merged.cid, rule=merged.rule, results=len(merged.parts),
        )  # fmt: skip
        return True

    def _may(self, task: Task, index: int) -> bool:
        """Whether the time has come to try again what could not be done."""
        return self.later.may((task.id, task.created_at, index))

    def _put_off(self, task: Task, index: int, why: Exception | str) -> None:
        pause = self.later.put_off((task.id, task.created_at, index))
        about = f"task {task.id}" + ("" if index < 0 else f", result {index}")
        self.log.event(
            "put-off", f"{about}: {why}; again in {pause:g} s",
            task=task.id, index=None if index < 0 else index, why=str(why), pause=pause,
        )  # fmt: skip


def merged_anew(session: Session, task: TaskId, trusted: Path | None = None) -> Merged:
    """Merge into the task's own folder; what an earlier, other merge left there gives way.

    ``trusted`` is data for a round whose rule compares models with one's own.
    """
    out = session.work(task).root / "merged"
    plan = fetch_task(session, session.chain.task(task)).manifest.merge
    data = trusted if compares(plan) else None
    try:
        return federate_round(session, task, out, trusted=data)
    except FolderInUse:
        shutil.rmtree(out)
        return federate_round(session, task, out, trusted=data)
