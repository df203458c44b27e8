"""The tables of swarms in a chain's index; see :mod:`.models`."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Index, LargeBinary, Text
from sqlalchemy.orm import Mapped, mapped_column

from decentralml.db.columns import Amount, Document, Number
from decentralml.db.models import ADDRESS, CID, CLUSTERED, WORD, KeptRow, OfEvent


class SwarmRow(KeptRow):
    __tablename__ = "swarms"
    __table_args__ = (
        Index(None, "chain", "owner", "id"),
        Index(None, "chain", "changed_in"),
        CLUSTERED,
    )

    id: Mapped[int] = mapped_column(Number, primary_key=True, sort_order=-2)
    owner: Mapped[str] = mapped_column(ADDRESS)
    config: Mapped[str] = mapped_column(CID)
    merge: Mapped[str] = mapped_column(WORD)
    min_peers: Mapped[int] = mapped_column(Number)
    max_peers: Mapped[int] = mapped_column(Number)
    admission: Mapped[str] = mapped_column(WORD)
    price: Mapped[int] = mapped_column(Amount)
    quorum_wait: Mapped[int] = mapped_column(Number)
    leader_timeout: Mapped[int] = mapped_column(Number)
    spread: Mapped[int] = mapped_column(Number)
    max_weightage: Mapped[int] = mapped_column(Number)
    seats: Mapped[int] = mapped_column(Number)
    nodes: Mapped[int] = mapped_column(Number)
    present: Mapped[int] = mapped_column(Number)
    snapshots: Mapped[int] = mapped_column(Number)
    round: Mapped[int] = mapped_column(Number)
    newest_round: Mapped[int | None] = mapped_column(Number)
    newest_cid: Mapped[str | None] = mapped_column(CID)
    newest_leader: Mapped[str | None] = mapped_column(ADDRESS)
    objections: Mapped[int] = mapped_column(Number)
    others: Mapped[int] = mapped_column(Number)
    closed: Mapped[int | None] = mapped_column(Number)
    """When, in Unix milliseconds."""
    deposit: Mapped[int] = mapped_column(Amount)


class OfMember(KeptRow):
    """What the chain stores of an account in a swarm."""

    __abstract__ = True

    swarm: Mapped[int] = mapped_column(Number, primary_key=True, sort_order=-2)
    account: Mapped[str] = mapped_column(ADDRESS, primary_key=True, sort_order=-1)


class SeatRow(OfMember):
    """A seat; of one that was given out again after it had ended, the newest."""

    __tablename__ = "swarm_seats"
    __table_args__ = (
        Index(None, "chain", "account", "swarm"),
        Index(None, "chain", "changed_in"),
        CLUSTERED,
    )

    paid: Mapped[int] = mapped_column(Amount)
    due: Mapped[int | None] = mapped_column(Number)
    """While it is on hold: from when on it is the owner's, in Unix milliseconds."""
    deposit: Mapped[int] = mapped_column(Amount)
    payer: Mapped[str] = mapped_column(ADDRESS)


class NodeRow(OfMember):
    __tablename__ = "swarm_nodes"
    __table_args__ = (Index(None, "chain", "changed_in"), CLUSTERED)

    identity: Mapped[bytes] = mapped_column(LargeBinary)
    """SHA-256 of its certificate."""
    address: Mapped[str] = mapped_column(Text)
    weightage: Mapped[int] = mapped_column(Number)
    willing: Mapped[bool]
    barred: Mapped[bool]
    presence: Mapped[str] = mapped_column(WORD)
    round: Mapped[int] = mapped_column(Number)
    cid: Mapped[str | None] = mapped_column(CID)
    arrived: Mapped[int] = mapped_column(Number)
    deposit: Mapped[int] = mapped_column(Amount)


class OfRound(OfEvent):
    """What an event said of a round of a swarm."""

    __abstract__ = True

    swarm: Mapped[int] = mapped_column(Number)
    round: Mapped[int] = mapped_column(Number)


class ArrivalRow(OfRound):
    """A node reached a round with an update."""

    __tablename__ = "swarm_arrivals"
    __table_args__ = (Index(None, "chain", "swarm", "round"), CLUSTERED)

    account: Mapped[str] = mapped_column(ADDRESS)
    cid: Mapped[str] = mapped_column(CID)


class MergeRow(OfRound):
    """A leader published a merged model."""

    __tablename__ = "swarm_merges"
    __table_args__ = (
        Index(None, "chain", "swarm", "round"),
        Index(None, "chain", "cid"),
        CLUSTERED,
    )

    leader: Mapped[str] = mapped_column(ADDRESS)
    cid: Mapped[str] = mapped_column(CID)
    merged: Mapped[int] = mapped_column(Number)
    """Updates in it."""
    left_out: Mapped[list[Any]] = mapped_column(Document)
    """Pairs of an account and a fault."""


class StepRow(OfRound):
    """Anything else that happened to a round."""

    __tablename__ = "swarm_steps"
    __table_args__ = (Index(None, "chain", "swarm", "round"), CLUSTERED)

    step: Mapped[str] = mapped_column(WORD)
    """``Opened``, ``Collected``, ``Drawn``, ``Replaced``, ``Voided``, ``Objected`` or
    ``Overturned``."""
    account: Mapped[str | None] = mapped_column(ADDRESS)
    """The leader that was drawn, replaced or overturned; the node that objected."""
