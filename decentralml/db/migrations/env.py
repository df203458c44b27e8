"""What Alembic runs: migrations on the connection, and in the transaction, that it was given."""

from alembic import context

from decentralml.db import swarm_models  # noqa: F401  (its tables are in the metadata, too)
from decentralml.db.models import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    transactional_ddl=True,
)
context.run_migrations()
