"""A contributor's daemon: takes tasks by a policy, trains, sends, sees each result to its end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

from decentralml.chain.errors import DeadlinePassed, UnknownSubmission, UnknownTask
from decentralml.errors import (
    BundleError,
    CallRefused,
    CannotPayFee,
    ChainError,
    DecentralMLError,
    LearningError,
    MarketError,
    NothingToSend,
    SandboxError,
    StorageError,
    TaskScriptFailed,
    ValidationError,
)
from decentralml.errors.quantities import format_time
from decentralml.market.contributing.contributor import abandon_task, accept_task, assignment
from decentralml.market.contributing.running import Ran, run_task
from decentralml.market.contributing.sending import follow_result, send_results
from decentralml.market.daemons.later import Later
from decentralml.market.daemons.live import LiveTasks
from decentralml.market.daemons.policy import WorkerPolicy, has_worked, may_take
from decentralml.market.progress import ENDED
from decentralml.market.session import Session
from decentralml.market.tasks import is_open, settle
from decentralml.service.log import Log
from decentralml.service.stopping import Stop, Stopped
from decentralml.types import Phase, Submission, SubmissionStatus, Task, TaskId, Window

RECORDS = "worker"

OWN_FAULT = (TaskScriptFailed, NothingToSend, BundleError, ValidationError, LearningError)
"""The task's script and this data do not go together: trying again would give the same."""

Train = Callable[[Session, TaskId, WorkerPolicy], object]
"""Leaves the result of an assignment in its attempt's ``output``."""


def train(session: Session, task: TaskId, policy: WorkerPolicy) -> Ran:
    """Run the task's script on the worker's data."""
    return run_task(
        session,
        task,
        policy.data,
        trust_setup=policy.trust_setup,
        sandboxed=policy.sandboxed,
        seconds=policy.seconds,
        memory=policy.memory,
    )


