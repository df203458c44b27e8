"""What an aggregator is to merge: rounds that are over, whose results are released to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from decentralml.bundles.attempts import Attempts
from decentralml.bundles.sealing import encryption_public_key
from decentralml.errors import ManifestError, NotMergeable, StorageError
from decentralml.market.creating.merger import merger_is
from decentralml.market.daemons.live import stored
from decentralml.market.exchange.fetch import peek_manifest
from decentralml.market.merging.attempts import earlier_attempt
from decentralml.market.session import Session
from decentralml.market.tasks import LIVE
from decentralml.types import Address, Cid, Task, TaskId, TaskStatus


@dataclass
class Rounds:
    """Remembers the tasks whose results this account can read and nobody has merged.

    Of several attempts of a round the newest stands for all: those that its bundle names are merged
    with it, and not by themselves.

    Attributes
    ----------
    may, put_off : see :class:`~.later.Later`; here of a task.
    """

    may: Callable[[Task], bool]
    put_off: Callable[[Task, Exception], None]
    _tasks: dict[TaskId, Task] = field(default_factory=dict)
    _attempts: dict[Cid, Attempts] = field(default_factory=dict)
    _merged: set[tuple[TaskId, int]] = field(default_factory=set)

    def look(self, session: Session, tasks: Iterable[Task]) -> None:
        """Take notice of tasks, as they are now."""
        reader: bytes | None = None
        for task in tasks:
            if reader is None:
                reader = encryption_public_key(session.key.encryption_secret())
            # A creator does not merge in its own place.
            others = task.creator != session.address and task.terms.reader == reader
            fresh = task.published is None and (task.id, task.created_at) not in self._merged
            if others and fresh:
                self._tasks[task.id] = task
            else:
                self._tasks.pop(task.id, None)

    def due(self, session: Session) -> Iterator[Task]:
        """The newest tasks of rounds that can be merged now."""
        self._read(session)
        waits = self._waiting()
        for task in sorted(self._tasks.values(), key=lambda task: task.id):
            if task.id not in self._tasks or task.terms.bundle not in self._attempts:
                continue  # It went with another, or cannot be told yet.
            ready = task.id not in waits and is_over(task) and self.may(task)
            if ready and self._is_due(session, task):
                yield task

    def merged(self, task: Task) -> None:
        """Its round has its model now. What is accepted of it later is nobody's wait any more."""
        self._merged.add((task.id, task.created_at))
        self._forget(task)

    def _forget(self, task: Task) -> None:
        for number in (task.id, *(e.task for e in self._attempts[task.terms.bundle].before)):
            self._tasks.pop(number, None)

    def _read(self, session: Session) -> None:
        """Learn what the bundles say of attempts."""
        known = {task.terms.bundle for task in self._tasks.values()}
        self._attempts = {cid: self._attempts[cid] for cid in known & self._attempts.keys()}
        for task in self._tasks.values():
            if task.terms.bundle in self._attempts or not self.may(task):
                continue
            try:
                found = peek_manifest(session, task.terms.bundle).attempts
            except (StorageError, ManifestError) as error:
                self.put_off(task, error)
            else:
                self._attempts[task.terms.bundle] = found

    def _waiting(self) -> set[TaskId]:
        """Tasks that are merged with a later attempt, or of which that cannot be told yet."""
        named = {
            (other.creator, each.task, each.bundle)
            for other in self._tasks.values()
            if other.terms.bundle in self._attempts
            for each in self._attempts[other.terms.bundle].before
        }
        unread: dict[tuple[Address, TaskId | None], TaskId] = {}
        for other in self._tasks.values():
            if other.terms.bundle not in self._attempts:
                line = (other.creator, other.terms.parent)
                unread[line] = max(other.id, unread.get(line, other.id))
        return {
            task.id
            for task in self._tasks.values()
            if (task.creator, task.id, task.terms.bundle) in named
            or task.id < unread.get((task.creator, task.terms.parent), -1)
        }

    def _is_due(self, session: Session, task: Task) -> bool:
        """Whether enough was accepted; what can never be due is forgotten."""
        attempts = self._attempts[task.terms.bundle]
        now = stored(session, task.id)
        if now is None or now.created_at != task.created_at:
            del self._tasks[task.id]  # It was cleared, or the chain was begun anew.
            return False
        try:
            earlier = [earlier_attempt(session, now, each) for each in attempts.before]
        except NotMergeable as error:
            self.put_off(task, error)
            return False
        every = (*earlier, now)
        newest = next((each for each in reversed(every) if each.accepted), None)
        enough = sum(each.accepted for each in every) >= attempts.least
        merged = newest is not None and newest.published is not None
        if enough and not merged and merger_is(session, now):
            return True
        if merged or enough or not any(each.active for each in every):
            self._forget(task)
        return False


def is_over(task: Task) -> bool:
    """Whether a task brings no results any more that somebody waits for.

    A creator that withdraws its task has closed the round: nobody waits for what is late.
    """
    return task.status not in LIVE and (not task.active or task.status is TaskStatus.WITHDRAWN)
