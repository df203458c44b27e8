"""The tasks that still matter, without reading all of them at every look."""

from __future__ import annotations

from dataclasses import dataclass, field

from decentralml.chain.errors import UnknownTask
from decentralml.market.session import Session
from decentralml.market.tasks import LIVE, PAGE
from decentralml.types import Task, TaskId


@dataclass
class LiveTasks:
    """Remembers which tasks go on; all are read once, then only those, and new ones.

    Attributes
    ----------
    ended : of the last look: those that have come to an end, or had when they were first seen.
    """

    tasks: dict[TaskId, Task] = field(default_factory=dict)
    ended: list[Task] = field(default_factory=list)
    newest: Task | None = None

    def look(self, session: Session) -> list[Task]:
        """The tasks that go on, as they are now, oldest first."""
        known = self._known(session)
        self.ended = []
        fresh = [task for each in known if (task := _stored(session, each)) is not None]
        fresh += self._new(session)
        self.tasks = {}
        for task in sorted(fresh, key=lambda task: task.id):
            if task.status in LIVE or task.active:
                self.tasks[task.id] = task
            else:
                self.ended.append(task)
        return list(self.tasks.values())

    def _known(self, session: Session) -> list[TaskId]:
        """Tasks to read again; none where the chain was started anew."""
        if self.newest is None:
            return []
        try:
            same = session.chain.task(self.newest.id).created_at == self.newest.created_at
        except UnknownTask:
            # It may have been cleared: then there is a newer one, or the chain is another.
            last = session.chain.tasks(1)
            same = bool(last) and last[0].id > self.newest.id
        if same:
            return list(self.tasks)
        self.newest, self.tasks = None, {}
        return []

    def _new(self, session: Session) -> list[Task]:
        """Tasks that were posted since the last look."""
        found: list[Task] = []
        before: TaskId | None = None
        while True:
            page = session.chain.tasks(PAGE, before)
            new = [task for task in page if self.newest is None or task.id > self.newest.id]
            found += new
            if len(new) < PAGE:
                break
            before = page[-1].id
        if found:
            self.newest = max(found, key=lambda task: task.id)
        return found


def _stored(session: Session, task: TaskId) -> Task | None:
    """A task; None once it is cleared, as what has ended is one day."""
    try:
        return session.chain.task(task)
    except UnknownTask:
        return None
