"""Some blocks of a chain, gathered as rows of the index, and what has to be read for them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from decentralml.chain.events import (
    AssignmentAbandoned,
    Event,
    SubmissionCleared,
    TaskCleared,
    TaskCreated,
)
from decentralml.chain.feed import Block, Feed, Place
from decentralml.chain.swarm.events import SwarmEvent
from decentralml.db.models import Base, BlockRow, EventRow, PaymentRow, SubmissionRow, TaskRow
from decentralml.db.rows import (
    ABANDONED,
    Values,
    concerns,
    event_row,
    submission_row,
    task_row,
    told,
)
from decentralml.db.swarm_batch import SwarmBatch
from decentralml.db.touched import Touched
from decentralml.types import Submission, Task, TaskId

Key = tuple[TaskId, int]


@dataclass
class Batch:
    """Rows of some blocks, and what has to be read for them."""

    rows: dict[type[Base], list[Values]] = field(default_factory=lambda: defaultdict(list))
    tasks: Touched[TaskId] = field(default_factory=Touched)
    results: Touched[Key] = field(default_factory=Touched)
    swarms: SwarmBatch = field(default_factory=SwarmBatch)
    abandoned: set[Key] = field(default_factory=set)
    created: list[TaskId] = field(default_factory=list)
    events: int = 0

    def add(self, chain: int, block: Block) -> None:
        """Take in what happened in a block."""
        if not block.events:
            return
        place = {"chain": chain, "block": block.number}
        self.rows[BlockRow].append(
            {
                "chain": chain,
                "number": block.number,
                "hash": "0x" + block.hash.hex(),
                "time": block.time,
            }
        )
        for position, event in block.events:
            self.events += 1
            at = {**place, "position": position}
            self.rows[EventRow].append(event_row(event) | at)
            own = told(event)
            if own is not None:
                self.rows[own[0]].append(own[1] | at)
            if isinstance(event, SwarmEvent):
                self.swarms.add(event, block.number)
            else:
                self._touch(event, block.number)

    def _touch(self, event: Event, block: int) -> None:
        """Take in an event of a task."""
        number, index = concerns(event)
        if number is None:
            return
        task = TaskId(number)
        self.tasks.touch(task, block)
        if isinstance(event, TaskCreated):
            self.created.append(task)
        elif isinstance(event, TaskCleared):
            self.tasks.end(task, block)
        if index is None:
            return
        self.results.touch((task, index), block)
        if isinstance(event, SubmissionCleared | AssignmentAbandoned):
            self.results.end((task, index), block)
        if isinstance(event, AssignmentAbandoned):
            self.abandoned.add((task, index))

    def read(self, chain: int, feed: Feed, places: Sequence[Place], head: Place) -> None:
        """Read the tasks, results and swarms in question, as they were after the last of the
        blocks.

        Parameters
        ----------
        places : of the blocks that were added, and before them the one before.
        head : where what only an older runtime could read has been migrated.
        """
        end = places[-1]
        before = {place.number + 1: place for place in places}

        tasks = self.tasks.read(feed.tasks, end, before)
        lost = [task for task, record in tasks.items() if record is None]
        tasks.update(zip(lost, feed.tasks(lost, head), strict=True))
        self._add_tasks(chain, tasks)

        results = self.results.read(feed.submissions, end, before)
        missing = [key for key, record in results.items() if record is None]
        results.update(zip(missing, feed.submissions(missing, head), strict=True))
        self._add_results(chain, results)

        for table, rows in self.swarms.read(feed, end, before).items():
            self.rows[table] += [row | {"chain": chain} for row in rows]

    def _add_tasks(self, chain: int, found: dict[TaskId, Task | None]) -> None:
        for task, record in found.items():
            if record is not None:
                row = {**task_row(record), "chain": chain, **self.tasks.blocks(task)}
                self.rows[TaskRow].append(row)
        for payment in self.rows[PaymentRow]:
            record = found.get(payment["task"])
            if payment["kind"] == "reward" and record is not None:
                payment["asset"] = record.terms.asset

    def _add_results(self, chain: int, found: dict[Key, Submission | None]) -> None:
        for key, record in found.items():
            if record is None:
                continue
            row = {**submission_row(record), "chain": chain, **self.results.blocks(key)}
            if key in self.abandoned:
                row["status"] = ABANDONED
            self.rows[SubmissionRow].append(row)
