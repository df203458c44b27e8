"""The index of chains: tasks, results, what was found and paid, elections, models."""

import sqlalchemy as sa
from alembic import op

from decentralml.db.columns import Amount, Document, Number

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

WORD, CID, ADDRESS = sa.String(32), sa.Text(), sa.String(64)
TABLES = (
    "models",
    "deeds",
    "elections",
    "payments",
    "attestations",
    "submissions",
    "tasks",
    "events",
    "blocks",
    "chains",
)
# SQLite's index of words keeps no text of its own: triggers tell it what task_texts holds.
WORDS_OF_SQLITE = (
    "CREATE VIRTUAL TABLE task_words USING fts5"
    "(text, content='task_texts', content_rowid='id', detail='none',"
    " tokenize='unicode61 remove_diacritics 0')",
    """CREATE TRIGGER task_texts_insert AFTER INSERT ON task_texts BEGIN
        INSERT INTO task_words(rowid, text) VALUES (new.id, new.text);
    END""",
    """CREATE TRIGGER task_texts_delete AFTER DELETE ON task_texts BEGIN
        INSERT INTO task_words(task_words, rowid, text) VALUES ('delete', old.id, old.text);
    END""",
    """CREATE TRIGGER task_texts_update AFTER UPDATE ON task_texts BEGIN
        INSERT INTO task_words(task_words, rowid, text) VALUES ('delete', old.id, old.text);
        INSERT INTO task_words(rowid, text) VALUES (new.id, new.text);
    END""",
)
WORDS_OF_POSTGRESQL = (
    "CREATE INDEX ix_task_texts_words ON task_texts USING gin (to_tsvector('simple', text))"
)


