"""Artifacts: the sessions of training and what they left."""

import sqlalchemy as sa
from alembic import op

from decentralml.db.columns import Document, Moment, Number

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "execution_sessions",
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("name", sa.String(255)),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("llm_type", sa.String(32)),
        sa.Column("parameters", Document, nullable=False),
        sa.Column("metrics", Document, nullable=False),
        sa.Column("started_at", Moment(), nullable=False),
        sa.Column("finished_at", Moment()),
        sa.PrimaryKeyConstraint("session_id", name="pk_execution_sessions"),
    )
    op.create_table(
        "data_artifacts",
        sa.Column("artifact_id", sa.Uuid(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("artifact_type", sa.String(64), nullable=False),
        sa.Column("llm_type", sa.String(32)),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("data", sa.LargeBinary()),
        sa.Column("file_path", sa.Text()),
        sa.Column("cid", sa.Text()),
        sa.Column("size", Number),
        sa.Column("created_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(
            ["session_id"],
            ["execution_sessions.session_id"],
            name="fk_data_artifacts_session_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("artifact_id", name="pk_data_artifacts"),
    )
    op.create_index(
        "ix_data_artifacts_artifact_type_llm_type_created_at",
        "data_artifacts",
        ["artifact_type", "llm_type", "created_at"],
    )
    op.create_index("ix_data_artifacts_session_id", "data_artifacts", ["session_id"])


def downgrade() -> None:
    op.drop_table("data_artifacts")
    op.drop_table("execution_sessions")
