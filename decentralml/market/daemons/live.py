"""The tasks that still matter, without reading all of them at every look."""

from __future__ import annotations

from dataclasses import dataclass, field

from decentralml.chain.errors import UnknownTask
from decentralml.chain.feed import Feed, Place
from decentralml.errors import StatePruned
from decentralml.market.session import Session
from decentralml.market.tasks import LIVE, PAGE
from decentralml.types import Task, TaskId

SPAN = 64
"""Blocks whose events are read, to see which tasks they were about; after more, every task is."""


@dataclass
class LiveTasks:
    """Remembers which tasks go on. All are read once, then those that something has happened to.

    Attributes
    ----------
    ended : of the last look: those that have come to an end, or had when they were first seen.
    changed : of the last look: all to which something may have happened, be it to their results,
        shares or invitations. What is remembered of others is still so.
    newest : of all tasks there are.
    place : the block that it looked at last.
    """

    tasks: dict[TaskId, Task] = field(default_factory=dict)
    ended: list[Task] = field(default_factory=list)
    changed: frozenset[TaskId] = frozenset()
    newest: Task | None = None
    place: Place | None = None

    def look(self, session: Session) -> list[Task]:
        """The tasks that go on, as they are now, oldest first."""
        feed = session.chain.feed()
        head = feed.head()
        touched = frozenset[TaskId]() if head == self.place else self._touched(feed, head)
        if touched is None:
            found = {number: stored(session, number) for number in self._known(session)}
            found |= {task.id: task for task in self._new(session)}
            touched = frozenset(found)
        else:
            after = -1 if self.newest is None else self.newest.id
            wanted = sorted(each for each in touched if each in self.tasks or each > after)
            found = dict(zip(wanted, feed.tasks(wanted, head), strict=True))
        self._take(found)
        # Last, so that a look that was broken off is made again.
        self.changed, self.place = touched, head
        return [self.tasks[number] for number in sorted(self.tasks)]

    def _take(self, found: dict[TaskId, Task | None]) -> None:
        self.ended = []
        for number in sorted(found):
            self.tasks.pop(number, None)
            if (task := found[number]) is None:
                continue
            if task.status in LIVE or task.active:
                self.tasks[number] = task
            else:
                self.ended.append(task)
            if self.newest is None or number > self.newest.id:
                self.newest = task

    def _touched(self, feed: Feed, head: Place) -> frozenset[TaskId] | None:
        """Tasks that events since the last look were about; None where that cannot be told."""
        last = self.place
        if last is None or not 0 < head.number - last.number <= SPAN:
            return None
        places = feed.places(last.number, head.number)
        if len(places) != head.number - last.number + 1 or (places[0], places[-1]) != (last, head):
            return None  # Another fork, or a chain that was begun anew.
        try:
            told = [event for each in places[1:] for _, event in feed.block(each).events]
        except StatePruned:
            return None
        tasks = (getattr(event, "task", None) for event in told)
        return frozenset(task for task in tasks if task is not None)

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
                return found
            before = page[-1].id


def stored(session: Session, task: TaskId) -> Task | None:
    """A task; None once it is cleared, as what has ended is one day."""
    try:
        return session.chain.task(task)
    except UnknownTask:
        return None
