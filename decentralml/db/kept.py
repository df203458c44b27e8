"""What a chain stores, in its index: rows of what is gone are marked, and later blocks undone.

One line of a table for each kind of thing; the same is done to all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from decentralml.chain.feed import Feed, Place
from decentralml.db.batch import Batch
from decentralml.db.models import KeptRow, SubmissionRow, TaskRow
from decentralml.db.rows import Values, submission_row, task_row
from decentralml.db.swarm_models import NodeRow, SeatRow, SwarmRow
from decentralml.db.swarm_rows import node_row, seat_row, swarm_row
from decentralml.db.touched import Touched
from decentralml.types import TaskId


@dataclass(frozen=True, slots=True)
class _Kind:
    """One kind of thing that a chain stores under keys.

    Attributes
    ----------
    touched : those in which something happened in a batch.
    fetch : those under keys after a block, from a chain.
    row : from a key and what is there, but for the chain and the blocks.
    """

    table: type[KeptRow]
    touched: Callable[[Batch], Touched[Any]]
    fetch: Callable[[Feed], Callable[[Sequence[Any], Place], list[Any]]]
    row: Callable[[Any, Any], Values]

    @property
    def columns(self) -> list[Any]:
        """Of its key."""
        return [column for column in self.table.__table__.primary_key if column.name != "chain"]

    def is_at(self, key: Any) -> list[Any]:
        parts = key if isinstance(key, tuple) else (key,)
        return [column == part for column, part in zip(self.columns, parts, strict=True)]

    def key_of(self, row: Sequence[Any]) -> Any:
        """The key by which a chain knows it, from the columns of its key."""
        return row[0] if len(row) == 1 else tuple(row)


_KINDS = (
    _Kind(TaskRow, lambda b: b.tasks, lambda f: f.tasks, lambda _, task: task_row(task)),
    _Kind(
        SubmissionRow, lambda b: b.results, lambda f: f.submissions, lambda _, r: submission_row(r)
    ),
    _Kind(SwarmRow, lambda b: b.swarms.swarms, lambda f: f.swarms, swarm_row),
    _Kind(SeatRow, lambda b: b.swarms.seats, lambda f: f.seats, seat_row),
    _Kind(NodeRow, lambda b: b.swarms.nodes, lambda f: f.nodes, node_row),
)
TABLES = tuple(kind.table for kind in _KINDS)


def mark_gone(connection: Connection, chain: int, batch: Batch) -> None:
    """Also of what could not be read any more, the index may have a row of before."""
    for kind in _KINDS:
        table = kind.table
        # Where a seat ends, the node that it may have had is gone since before, or there is none.
        here = (table.chain == chain, table.cleared_in.is_(None))
        for key, block in kind.touched(batch).gone.items():
            statement = update(table).where(*here, *kind.is_at(key))
            connection.execute(statement.values(cleared_in=block, changed_in=block))


def restore(connection: Connection, chain: int, feed: Feed, to: Place) -> list[TaskId]:
    """What later blocks changed, as it was after a block; what they made is removed.

    Of a seat that had ended before that block, and was given out anew after it, nothing is left.

    Returns
    -------
    The tasks that were removed.
    """
    removed: list[TaskId] = []
    for kind in _KINDS:
        table = kind.table
        changed = (table.chain == chain, table.changed_in > to.number)
        rows = connection.execute(select(*kind.columns).where(*changed)).all()
        connection.execute(delete(table).where(*changed))
        keys = [kind.key_of(row) for row in rows]
        found = dict(zip(keys, kind.fetch(feed)(keys, to) if keys else (), strict=True))
        blocks = {"chain": chain, "changed_in": to.number, "cleared_in": None}
        there = [kind.row(key, each) | blocks for key, each in found.items() if each is not None]
        if there:
            connection.execute(insert(table), there)
        if table is TaskRow:
            removed = [key for key, record in found.items() if record is None]
    return removed
