"""The rounds of swarms in the index, newest first, a page at a time.

Rounds are numbered one after another, so a page is a range of numbers: the thousandth costs what
the first does. What happened in them is read by those numbers.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Row, and_, func, select, union

from decentralml.chain.swarm.words import Fault, SwarmId
from decentralml.db.models import BlockRow
from decentralml.db.swarm_models import ArrivalRow, MergeRow, OfRound, SeatRow, StepRow, SwarmRow
from decentralml.db.swarm_rows import (
    COLLECTED,
    DRAWN,
    OBJECTED,
    OPENED,
    OVERTURNED,
    REPLACED,
    VOIDED,
)
from decentralml.types import Address, Cid


@dataclass(frozen=True, slots=True)
class PastArrival:
    """A node that reached a round."""

    account: Address
    cid: Cid
    at: int
    """Unix milliseconds."""


@dataclass(frozen=True, slots=True)
class PastMerge:
    """What a round led to."""

    leader: Address
    cid: Cid
    merged: int
    """Updates in it."""
    left_out: tuple[tuple[Address, Fault], ...]


@dataclass(frozen=True, slots=True)
class PastRound:
    """A round that is over, or under way. Times are Unix milliseconds.

    Attributes
    ----------
    collected : when its collection was over.
    leaders : that were drawn, one after another; all but the last failed.
    ended : when it was merged or void; None while it is under way.
    model : None if it is under way, or void.
    objected : who found its model unusable.
    overturned : whether most of its members did.
    """

    number: int
    opened: int | None
    arrivals: tuple[PastArrival, ...]
    collected: int | None
    leaders: tuple[Address, ...]
    replaced: tuple[Address, ...]
    ended: int | None
    model: PastMerge | None
    objected: tuple[Address, ...]
    overturned: bool

    @property
    def lasted(self) -> int | None:
        """Milliseconds from its first arrival to its end."""
        if self.opened is None or self.ended is None:
            return None
        return self.ended - self.opened


def past_rounds(
    connection: Connection,
    chain: int,
    swarm: SwarmId,
    limit: int = 20,
    before: int | None = None,
) -> list[PastRound]:
    """Rounds of a swarm, newest first, with numbers below ``before``.

    Parameters
    ----------
    chain : by its number in the database.
    """
    newest = select(func.max(StepRow.round)).where(StepRow.chain == chain, StepRow.swarm == swarm)
    last = connection.scalar(newest) or 0
    last = last if before is None else min(last, before - 1)
    first = max(last - limit + 1, 1)
    if last < first:
        return []
    found: dict[int, _Found] = {number: _Found() for number in range(last, first - 1, -1)}
    for row in _of_rounds(connection, ArrivalRow, chain, swarm, first, last):
        arrival = PastArrival(Address(row.account), Cid(row.cid), row.time)
        found[row.round].arrivals.append(arrival)
    for row in _of_rounds(connection, MergeRow, chain, swarm, first, last):
        left_out = tuple((Address(account), Fault(fault)) for account, fault in row.left_out)
        model = PastMerge(Address(row.leader), Cid(row.cid), row.merged, left_out)
        found[row.round].model, found[row.round].merged_at = model, row.time
    for row in _of_rounds(connection, StepRow, chain, swarm, first, last):
        found[row.round].times.setdefault(row.step, row.time)
        if row.account is not None:
            found[row.round].accounts[row.step].append(Address(row.account))
    return [each.told(number) for number, each in found.items() if each.times]


def rounds_of_model(
    connection: Connection, chain: int, cid: str, limit: int = 20
) -> list[tuple[SwarmId, PastRound]]:
    """The rounds that led to a model, by its CID or the beginning of it, newest first.

    Several where the same was published again.
    """
    query = (
        select(MergeRow.swarm, MergeRow.round)
        .where(MergeRow.chain == chain, MergeRow.cid >= cid, MergeRow.cid < cid + "~")
        .order_by(MergeRow.block.desc(), MergeRow.position.desc())
        .limit(limit)
    )
    return [
        (SwarmId(row.swarm), found)
        for row in connection.execute(query).all()
        for found in past_rounds(connection, chain, SwarmId(row.swarm), 1, row.round + 1)
    ]


def swarms_of(connection: Connection, chain: int, account: Address, limit: int) -> list[SwarmId]:
    """Swarms that an account owns or has a seat in, newest first."""
    owned = select(SwarmRow.id).where(
        SwarmRow.chain == chain, SwarmRow.owner == account, SwarmRow.cleared_in.is_(None)
    )
    seated = select(SeatRow.swarm).where(
        SeatRow.chain == chain, SeatRow.account == account, SeatRow.cleared_in.is_(None)
    )
    several = union(owned, seated).subquery()
    newest = select(several.c.id).order_by(several.c.id.desc()).limit(limit)
    return [SwarmId(number) for number in connection.scalars(newest)]


@dataclass
class _Found:
    """What was found of one round."""

    arrivals: list[PastArrival] = field(default_factory=list)
    model: PastMerge | None = None
    merged_at: int | None = None
    times: dict[str, int] = field(default_factory=dict)
    accounts: dict[str, list[Address]] = field(default_factory=lambda: defaultdict(list))

    def told(self, number: int) -> PastRound:
        voided = self.times.get(VOIDED)
        return PastRound(
            number=number,
            opened=self.times.get(OPENED),
            arrivals=tuple(self.arrivals),
            collected=self.times.get(COLLECTED),
            leaders=tuple(self.accounts[DRAWN]),
            replaced=tuple(self.accounts[REPLACED]),
            ended=self.merged_at if voided is None else voided,
            model=self.model,
            objected=tuple(self.accounts[OBJECTED]),
            overturned=OVERTURNED in self.times,
        )


def _of_rounds(
    connection: Connection,
    table: type[OfRound],
    chain: int,
    swarm: SwarmId,
    first: int,
    last: int,
) -> Iterable[Row[Any]]:
    """The rows of a range of rounds with the times of their blocks, in the order of events."""
    query = (
        select(*table.__table__.columns, BlockRow.time)
        .join(BlockRow, _in_its_block(table))
        .where(table.chain == chain, table.swarm == swarm, table.round.between(first, last))
        .order_by(table.block, table.position)
    )
    return connection.execute(query)


def _in_its_block(table: type[OfRound]) -> Any:
    return and_(BlockRow.chain == table.chain, BlockRow.number == table.block)
