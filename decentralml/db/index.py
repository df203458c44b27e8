"""The index of a chain: made from its blocks, a batch at a time, and made again whenever it must.

Tasks and results, swarms, their seats and nodes are kept as the chain stored them at the index's
block, so that no rule of the pallets is repeated here; what only events tell (payments,
attestations, elections, models, rounds) has tables of its own. What the chain clears from its
storage stays in the index as it was last.

A batch and the note of how far the index is are one transaction: whoever is killed goes on where it
was, and of two processes that index at once one finds the other's batch done and goes on after it.
Where the chain no longer has the block that was indexed last (a node took blocks back, a chain file
was made anew), the index goes back to the newest block that both have.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from decentralml.chain.feed import Feed, Place
from decentralml.db import kept
from decentralml.db.batch import Batch
from decentralml.db.engine import Database
from decentralml.db.models import (
    AttestationRow,
    BlockRow,
    DeedRow,
    ElectionRow,
    EventRow,
    IndexedChain,
    ModelRow,
    OfChain,
    OfEvent,
    PaymentRow,
    SubmissionRow,
    TaskRow,
    TaskText,
    text_id,
)
from decentralml.db.rows import Values
from decentralml.db.swarm_models import ArrivalRow, MergeRow, StepRow, SwarmRow
from decentralml.db.words import plain
from decentralml.errors import WrongGenesis
from decentralml.types import Cid, TaskId

BATCH_BLOCKS = 512
BATCH_EVENTS = 20_000
"""A batch ends with the block in which it comes to so many."""
_ANCESTORS = 256
"""Blocks that are looked at together for one that the chain still has."""
_OF_EVENTS: tuple[type[OfEvent], ...] = (
    EventRow,
    AttestationRow,
    PaymentRow,
    ElectionRow,
    DeedRow,
    ModelRow,
    ArrivalRow,
    MergeRow,
    StepRow,
)
_SEARCHED = ("task_type", "model_type", "strategy", "bundle")
_NAME = 255
_MANY = 1_000
"""Events after which the database should look again at what its tables hold."""
Progress = Callable[[int, int | None], None]


@dataclass(frozen=True, slots=True)
class Status:
    """How far the index of a chain is."""

    genesis: str
    name: str
    block: int
    block_hash: str
    tasks: int
    submissions: int
    swarms: int
    events: int


@dataclass(frozen=True, slots=True)
class Synced:
    """What a sync did."""

    block: int
    """Where the index is now."""
    blocks: int
    """How many it read."""
    events: int
    """Of the marketplace's pallets."""
    back: int | None
    """The block to which the index went back, because the chain had lost the later ones."""
    created: tuple[TaskId, ...]


