"""Swarms in the index of a chain: what was gathered is written, and undone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from decentralml.chain.feed import Feed, Place
from decentralml.db.models import OfEvent
from decentralml.db.swarm_batch import SwarmBatch
from decentralml.db.swarm_models import (
    ArrivalRow,
    MergeRow,
    NodeRow,
    OfSwarm,
    SeatRow,
    StepRow,
    SwarmRow,
)
from decentralml.db.swarm_rows import Values, node_row, seat_row, swarm_row
from decentralml.db.touched import Touched

OF_ROUNDS: tuple[type[OfEvent], ...] = (ArrivalRow, MergeRow, StepRow)
KEPT: tuple[type[OfSwarm], ...] = (SwarmRow, SeatRow, NodeRow)


@dataclass(frozen=True, slots=True)
class _Kind:
    """One kind of what the chain stores of swarms."""

    table: type[OfSwarm]
    touched: Callable[[SwarmBatch], Touched[Any]]
    fetch: Callable[[Feed], Callable[[Sequence[Any], Place], list[Any]]]
    row: Callable[[Any, Any], Values]

    @property
    def keys(self) -> list[Any]:
        return [column for column in self.table.__table__.primary_key if column.name != "chain"]

    def key_of(self, row: Any) -> Any:
        """The key by which a chain knows it."""
        return row[0] if len(self.keys) == 1 else tuple(row)


_KINDS = (
    _Kind(SwarmRow, lambda batch: batch.swarms, lambda feed: feed.swarms, swarm_row),
    _Kind(SeatRow, lambda batch: batch.seats, lambda feed: feed.seats, seat_row),
    _Kind(NodeRow, lambda batch: batch.nodes, lambda feed: feed.nodes, node_row),
)


def mark_gone(connection: Connection, chain: int, batch: SwarmBatch) -> None:
    """Also of what could not be read any more, the index may have a row of before."""
    for kind in _KINDS:
        for key, block in kind.touched(batch).gone.items():
            parts = key if isinstance(key, tuple) else (key,)
            here = [column == part for column, part in zip(kind.keys, parts, strict=True)]
            statement = update(kind.table).where(kind.table.chain == chain, *here)
            # A seat that had no node is no end of one that an earlier holder of it had.
            statement = statement.where(kind.table.cleared_in.is_(None))
            connection.execute(statement.values(cleared_in=block, changed_in=block))


def restore(connection: Connection, chain: int, feed: Feed, to: Place) -> None:
    """What later blocks changed, as it was after a block; what they made is removed.

    Of a seat that had ended before that block, and was given out anew after it, nothing is left.
    """
    for kind in _KINDS:
        table = kind.table
        changed = (table.chain == chain, table.changed_in > to.number)
        keys = [kind.key_of(row) for row in connection.execute(select(*kind.keys).where(*changed))]
        connection.execute(delete(table).where(*changed))
        found = kind.fetch(feed)(keys, to) if keys else []
        blocks = {"chain": chain, "changed_in": to.number, "cleared_in": None}
        rows = [
            kind.row(key, record) | blocks
            for key, record in zip(keys, found, strict=True)
            if record is not None
        ]
        if rows:
            connection.execute(insert(table), rows)
