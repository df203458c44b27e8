"""Models of the marketplace and of this machine's runs, by whichever name they are asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from shutil import copyfile, copytree
from uuid import UUID

from decentralml.db import artifacts
from decentralml.db.artifacts import ModelRecord
from decentralml.db.index import Index
from decentralml.db.lineage import Ancestor, PublishedModel, lineage, published_models
from decentralml.errors import AmbiguousModel, FolderInUse, ModelUnknown
from decentralml.market.indexing import fresh_index
from decentralml.market.session import Session
from decentralml.types import ModelType, TaskId

_CANDIDATES = 3
_CID_BEGINNING = "b"


@dataclass(frozen=True, slots=True)
class Models:
    """Newest first: published on the chain, and made by runs that this database knows."""

    published: tuple[PublishedModel, ...]
    made: tuple[ModelRecord, ...]


def list_models(session: Session, model_type: ModelType | None = None, limit: int = 20) -> Models:
    """Models of a type, or of all. Raises DatabaseError, ChainError."""
    with fresh_index(session) as index:
        chain = index.number()
        with index.database.reading() as connection:
            published = (
                []
                if chain is None
                else published_models(connection, chain, model_type=model_type, limit=limit)
            )
        made = artifacts.list_models(model_type, limit, db_session_factory=index.database.sessions)
    return Models(tuple(published), tuple(made))


def find_model(session: Session, name: str) -> PublishedModel | ModelRecord:
    """A model by its CID (or its beginning), its task's number, or its artifact's UUID.

    Raises
    ------
    ModelUnknown, AmbiguousModel, DatabaseError, ChainError
    """
    with fresh_index(session) as index:
        return _find(index, name)


def model_lineage(session: Session, name: str) -> list[Ancestor]:
    """The tasks that a published model comes from, its own first (names as for
    :func:`find_model`).

    Raises
    ------
    ModelUnknown, AmbiguousModel, DatabaseError, ChainError
    """
    with fresh_index(session) as index:
        chain = index.number()
        if chain is None:
            raise ModelUnknown(name)
        task = TaskId(int(name)) if name.isdecimal() else None
        if task is None:
            found = _find(index, name)
            if isinstance(found, ModelRecord):
                raise ModelUnknown(name, "it was made by a run here and published by no task")
            task = found.task
        with index.database.reading() as connection:
            ancestors = lineage(connection, chain, task)
    if not ancestors:
        raise ModelUnknown(name)
    return ancestors


def get_model(session: Session, name: str, out: Path) -> Path:
    """Have a model at ``out``, verified: a saved model's folder, or a run's safetensors file.

    Raises
    ------
    FolderInUse, ModelUnknown, AmbiguousModel, DatabaseError, ChainError, StorageError
    """
    if out.exists():
        raise FolderInUse(out)
    with fresh_index(session) as index:
        found = _find(index, name)
        if isinstance(found, PublishedModel):
            with session.report.bar("fetching the model") as progress:
                return session.objects.get(found.cid, out, progress=progress)
        sessions = index.database.sessions
        with artifacts.model_path(
            found.artifact_id, objects=session.objects, db_session_factory=sessions
        ) as path:
            (copytree if path.is_dir() else copyfile)(path, out)
    return out


def _find(index: Index, name: str) -> PublishedModel | ModelRecord:
    number = _uuid(name)
    if number is not None:
        made, _ = artifacts.find_model(number, db_session_factory=index.database.sessions)
        return made
    chain = index.number()
    found: list[PublishedModel] = []
    if chain is not None:
        with index.database.reading() as connection:
            if name.isdecimal():
                found = published_models(connection, chain, task=TaskId(int(name)), limit=1)
            elif name.startswith(_CID_BEGINNING) and name.isalnum():
                found = published_models(connection, chain, cid=name, limit=_CANDIDATES)
    if not found:
        raise ModelUnknown(name)
    if len({each.cid for each in found}) > 1:
        raise AmbiguousModel(name, tuple(each.cid for each in found))
    return found[0]


def _uuid(name: str) -> UUID | None:
    try:
        return UUID(name)
    except ValueError:
        return None
