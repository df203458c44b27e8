"""Some blocks of a chain, gathered as rows of the index, and what has to be read for them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from decentralml.chain.events import (
    AssignmentAbandoned,
    SubmissionCleared,
    TaskCleared,
    TaskCreated,
)
from decentralml.chain.feed import Block, Feed, Place
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
from decentralml.types import Submission, Task, TaskId

Key = tuple[TaskId, int]


@dataclass
class Batch:
    """Rows of some blocks, and what has to be read for them."""

    rows: dict[type[Base], list[Values]] = field(default_factory=lambda: defaultdict(list))
    tasks: dict[TaskId, int] = field(default_factory=dict)
    """Tasks in which something happened, and the last block in which it did."""
    results: dict[Key, int] = field(default_factory=dict)
    gone_tasks: dict[TaskId, int] = field(default_factory=dict)
    """Tasks that a block removed from storage."""
    gone_results: dict[Key, int] = field(default_factory=dict)
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
            number, index = concerns(event)
            if number is None:
                continue
            task = TaskId(number)
            self.tasks[task] = block.number
            if isinstance(event, TaskCreated):
                self.created.append(task)
            elif isinstance(event, TaskCleared):
                self.gone_tasks[task] = block.number
            if index is None:
                continue
            self.results[task, index] = block.number
            if isinstance(event, SubmissionCleared | AssignmentAbandoned):
                self.gone_results[task, index] = block.number
            if isinstance(event, AssignmentAbandoned):
                self.abandoned.add((task, index))

    def read(self, chain: int, feed: Feed, places: Sequence[Place], head: Place) -> None:
        """Read the tasks and results in question, as they were after the last of the blocks.

        Parameters
        ----------
        places : of the blocks that were added, and before them the one before.
        head : where what only an older runtime could read has been migrated.
        """
        end = places[-1]
        before = {place.number + 1: place for place in places}

        tasks = [task for task in self.tasks if task not in self.gone_tasks]
        found = dict(zip(tasks, feed.tasks(tasks, end), strict=True))
        for task, block in self.gone_tasks.items():
            (found[task],) = feed.tasks([task], before[block])
        lost = [task for task, record in found.items() if record is None]
        found.update(zip(lost, feed.tasks(lost, head), strict=True))
        self._add_tasks(chain, found)

        keys = [key for key in self.results if key not in self.gone_results]
        results = dict(zip(keys, feed.submissions(keys, end), strict=True))
        for key, block in self.gone_results.items():
            (results[key],) = feed.submissions([key], before[block])
        missing = [key for key, record in results.items() if record is None]
        results.update(zip(missing, feed.submissions(missing, head), strict=True))
        self._add_results(chain, results)

    def _add_tasks(self, chain: int, found: dict[TaskId, Task | None]) -> None:
        for task, record in found.items():
            if record is not None:
                self.rows[TaskRow].append(
                    {
                        **task_row(record),
                        "chain": chain,
                        "changed_in": self.tasks[task],
                        "cleared_in": self.gone_tasks.get(task),
                    }
                )
        for payment in self.rows[PaymentRow]:
            record = found.get(payment["task"])
            if payment["kind"] == "reward" and record is not None:
                payment["asset"] = record.terms.asset

    def _add_results(self, chain: int, found: dict[Key, Submission | None]) -> None:
        for key, record in found.items():
            if record is None:
                continue
            row = {
                **submission_row(record),
                "chain": chain,
                "changed_in": self.results[key],
                "cleared_in": self.gone_results.get(key),
            }
            if key in self.abandoned:
                row["status"] = ABANDONED
            self.rows[SubmissionRow].append(row)
