"""Rewards in the index of assets: a range of them is looked at there, newest first."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("ix_tasks_chain_asset_id", "tasks")
    op.create_index("ix_tasks_asset", "tasks", ["chain", "asset", "id", "reward"])


def downgrade() -> None:
    op.drop_index("ix_tasks_asset", "tasks")
    op.create_index("ix_tasks_chain_asset_id", "tasks", ["chain", "asset", "id"])