class Index:
    """The index of one chain in a database.

    Parameters
    ----------
    genesis : the chain's, ``0x``-prefixed hexadecimal.
    called : the chain's own name.
    """

    def __init__(self, database: Database, genesis: str, called: str = "") -> None:
        self.database = database
        self.genesis = genesis
        self.called = called
        self._chain: int | None = None

    def number(self) -> int | None:
        """Of the chain in this database; None if it has never been indexed here."""
        if self._chain is None:
            with self.database.reading() as connection:
                self._chain = _number(connection, self.genesis)
        return self._chain

    def status(self) -> Status | None:
        """How far the index is; None where there is none."""
        with self.database.reading() as connection:
            found = statuses(connection, self.genesis)
        return found[0] if found else None

    def others(self) -> list[Status]:
        """Other chains in this database."""
        with self.database.reading() as connection:
            return [each for each in statuses(connection) if each.genesis != self.genesis]

    def sync(self, feed: Feed, progress: Progress | None = None) -> Synced:
        """Take in all blocks up to the chain's newest.

        Raises
        ------
        WrongGenesis : these are another chain's blocks.
        StatePruned : the node keeps only the newest states.
        DatabaseError, ChainError
        """
        blocks = events = 0
        back: int | None = None
        created: list[TaskId] = []
        first = feed.places(0, 0)[0].hash.hex()
        if self.genesis != "0x" + first:
            raise WrongGenesis(self.genesis, "0x" + first, "the node")
        chain = self._begin()
        while True:
            at, head = self._checkpoint(chain), feed.head()
            last = min(at.number + BATCH_BLOCKS, head.number)
            places = feed.places(at.number, last) if at.number <= last else []
            if not places or places[0] != at:
                ancestor = self._go_back(chain, feed, at)
                back = ancestor if back is None else min(back, ancestor)
                continue
            if len(places) == 1:
                if events >= _MANY:
                    self.database.analyze()
                return Synced(at.number, blocks, events, back, tuple(created))
            batch, read = Batch(), 1
            for place in places[1:]:
                batch.add(chain, feed.block(place))
                read += 1
                if batch.events >= BATCH_EVENTS:
                    break
            batch.read(chain, feed, places[:read], head)
            if self._write(chain, at, batch, places[read - 1]):
                blocks, events = blocks + read - 1, events + batch.events
                created += batch.created
            if progress is not None:
                progress(places[read - 1].number, head.number)

    def reset(self) -> None:
        """Forget all of the chain, as if it had never been indexed: :meth:`sync` makes it anew."""
        self._chain = None
        with self.database.writing() as connection:
            chain = _number(connection, self.genesis)
            if chain is None:
                return
            tables: tuple[type[OfChain], ...] = (*_OF_EVENTS, BlockRow, *kept.TABLES)
            for table in tables:
                connection.execute(delete(table).where(table.chain == chain))
            _forget_texts(connection, chain)
            connection.execute(delete(IndexedChain).where(IndexedChain.id == chain))

    def unnamed(self, tasks: Iterable[TaskId]) -> dict[TaskId, Cid]:
        """Those of some tasks whose text has no words of their bundles yet, and the bundles."""
        chain = self.number()
        numbers = list(tasks)
        if chain is None or not numbers:
            return {}
        query = (
            select(TaskRow.id, TaskRow.bundle)
            .join(TaskText, TaskText.id == TaskRow.id + text_id(chain, 0))
            .where(TaskRow.chain == chain, TaskRow.id.in_(numbers), TaskText.named.is_(False))
        )
        with self.database.reading() as connection:
            return {TaskId(row.id): Cid(row.bundle) for row in connection.execute(query)}

    def name(self, words: Mapping[TaskId, str]) -> None:
        """Have tasks found by the words of their bundles, too."""
        chain = self.number()
        if chain is None:
            return
        with self.database.writing() as connection:
            for task, text in words.items():
                connection.execute(
                    update(TaskText)
                    .where(TaskText.id == text_id(chain, task), TaskText.named.is_(False))
                    .values(text=TaskText.text + " " + plain(text), named=True)
                )

    def _begin(self) -> int:
        """The chain's number; it gets one now if it has none."""
        known = self.number()
        if known is not None:
            return known
        with self.database.writing() as connection:
            values = {"genesis": self.genesis, "name": self.called.replace("\0", "")[:_NAME]}
            row = {**values, "block": 0, "block_hash": self.genesis}
            statement = _insert(connection, IndexedChain).on_conflict_do_nothing()
            connection.execute(statement, row)
        known = self.number()
        assert known is not None
        return known

    def _checkpoint(self, chain: int) -> Place:
        with self.database.reading() as connection:
            return _checkpoint(connection, chain)

    def _write(self, chain: int, at: Place, batch: Batch, end: Place) -> bool:
        """Add a batch that goes on from ``at``; False if another process has moved the index."""
        with self.database.writing() as connection:
            if _checkpoint(connection, chain, lock=True) != at:
                return False
            for table, rows in batch.rows.items():
                if not rows:
                    continue
                if table in kept.TABLES:
                    _upsert(connection, table, rows)
                else:
                    connection.execute(insert(table), rows)
            texts = {
                row[
                    "id"
                ]: f"{row['task_type']} {row['model_type']} {row['strategy']} {row['bundle']}"
                for row in batch.rows[TaskRow]
            }
            new = [
                {"id": text_id(chain, task), "text": texts[task], "named": False}
                for task in batch.created
                if task in texts
            ]
            if new:
                statement = _insert(connection, TaskText).on_conflict_do_nothing()
                connection.execute(statement, new)
            kept.mark_gone(connection, chain, batch)
            _move(connection, chain, end)
        return True

    def _go_back(self, chain: int, feed: Feed, at: Place) -> int:
        """Go back to the newest indexed block that the chain still has; its number."""
        ancestor = self._ancestor(chain, feed, at.number)
        with self.database.writing() as connection:
            if _checkpoint(connection, chain, lock=True) != at:
                return ancestor.number
            for table in _OF_EVENTS:
                connection.execute(
                    delete(table).where(table.chain == chain, table.block > ancestor.number)
                )
            connection.execute(
                delete(BlockRow).where(BlockRow.chain == chain, BlockRow.number > ancestor.number)
            )
            for task in kept.restore(connection, chain, feed, ancestor):
                connection.execute(delete(TaskText).where(TaskText.id == text_id(chain, task)))
            _move(connection, chain, ancestor)
        return ancestor.number

    def _ancestor(self, chain: int, feed: Feed, below: int) -> Place:
        """The newest block below a number that the index and the chain both have."""
        while below > 0:
            query = select(BlockRow.number, BlockRow.hash).where(
                BlockRow.chain == chain, BlockRow.number < below
            )
            query = query.order_by(BlockRow.number.desc()).limit(_ANCESTORS)
            with self.database.reading() as connection:
                rows = connection.execute(query).all()
            if not rows:
                break
            for number, block_hash in rows:
                place = Place(number, bytes.fromhex(block_hash[2:]))
                if feed.places(number, number) == [place]:
                    return place
            below = rows[-1].number
        return Place(0, bytes.fromhex(self.genesis[2:]))


