"""The database's tables: what training made, and what a chain holds and did.

Two parts. *Artifacts* (``execution_sessions``, ``data_artifacts``) are told by nobody else: they
are this database's own. The *index* repeats what a chain says and can be made again from it at any
time; all its tables begin with the number of the chain, so that one database serves several. Each
row that a block made, or changed last, names the block: that is how a chain that takes blocks back
is followed. Times of the chain are Unix milliseconds, amounts planck (or units of an asset).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ForeignKey,
    Index,
    LargeBinary,
    MetaData,
    String,
    Text,
    Uuid,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from decentralml.db.columns import Amount, Document, Moment, Number
from decentralml.db.filters import MOST_TASKS

ADDRESS = String(64)
CID = Text()
"""Of any length: strangers put what they like where the chain expects a CID."""
WORD = String(32)
"""A name of an enumeration's value."""


class Base(DeclarativeBase):
    """Constraints are named by rule, so that migrations can name them too."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


# Artifacts.


class ExecutionSession(Base):
    """One run of something: a training, a federation, an evaluation."""

    __tablename__ = "execution_sessions"

    session_id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    kind: Mapped[str] = mapped_column(String(64))
    name: Mapped[str | None] = mapped_column(String(255))
    status: Mapped[str] = mapped_column(WORD)
    """``running``, then ``finished`` or ``failed``."""
    llm_type: Mapped[str | None] = mapped_column(WORD)
    parameters: Mapped[dict[str, Any]] = mapped_column(Document)
    metrics: Mapped[dict[str, Any]] = mapped_column(Document)
    started_at: Mapped[datetime] = mapped_column(Moment)
    finished_at: Mapped[datetime | None] = mapped_column(Moment)
    artifacts: Mapped[list[DataArtifact]] = relationship(back_populates="session")


class DataArtifact(Base):
    """Something that a run left: a model, a log. Its bytes are in the row, in a file, or stored
    by their CID."""

    __tablename__ = "data_artifacts"
    __table_args__ = (
        Index(None, "artifact_type", "llm_type", "created_at"),
        Index(None, "session_id"),
    )

    artifact_id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    session_id: Mapped[UUID] = mapped_column(
        ForeignKey("execution_sessions.session_id", ondelete="CASCADE")
    )
    artifact_type: Mapped[str] = mapped_column(String(64))
    llm_type: Mapped[str | None] = mapped_column(WORD)
    name: Mapped[str] = mapped_column(String(255))
    data: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    file_path: Mapped[str | None] = mapped_column(Text)
    cid: Mapped[str | None] = mapped_column(CID)
    size: Mapped[int | None] = mapped_column(Number)
    """Bytes, where they are known."""
    created_at: Mapped[datetime] = mapped_column(Moment)
    session: Mapped[ExecutionSession] = relationship(back_populates="artifacts")


# The index of a chain.


class IndexedChain(Base):
    """A chain, and the block up to which it is indexed."""

    __tablename__ = "chains"

    id: Mapped[int] = mapped_column(Number, primary_key=True)
    genesis: Mapped[str] = mapped_column(String(66), unique=True)
    name: Mapped[str] = mapped_column(String(255))
    block: Mapped[int] = mapped_column(Number)
    block_hash: Mapped[str] = mapped_column(String(66))


CLUSTERED = {"sqlite_with_rowid": False}
"""Rows lie in the order of their keys."""


class OfChain(Base):
    """A row of one chain's index."""

    __abstract__ = True
    __table_args__: Any = CLUSTERED

    chain: Mapped[int] = mapped_column(
        Number, ForeignKey("chains.id", ondelete="CASCADE"), primary_key=True, sort_order=-3
    )


class OfEvent(OfChain):
    """A row that one event of a block made; ``position`` counts a block's events."""

    __abstract__ = True

    block: Mapped[int] = mapped_column(Number, primary_key=True, sort_order=-2)
    position: Mapped[int] = mapped_column(Number, primary_key=True, sort_order=-1)


class KeptRow(OfChain):
    """What the chain stored at the index's block, or last, if it has been cleared."""

    __abstract__ = True

    changed_in: Mapped[int] = mapped_column(Number, sort_order=1)
    """The last indexed block in which something happened to it."""
    cleared_in: Mapped[int | None] = mapped_column(Number, sort_order=2)


