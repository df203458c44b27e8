"""Swarms in the index: they, their seats and nodes, and what happened in their rounds."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from decentralml.db.columns import Amount, Document, Number

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

WORD, CID, ADDRESS = sa.String(32), sa.Text(), sa.String(64)
TABLES = (
    "swarm_steps",
    "swarm_merges",
    "swarm_arrivals",
    "swarm_nodes",
    "swarm_seats",
    "swarms",
)


def upgrade() -> None:
    _create(
        "swarms",
        ("id",),
        [("owner", "id"), ("changed_in",)],
        _number("id"),
        sa.Column("owner", ADDRESS, nullable=False),
        sa.Column("config", CID, nullable=False),
        sa.Column("merge", WORD, nullable=False),
        _number("min_peers"),
        _number("max_peers"),
        sa.Column("admission", WORD, nullable=False),
        sa.Column("price", Amount(), nullable=False),
        _number("quorum_wait"),
        _number("leader_timeout"),
        _number("spread"),
        _number("max_weightage"),
        _number("seats"),
        _number("nodes"),
        _number("present"),
        _number("snapshots"),
        _number("round"),
        sa.Column("newest_round", Number),
        sa.Column("newest_cid", CID),
        sa.Column("newest_leader", ADDRESS),
        _number("objections"),
        _number("others"),
        sa.Column("closed", Number),
        sa.Column("deposit", Amount(), nullable=False),
        _number("changed_in"),
        sa.Column("cleared_in", Number),
    )
    _create(
        "swarm_seats",
        ("swarm", "account"),
        [("account", "swarm"), ("changed_in",)],
        _number("swarm"),
        sa.Column("account", ADDRESS, nullable=False),
        sa.Column("paid", Amount(), nullable=False),
        sa.Column("due", Number),
        sa.Column("deposit", Amount(), nullable=False),
        sa.Column("payer", ADDRESS, nullable=False),
        _number("changed_in"),
        sa.Column("cleared_in", Number),
    )
    _create(
        "swarm_nodes",
        ("swarm", "account"),
        [("changed_in",)],
        _number("swarm"),
        sa.Column("account", ADDRESS, nullable=False),
        sa.Column("identity", sa.LargeBinary(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        _number("weightage"),
        sa.Column("willing", sa.Boolean(), nullable=False),
        sa.Column("barred", sa.Boolean(), nullable=False),
        sa.Column("presence", WORD, nullable=False),
        _number("round"),
        sa.Column("cid", CID),
        _number("arrived"),
        sa.Column("deposit", Amount(), nullable=False),
        _number("changed_in"),
        sa.Column("cleared_in", Number),
    )
    _create_of_round(
        "swarm_arrivals",
        [],
        sa.Column("account", ADDRESS, nullable=False),
        sa.Column("cid", CID, nullable=False),
    )
    _create_of_round(
        "swarm_merges",
        [("cid",)],
        sa.Column("leader", ADDRESS, nullable=False),
        sa.Column("cid", CID, nullable=False),
        _number("merged"),
        sa.Column("left_out", Document, nullable=False),
    )
    _create_of_round(
        "swarm_steps",
        [],
        sa.Column("step", WORD, nullable=False),
        sa.Column("account", ADDRESS),
    )


def downgrade() -> None:
    for table in TABLES:
        op.drop_table(table)


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, Number, nullable=False)


def _create_of_round(table: str, indexes: list[tuple[str, ...]], *columns: sa.Column[Any]) -> None:
    """A table of what single events said of rounds."""
    places = [_number(name) for name in ("block", "position", "swarm", "round")]
    indexes = [("swarm", "round"), *indexes]
    _create(table, ("block", "position"), indexes, *places, *columns)


def _create(
    table: str, keys: tuple[str, ...], indexes: list[tuple[str, ...]], *columns: sa.Column[Any]
) -> None:
    op.create_table(
        table,
        _number("chain"),
        *columns,
        sa.PrimaryKeyConstraint("chain", *keys, name=f"pk_{table}"),
        sa.ForeignKeyConstraint(
            ["chain"], ["chains.id"], name=f"fk_{table}_chain", ondelete="CASCADE"
        ),
        sqlite_with_rowid=False,
    )
    for index in indexes:
        named = "_".join(("ix", table, "chain", *index))
        op.create_index(named, table, ["chain", *index])
