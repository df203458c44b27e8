"""Bringing a database's schema from one version to another, with Alembic.

The versions are the files in ``versions/``, each with an ``upgrade`` and a ``downgrade``. A change
of schema is one transaction: a database is at one version or at another, never between.
"""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

FOLDER = Path(__file__).parent
BASE = "base"


def known() -> frozenset[str]:
    """The versions that this program has heard of."""
    scripts = ScriptDirectory.from_config(_config())
    return frozenset(script.revision for script in scripts.walk_revisions())


def newest() -> str | None:
    return ScriptDirectory.from_config(_config()).get_current_head()


def upgrade(connection: Connection, to: str = "head") -> None:
    """Inside a transaction of the caller's."""
    command.upgrade(_config(connection), to)


def downgrade(connection: Connection, to: str) -> None:
    """Inside a transaction of the caller's; :data:`BASE` removes everything."""
    command.downgrade(_config(connection), to)


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