@dataclass
class Worker:
    """Visits the market for one account.

    Attributes
    ----------
    train : see :data:`Train`.
    shunned : tasks with which something was wrong, by number and time of creation (a chain begun
        anew has the same numbers).
    hand : submissions that had not ended at the last visit.
    """

    policy: WorkerPolicy
    log: Log
    stop: Stop
    train: Train = train
    live: LiveTasks = field(default_factory=LiveTasks)
    shunned: Later = field(default_factory=Later)
    hand: dict[tuple[TaskId, int], Task] = field(default_factory=dict)
    _own: dict[TaskId, int | None] = field(default_factory=dict)
    _over: dict[TaskId, bool] = field(default_factory=dict)

    def visit(self, session: Session) -> bool:
        """Go on with what is in hand, then take what the policy allows; whether that did anything.

        Raises
        ------
        ChainError, StorageError, OSError : something is away; all that was done stays done.
        """
        busy = False
        held = 0
        tasks = self.live.look(session)
        for number in self.live.changed:
            self._own.pop(number, None)
            self._over.pop(number, None)
        in_hand = list(self._in_hand(session, tasks))
        self._tell_of_ends(session, in_hand)
        for task, submission in in_hand:
            self.stop.between()
            busy |= self._safely(task, partial(self._go_on, session, task, submission))
            held += self._is_open(session, task.id)
        for task in self._wanted(session, tasks):
            if held >= self.policy.at_most:
                break
            self.stop.between()
            taken = self._safely(task, partial(self._take, session, task))
            busy |= taken
            held += taken and self._is_open(session, task.id)
        self.log.status(f"{held} in hand; tasks that go on: {len(tasks)}")
        return busy

    def _in_hand(self, session: Session, tasks: list[Task]) -> Iterator[tuple[Task, Submission]]:
        """The account's submissions that have not ended."""
        for task in tasks:
            if task.id not in self._own:
                self._own[task.id] = session.chain.open_assignment(task.id, session.address)
            if (index := self._own[task.id]) is None:
                continue
            try:
                submission = session.chain.submission(task.id, index)
            except (UnknownTask, UnknownSubmission):
                continue
            if submission.status not in ENDED:
                yield task, submission

    def _safely(self, task: Task, work: Callable[[], bool]) -> bool:
        """Work on a task; what is wrong with it must not keep this account from the others."""
        if self._shuns(task):
            return False
        try:
            done = work()
        except CallRefused as error:
            self._shun(error, task, "put off")
            return False
        except (ChainError, OSError):
            raise
        except Exception as error:
            self._shun(error, task, "put off")
            return False
        if done and not self._shuns(task):
            self.shunned.done((task.id, task.created_at))
        return done

    def _go_on(self, session: Session, task: Task, submission: Submission) -> bool:
        if submission.status is SubmissionStatus.ASSIGNED:
            if submission.deadline is not None and session.chain.now() > submission.deadline:
                self._lapse(session, task, submission)
                return True
            return self._work(session, task)
        if not is_due(session, submission):
            return False
        sent = follow_result(session, task, submission)
        for deed in sent.done:
            self.log.event(
                "followed", f"task {task.id}, result {sent.index}: {deed}",
                task=task.id, index=sent.index, done=deed,
            )  # fmt: skip
        if sent.note is not None:
            self._shun(sent.note, task, "put off")
        return bool(sent.done)

    def _lapse(self, session: Session, task: Task, submission: Submission) -> None:
        """What was not sent in time is over; settling frees the slot for others."""
        self.log.event(
            "lapsed", f"task {task.id}: its time was over before the result was sent",
            task=task.id, index=submission.index,
        )  # fmt: skip
        with suppress(CallRefused):  # Another was faster.
            settle(session, task.id, submission.index)

    def _wanted(self, session: Session, tasks: list[Task]) -> Iterator[Task]:
        """Tasks to take a slot of, best paid first.

        One on which the account has worked is not among them: two results of one account in a task
        would be one training sold twice.
        """
        now = session.chain.now()
        for task in sorted(tasks, key=lambda task: (-task.terms.reward, task.id)):
            if self._shuns(task) or not self.policy.wants(task) or not is_open(task, now):
                continue
            if task.id not in self._over:
                given_up = self._given_up(session, task)
                self._over[task.id] = given_up or has_worked(session, task)
            if not self._over[task.id] and may_take(session, self.policy, task):
                yield task

    def _take(self, session: Session, task: Task) -> bool:
        self.log.status(f"taking a slot of task {task.id}")
        try:
            accepted = accept_task(session, task.id)
        except (MarketError, BundleError, StorageError, CallRefused, CannotPayFee) as error:
            # Others were faster, the bond cannot be paid, or the bundle is not what or where it
            # should be.
            self._shun(error, task, "not taken")
            return False
        self.log.event(
            "accepted",
            f"task {task.id}: slot {accepted.index} is ours, due {format_time(accepted.deadline)}",
            task=task.id, index=accepted.index, deadline=accepted.deadline, bond=accepted.bond,
            reward=task.terms.reward,
        )  # fmt: skip
        return self._work(session, task) or True

    def _work(self, session: Session, task: Task) -> bool:
        """Train, unless that was done before, and send."""
        try:
            found = assignment(session, task.id, "work")
            output = session.work(task.id).attempt(found.index).output
            if not output.is_dir():
                self._train(session, task, found)
            sent = send_results(session, task.id)
        except DeadlinePassed as error:
            self._tell_of(error, task, "too late")
            return True
        except OWN_FAULT as error:
            self._give_up(session, task, error)
            return True
        except (StorageError, SandboxError) as error:
            self._shun(error, task, "put off")
            return False
        self.log.event(
            "sent", f"task {task.id}: result {sent.index} is sent, {sent.cid}",
            task=task.id, index=sent.index, cid=sent.cid, done=list(sent.done),
        )  # fmt: skip
        return True

    def _train(self, session: Session, task: Task, found: Submission) -> None:
        index = found.index
        self.log.event(
            "training", f"task {task.id}: training for slot {index}", task=task.id, index=index
        )
        self.log.status(f"training for task {task.id}")
        begun = time.monotonic()
        try:
            with self.stop.breakable():
                self.train(session, task.id, self.policy)
        except Stopped:
            until = "" if found.deadline is None else f" until {format_time(found.deadline)}"
            self.log.event(
                "broken-off",
                f"task {task.id}: its training was broken off and begins anew at the next start; "
                f"slot {index} is held{until} (decentralml abandon-task {task.id} gives it back)",
                task=task.id, index=index, deadline=found.deadline,
            )  # fmt: skip
            raise
        seconds = round(time.monotonic() - begun, 1)
        self.log.event(
            "trained", f"task {task.id}: trained in {seconds:g} s",
            task=task.id, index=index, seconds=seconds,
        )  # fmt: skip

    def _give_up(self, session: Session, task: Task, error: DecentralMLError) -> None:
        """Give the slot back at once, while most of the bond returns; never take it again."""
        self._tell_of(error, task, "given up")
        session.records(RECORDS).write(
            _record_of(session, task), {"created_at": task.created_at, "why": str(error)}
        )
        if session.chain.open_assignment(task.id, session.address) is not None:
            try:
                abandon_task(session, task.id)
            except CallRefused as refused:
                self._tell_of(refused, task, "not given back")

    def _given_up(self, session: Session, task: Task) -> bool:
        record = session.records(RECORDS).read(_record_of(session, task))
        return record is not None and record.get("created_at") == task.created_at

    def _shuns(self, task: Task) -> bool:
        return not self.shunned.may((task.id, task.created_at))

    def _shun(self, why: Exception | str, task: Task, what: str) -> None:
        """Leave a task alone for a while."""
        pause = self.shunned.put_off((task.id, task.created_at))
        self._tell_of(why, task, f"{what} for {pause:g} s")

    def _is_open(self, session: Session, task: TaskId) -> bool:
        return session.chain.open_assignment(task, session.address) is not None

    def _tell_of_ends(self, session: Session, in_hand: list[tuple[Task, Submission]]) -> None:
        """Say what became of what was in hand, whoever has brought it to its end."""
        now = {(task.id, submission.index): task for task, submission in in_hand}
        for (number, index), task in self.hand.items():
            if (number, index) not in now:
                with suppress(UnknownTask, UnknownSubmission):
                    self._told(session, task, index)
        self.hand = now

    def _told(self, session: Session, task: Task, index: int) -> None:
        found = session.chain.submission(task.id, index)
        if found.contributor != session.address or found.status not in ENDED:
            return  # Of a chain that was begun anew.
        paid = task.terms.reward if found.status is SubmissionStatus.ACCEPTED else 0
        self.log.event(
            "ended", f"task {task.id}, result {index}: {found.status}",
            task=task.id, index=index, status=found.status, outcome=found.outcome,
            score=found.score, paid=paid,
        )  # fmt: skip

    def _tell_of(self, error: Exception | str, task: Task, what: str) -> None:
        self.log.event(
            "-".join(what.split()[:2]), f"task {task.id} {what}: {error}",
            task=task.id, error=None if isinstance(error, str) else type(error).__name__,
        )  # fmt: skip


def _record_of(session: Session, task: Task) -> str:
    return f"{session.address}-{task.id}"


def is_due(session: Session, submission: Submission) -> bool:
    """Whether a contributor can do anything about its sent result now."""
    if submission.deadline is not None and session.chain.now() > submission.deadline:
        return True
    if submission.phase is Phase.DRAWING:
        return submission.draw_after is not None
    if submission.phase is Phase.SEALING:
        return any(seat.wrap is None for seat in submission.panel)
    return submission.window is Window.RELEASE