class BlockRow(OfChain):
    """A block in which something happened that concerns the index."""

    __tablename__ = "blocks"

    number: Mapped[int] = mapped_column(Number, primary_key=True, sort_order=-2)
    hash: Mapped[str] = mapped_column(String(66))
    time: Mapped[int] = mapped_column(Number)


class EventRow(OfEvent):
    """An event of the pallets market, aggregators or reputation."""

    __tablename__ = "events"
    __table_args__ = (Index(None, "chain", "task", "block", "position"), CLUSTERED)

    pallet: Mapped[str] = mapped_column(WORD)
    name: Mapped[str] = mapped_column(WORD)
    task: Mapped[int | None] = mapped_column(Number)
    result: Mapped[int | None] = mapped_column(Number)
    fields: Mapped[dict[str, Any]] = mapped_column(Document)


class TaskRow(KeptRow):
    """A task."""

    __tablename__ = "tasks"
    __table_args__ = (
        # What one of few values narrows down, newest first; amounts are looked at in the index.
        Index(
            "ix_tasks_kind",
            *("chain", "status", "task_type", "model_type", "id"),
            *("asset", "reward", "open_slots", "expires_at"),
        ),
        Index(None, "chain", "creator", "id"),
        Index("ix_tasks_asset", "chain", "asset", "id", "reward"),
        Index(
            "ix_tasks_reward", "chain", "reward", "id", "asset", "status", "task_type", "model_type"
        ),
        Index(None, "chain", "parent"),
        Index(None, "chain", "published"),
        Index(None, "chain", "changed_in"),
        CLUSTERED,
    )

    id: Mapped[int] = mapped_column(Number, primary_key=True, sort_order=-2)
    creator: Mapped[str] = mapped_column(ADDRESS)
    task_type: Mapped[str] = mapped_column(WORD)
    strategy: Mapped[str] = mapped_column(WORD)
    model_type: Mapped[str] = mapped_column(WORD)
    storage: Mapped[str] = mapped_column(WORD)
    bundle: Mapped[str] = mapped_column(CID)
    reward: Mapped[int] = mapped_column(Amount)
    asset: Mapped[int | None] = mapped_column(Number)
    fee: Mapped[int] = mapped_column(Amount)
    committee_size: Mapped[int] = mapped_column(Number)
    slots: Mapped[int] = mapped_column(Number)
    bond: Mapped[int] = mapped_column(Amount)
    expires_at: Mapped[int] = mapped_column(Number)
    working_time: Mapped[int] = mapped_column(Number)
    review_time: Mapped[int] = mapped_column(Number)
    challenge_time: Mapped[int] = mapped_column(Number)
    tolerance: Mapped[int] = mapped_column(Number)
    parent: Mapped[int | None] = mapped_column(Number)
    access: Mapped[str] = mapped_column(WORD)
    minimum_reputation: Mapped[int] = mapped_column(Number)
    reader: Mapped[bytes] = mapped_column(LargeBinary)
    replay_checkpoints: Mapped[int | None] = mapped_column(Number)
    replay_segments: Mapped[int | None] = mapped_column(Number)
    golds: Mapped[bytes] = mapped_column(LargeBinary)
    """32 bytes each, one after another."""
    deposit: Mapped[int] = mapped_column(Amount)
    open_slots: Mapped[int] = mapped_column(Number)
    active: Mapped[int] = mapped_column(Number)
    accepted: Mapped[int] = mapped_column(Number)
    submissions: Mapped[int] = mapped_column(Number)
    stored: Mapped[int] = mapped_column(Number)
    created_at: Mapped[int] = mapped_column(Number)
    status: Mapped[str] = mapped_column(WORD)
    published: Mapped[str | None] = mapped_column(CID)
    ended_at: Mapped[int | None] = mapped_column(Number)
    unreturned: Mapped[int] = mapped_column(Amount)