def statuses(connection: Connection, genesis: str | None = None) -> list[Status]:
    """The chains in a database, or one of them."""
    query = select(IndexedChain).order_by(IndexedChain.id)
    if genesis is not None:
        query = query.where(IndexedChain.genesis == genesis)
    found = []
    for row in connection.execute(query).all():
        tasks, submissions, swarms, events = (
            connection.scalar(select(func.count()).select_from(table).where(table.chain == row.id))
            or 0
            for table in (TaskRow, SubmissionRow, SwarmRow, EventRow)
        )
        found.append(
            Status(
                genesis=row.genesis,
                name=row.name,
                block=row.block,
                block_hash=row.block_hash,
                tasks=tasks,
                submissions=submissions,
                swarms=swarms,
                events=events,
            )
        )
    return found


def _number(connection: Connection, genesis: str) -> int | None:
    return connection.scalar(select(IndexedChain.id).where(IndexedChain.genesis == genesis))


def _checkpoint(connection: Connection, chain: int, lock: bool = False) -> Place:
    query = select(IndexedChain.block, IndexedChain.block_hash).where(IndexedChain.id == chain)
    row = connection.execute(query.with_for_update() if lock else query).one()
    return Place(row.block, bytes.fromhex(row.block_hash[2:]))


def _move(connection: Connection, chain: int, to: Place) -> None:
    connection.execute(
        update(IndexedChain)
        .where(IndexedChain.id == chain)
        .values(block=to.number, block_hash="0x" + to.hash.hex())
    )


def _insert(connection: Connection, table: Any) -> Any:
    """An ``INSERT`` that can say what to do with rows that are there already."""
    return (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(table)


def _upsert(connection: Connection, table: Any, rows: Sequence[Values]) -> None:
    statement = _insert(connection, table)
    keys = [column.name for column in table.__table__.primary_key]
    changed = {name: statement.excluded[name] for name in rows[0] if name not in keys}
    connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=changed), rows)


def _forget_texts(connection: Connection, chain: int) -> None:
    connection.execute(
        delete(TaskText).where(
            TaskText.id >= text_id(chain, 0), TaskText.id < text_id(chain + 1, 0)
        )
    )