def upgrade() -> None:
    op.create_table(
        "chains",
        sa.Column("id", Number, nullable=False),
        sa.Column("genesis", sa.String(length=66), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("block", Number, nullable=False),
        sa.Column("block_hash", sa.String(length=66), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_chains"),
        sa.UniqueConstraint("genesis", name="uq_chains_genesis"),
    )
    op.create_table(
        "task_texts",
        sa.Column("id", Number, autoincrement=False, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("named", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_task_texts"),
    )
    op.create_table(
        "attestations",
        sa.Column("chain", Number, nullable=False),
        sa.Column("block", Number, nullable=False),
        sa.Column("position", Number, nullable=False),
        sa.Column("task", Number, nullable=False),
        sa.Column("result", Number, nullable=False),
        sa.Column("member", ADDRESS, nullable=False),
        sa.Column("verdict", WORD, nullable=False),
        sa.Column("score", Number, nullable=False),
        sa.Column("report", CID, nullable=False),
        sa.Column("segment", Number),
        sa.PrimaryKeyConstraint("chain", "block", "position", name="pk_attestations"),
        sa.ForeignKeyConstraint(
            ["chain"], ["chains.id"], name="fk_attestations_chain", ondelete="CASCADE"
        ),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_attestations_chain_member", "attestations", ["chain", "member"])
    op.create_index(
        "ix_attestations_chain_task_result", "attestations", ["chain", "task", "result"]
    )
    op.create_table(
        "blocks",
        sa.Column("chain", Number, nullable=False),
        sa.Column("number", Number, nullable=False),
        sa.Column("hash", sa.String(length=66), nullable=False),
        sa.Column("time", Number, nullable=False),
        sa.PrimaryKeyConstraint("chain", "number", name="pk_blocks"),
        sa.ForeignKeyConstraint(
            ["chain"], ["chains.id"], name="fk_blocks_chain", ondelete="CASCADE"
        ),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "deeds",
        sa.Column("chain", Number, nullable=False),
        sa.Column("block", Number, nullable=False),
        sa.Column("position", Number, nullable=False),
        sa.Column("account", ADDRESS, nullable=False),
        sa.Column("role", WORD, nullable=False),
        sa.Column("deed", WORD, nullable=False),
        sa.PrimaryKeyConstraint("chain", "block", "position", name="pk_deeds"),
        sa.ForeignKeyConstraint(
            ["chain"], ["chains.id"], name="fk_deeds_chain", ondelete="CASCADE"
        ),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_deeds_chain_account_role", "deeds", ["chain", "account", "role"])
    op.create_table(
        "elections",
        sa.Column("chain", Number, nullable=False),
        sa.Column("block", Number, nullable=False),
        sa.Column("position", Number, nullable=False),
        sa.Column("members", Document, nullable=False),
        sa.PrimaryKeyConstraint("chain", "block", "position", name="pk_elections"),
        sa.ForeignKeyConstraint(
            ["chain"], ["chains.id"], name="fk_elections_chain", ondelete="CASCADE"
        ),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "events",
        sa.Column("chain", Number, nullable=False),
        sa.Column("block", Number, nullable=False),
        sa.Column("position", Number, nullable=False),
        sa.Column("pallet", WORD, nullable=False),
        sa.Column("name", WORD, nullable=False),
        sa.Column("task", Number),
        sa.Column("result", Number),
        sa.Column("fields", Document, nullable=False),
        sa.PrimaryKeyConstraint("chain", "block", "position", name="pk_events"),
        sa.ForeignKeyConstraint(
            ["chain"], ["chains.id"], name="fk_events_chain", ondelete="CASCADE"
        ),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_events_chain_task_block_position", "events", ["chain", "task", "block", "position"]
    )
    op.create_table(
        "models",
        sa.Column("chain", Number, nullable=False),
        sa.Column("block", Number, nullable=False),
        sa.Column("position", Number, nullable=False),
        sa.Column("task", Number, nullable=False),
        sa.Column("cid", CID, nullable=False),
        sa.PrimaryKeyConstraint("chain", "block", "position", name="pk_models"),
        sa.ForeignKeyConstraint(
            ["chain"], ["chains.id"], name="fk_models_chain", ondelete="CASCADE"
        ),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_models_chain_cid", "models", ["chain", "cid"])
    op.create_index("ix_models_chain_task", "models", ["chain", "task"])
    op.create_table(
        "payments",
        sa.Column("chain", Number, nullable=False),
        sa.Column("block", Number, nullable=False),
        sa.Column("position", Number, nullable=False),
        sa.Column("kind", WORD, nullable=False),
        sa.Column("task", Number),
        sa.Column("result", Number),
        sa.Column("account", ADDRESS, nullable=False),
        sa.Column("amount", Amount(), nullable=False),
        sa.Column("asset", Number),
        sa.Column("source", WORD),
        sa.PrimaryKeyConstraint("chain", "block", "position", name="pk_payments"),
        sa.ForeignKeyConstraint(
            ["chain"], ["chains.id"], name="fk_payments_chain", ondelete="CASCADE"
        ),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_payments_chain_account", "payments", ["chain", "account"])
    op.create_index("ix_payments_chain_task_result", "payments", ["chain", "task", "result"])
    op.create_table(
        "submissions",
        sa.Column("chain", Number, nullable=False),
        sa.Column("task", Number, nullable=False),
        sa.Column("result", Number, nullable=False),
        sa.Column("contributor", ADDRESS, nullable=False),
        sa.Column("accepted_at", Number, nullable=False),
        sa.Column("status", WORD, nullable=False),
        sa.Column("phase", WORD),
        sa.Column("window", WORD),
        sa.Column("deadline", Number),
        sa.Column("result_cid", CID),
        sa.Column("submitted_at", Number),
        sa.Column("verdict", WORD),
        sa.Column("score", Number),
        sa.Column("outcome", WORD),
        sa.Column("reason", sa.Text()),
        sa.Column("ended_at", Number),
        sa.Column("changed_in", Number, nullable=False),
        sa.Column("cleared_in", Number),
        sa.PrimaryKeyConstraint("chain", "task", "result", name="pk_submissions"),
        sa.ForeignKeyConstraint(
            ["chain"], ["chains.id"], name="fk_submissions_chain", ondelete="CASCADE"
        ),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_submissions_chain_changed_in", "submissions", ["chain", "changed_in"])
    op.create_index(
        "ix_submissions_chain_contributor_task", "submissions", ["chain", "contributor", "task"]
    )
    op.create_table(
        "tasks",
        sa.Column("chain", Number, nullable=False),
        sa.Column("id", Number, nullable=False),
        sa.Column("creator", ADDRESS, nullable=False),
        sa.Column("task_type", WORD, nullable=False),
        sa.Column("strategy", WORD, nullable=False),
        sa.Column("model_type", WORD, nullable=False),
        sa.Column("storage", WORD, nullable=False),
        sa.Column("bundle", CID, nullable=False),
        sa.Column("reward", Amount(), nullable=False),
        sa.Column("asset", Number),
        sa.Column("fee", Amount(), nullable=False),
        sa.Column("committee_size", Number, nullable=False),
        sa.Column("slots", Number, nullable=False),
        sa.Column("bond", Amount(), nullable=False),
        sa.Column("expires_at", Number, nullable=False),
        sa.Column("working_time", Number, nullable=False),
        sa.Column("review_time", Number, nullable=False),
        sa.Column("challenge_time", Number, nullable=False),
        sa.Column("tolerance", Number, nullable=False),
        sa.Column("parent", Number),
        sa.Column("access", WORD, nullable=False),
        sa.Column("minimum_reputation", Number, nullable=False),
        sa.Column("reader", sa.LargeBinary(), nullable=False),
        sa.Column("replay_checkpoints", Number),
        sa.Column("replay_segments", Number),
        sa.Column("golds", sa.LargeBinary(), nullable=False),
        sa.Column("deposit", Amount(), nullable=False),
        sa.Column("open_slots", Number, nullable=False),
        sa.Column("active", Number, nullable=False),
        sa.Column("accepted", Number, nullable=False),
        sa.Column("submissions", Number, nullable=False),
        sa.Column("stored", Number, nullable=False),
        sa.Column("created_at", Number, nullable=False),
        sa.Column("status", WORD, nullable=False),
        sa.Column("published", CID),
        sa.Column("ended_at", Number),
        sa.Column("unreturned", Amount(), nullable=False),
        sa.Column("changed_in", Number, nullable=False),
        sa.Column("cleared_in", Number),
        sa.PrimaryKeyConstraint("chain", "id", name="pk_tasks"),
        sa.ForeignKeyConstraint(
            ["chain"], ["chains.id"], name="fk_tasks_chain", ondelete="CASCADE"
        ),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_tasks_chain_asset_id", "tasks", ["chain", "asset", "id"])
    op.create_index("ix_tasks_chain_changed_in", "tasks", ["chain", "changed_in"])
    op.create_index("ix_tasks_chain_creator_id", "tasks", ["chain", "creator", "id"])
    op.create_index("ix_tasks_chain_parent", "tasks", ["chain", "parent"])
    op.create_index("ix_tasks_chain_published", "tasks", ["chain", "published"])
    op.create_index(
        "ix_tasks_reward",
        "tasks",
        ["chain", "reward", "id", "asset", "status", "task_type", "model_type"],
    )
    op.create_index(
        "ix_tasks_kind",
        "tasks",
        [
            *("chain", "status", "task_type", "model_type", "id"),
            *("asset", "reward", "open_slots", "expires_at"),
        ],
    )
    if op.get_bind().dialect.name == "sqlite":
        for statement in WORDS_OF_SQLITE:
            op.execute(statement)
    else:
        op.execute(WORDS_OF_POSTGRESQL)


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TABLE task_words")
    op.drop_table("task_texts")
    for table in TABLES:
        op.drop_table(table)
