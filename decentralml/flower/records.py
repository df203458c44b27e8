"""What a federation leaves in the database: a session, each round's model, a log."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from decentralml.db.artifacts import (
    SessionId,
    add_artifact,
    find_model,
    finish_session,
    get_latest_models_by_type,
    list_models,
    load_model_from_artifact,
    start_session,
)
from decentralml.db.engine import SessionFactory
from decentralml.errors import DatabaseError, StorageError
from decentralml.types import ModelType

LOG = logging.getLogger("flwr.decentralml")
KIND = "flower"
ORDER = "tensors"
"""Of a session's parameters: the tensors' names, in the order that old-style clients know."""
NEWEST = 100
"""Models that are looked at for the types that were trained before."""


class Records:
    """One federation's session. After its start, what cannot be written is told and no more."""

    def __init__(self, sessions: SessionFactory | None) -> None:
        self.sessions = sessions
        self.session: SessionId | None = None

    def known_types(self) -> list[ModelType]:
        """Types of the models in the database, newest first."""
        if self.sessions is None:
            return []
        models = list_models(limit=NEWEST, db_session_factory=self.sessions)
        return list(dict.fromkeys(m.llm_type for m in models if m.llm_type is not None))

    def newest(self, llm_type: ModelType | None) -> dict[str, Any] | None:
        """The newest model's tensors (of that type), or None. Raises what the database does."""
        if self.sessions is None:
            return None
        found = (
            list_models(limit=1, db_session_factory=self.sessions)
            if llm_type is None
            else get_latest_models_by_type(llm_type, 1, db_session_factory=self.sessions)
        )
        if not found:
            return None
        number = found[0].artifact_id
        tensors = load_model_from_artifact(number, db_session_factory=self.sessions)
        _, run = find_model(number, db_session_factory=self.sessions)
        order = run.parameters.get(ORDER, [])
        return {name: tensors[name] for name in (order if set(order) == set(tensors) else tensors)}

    def begin(self, parameters: Mapping[str, Any], llm_type: ModelType | None) -> None:
        """Note that it begins. Raises DatabaseError."""
        if self.sessions is not None:
            self.session = start_session(
                KIND, parameters=parameters, llm_type=llm_type, db_session_factory=self.sessions
            )

    def keep_round(
        self, number: int, model: Path, llm_type: ModelType | None, report: Mapping[str, Any]
    ) -> None:
        """Keep a round's merged model, and how it came to be."""
        if self.sessions is None or self.session is None:
            return
        text = json.dumps(report, indent=2, sort_keys=True).encode()
        try:
            for kind, name, data in (
                ("model", f"round-{number}.safetensors", model.read_bytes()),
                ("log", f"round-{number}.json", text),
            ):
                add_artifact(
                    self.session, kind, llm_type, name, data=data, db_session_factory=self.sessions
                )
        except (DatabaseError, StorageError) as error:
            LOG.warning("Round %s is not in the database: %s", number, error)

    def finish(self, metrics: Mapping[str, Any], failed: bool) -> None:
        """Note that it is over."""
        if self.sessions is None or self.session is None:
            return
        try:
            finish_session(
                self.session, metrics=metrics, failed=failed, db_session_factory=self.sessions
            )
        except DatabaseError as error:
            LOG.warning("The end of this federation is not in the database: %s", error)
