"""What was spent of privacy, in the database: a session of its own for each training or merge."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from decentralml.bundles.fields import canonical_json
from decentralml.errors import DatabaseError
from decentralml.market.session import Session
from decentralml.types import Cid, Task


def note_spent(
    session: Session,
    kind: str,
    task: Task,
    of: Mapping[str, Cid],
    parameters: Mapping[str, Any],
    metrics: Mapping[str, Any],
) -> None:
    """Write it down once, however often it is said.

    The files have it, too: a database that cannot be reached is a warning.

    Parameters
    ----------
    of : the model that was made, by what it is.
    """
    from decentralml.db.artifacts import finish_session, start_session
    from decentralml.db.engine import open_database

    about = {"task": task.id, **of, "genesis": session.genesis.hex()}
    digest = hashlib.sha256(canonical_json(about)).digest()
    number = UUID(bytes=digest[:16], version=4)
    try:
        with open_database(session.config) as database:
            start_session(
                kind,
                name=f"task {task.id}",
                llm_type=task.terms.model_type,
                parameters={**about, **parameters},
                session_id=number,
                db_session_factory=database.sessions,
            )
            finish_session(number, metrics=metrics, db_session_factory=database.sessions)
    except DatabaseError as error:
        what = f"what the {kind.replace('-', ' ')} of task {task.id} spent is not in the database"
        session.report.warn(f"{what}: {error}")