class SubmissionRow(KeptRow):
    """A contributor's slot."""

    __tablename__ = "submissions"
    __table_args__ = (
        Index(None, "chain", "contributor", "task"),
        Index(None, "chain", "changed_in"),
        CLUSTERED,
    )

    task: Mapped[int] = mapped_column(Number, primary_key=True, sort_order=-2)
    result: Mapped[int] = mapped_column(Number, primary_key=True, sort_order=-1)
    contributor: Mapped[str] = mapped_column(ADDRESS)
    accepted_at: Mapped[int] = mapped_column(Number)
    status: Mapped[str] = mapped_column(WORD)
    phase: Mapped[str | None] = mapped_column(WORD)
    window: Mapped[str | None] = mapped_column(WORD)
    deadline: Mapped[int | None] = mapped_column(Number)
    result_cid: Mapped[str | None] = mapped_column(CID)
    submitted_at: Mapped[int | None] = mapped_column(Number)
    verdict: Mapped[str | None] = mapped_column(WORD)
    score: Mapped[int | None] = mapped_column(Number)
    """Parts per million."""
    outcome: Mapped[str | None] = mapped_column(WORD)
    reason: Mapped[str | None] = mapped_column(Text)
    ended_at: Mapped[int | None] = mapped_column(Number)


class AttestationRow(OfEvent):
    """What a member of a panel revealed of a result."""

    __tablename__ = "attestations"
    __table_args__ = (
        Index(None, "chain", "task", "result"),
        Index(None, "chain", "member"),
        CLUSTERED,
    )

    task: Mapped[int] = mapped_column(Number)
    result: Mapped[int] = mapped_column(Number)
    member: Mapped[str] = mapped_column(ADDRESS)
    verdict: Mapped[str] = mapped_column(WORD)
    score: Mapped[int] = mapped_column(Number)
    report: Mapped[str] = mapped_column(CID)
    segment: Mapped[int | None] = mapped_column(Number)


class PaymentRow(OfEvent):
    """Money of a task, or of an aggregator's bond, that reached somebody, or was lost."""

    __tablename__ = "payments"
    __table_args__ = (
        Index(None, "chain", "task", "result"),
        Index(None, "chain", "account"),
        CLUSTERED,
    )

    kind: Mapped[str] = mapped_column(WORD)
    """``reward``, ``fee``, ``bond``, ``refund``, ``forfeit`` or ``slash``."""
    task: Mapped[int | None] = mapped_column(Number)
    result: Mapped[int | None] = mapped_column(Number)
    account: Mapped[str] = mapped_column(ADDRESS)
    """Who got it; of a forfeit or a slash, who lost it."""
    amount: Mapped[int] = mapped_column(Amount)
    asset: Mapped[int | None] = mapped_column(Number)
    source: Mapped[str | None] = mapped_column(WORD)
    """What a fee was paid from."""


class ElectionRow(OfEvent):
    """An election that changed who is in office."""

    __tablename__ = "elections"

    members: Mapped[list[str]] = mapped_column(Document)


class DeedRow(OfEvent):
    """A deed that was noted of an account in a role: what reputations are made of."""

    __tablename__ = "deeds"
    __table_args__ = (Index(None, "chain", "account", "role"), CLUSTERED)

    account: Mapped[str] = mapped_column(ADDRESS)
    role: Mapped[str] = mapped_column(WORD)
    deed: Mapped[str] = mapped_column(WORD)


class ModelRow(OfEvent):
    """A model that a task's creator published as what the task led to."""

    __tablename__ = "models"
    __table_args__ = (Index(None, "chain", "cid"), Index(None, "chain", "task"), CLUSTERED)

    task: Mapped[int] = mapped_column(Number)
    cid: Mapped[str] = mapped_column(CID)


class TaskText(Base):
    """What is searched for a task: its kind and bundle, and once this machine has fetched the
    bundle, the words in it. Each database keeps its own index of the words (see the migration)."""

    __tablename__ = "task_texts"

    id: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=False)
    """See :func:`text_id`."""
    text: Mapped[str] = mapped_column(Text)
    named: Mapped[bool]
    """Whether the words of its bundle are in it, too."""


_TASK_BITS = MOST_TASKS.bit_length() - 1


def text_id(chain: int, task: int) -> int:
    """The number of a task's text: the chain above, the task below, so that texts of one chain
    are in the order of its tasks."""
    return chain << _TASK_BITS | task
