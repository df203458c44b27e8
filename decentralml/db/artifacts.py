"""What training leaves: sessions, and the models, logs and numbers that came of them.

The two tables of part B, ``execution_sessions`` and ``data_artifacts``. Small artifacts lie in
their row; from :data:`LARGE` on they go into the content-addressed store and the row keeps the CID.
Models are safetensors and nothing else: whatever could run code when it is loaded is refused.

All functions take ``db_session_factory``, a callable that opens an SQLAlchemy session; without one
they use the database of the settings.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NewType
from uuid import UUID, uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session, defer

from decentralml.bundles.manifest import MODEL_FILE
from decentralml.bundles.tensors import read_header
from decentralml.config import load
from decentralml.db.engine import SessionFactory, open_database
from decentralml.db.faults import explained
from decentralml.db.models import DataArtifact, ExecutionSession
from decentralml.errors import ArtifactInvalid, ArtifactUnknown, ManifestError
from decentralml.storage.objects import Objects, open_objects
from decentralml.types import LLM_TYPES, Cid, ModelType

if TYPE_CHECKING:
    import torch

SessionId = NewType("SessionId", UUID)
LARGE = 1 << 20
"""Bytes from which on an artifact is stored by CID rather than in its row."""
MODEL = "model"
MANIFEST_FILE = "artifact_manifest.json"
MANIFEST_FORMAT = "decentralml/artifacts@1"
RUNNING, FINISHED, FAILED = "running", "finished", "failed"
_NAME_LENGTH = 255


@dataclass(frozen=True, slots=True)
class ModelRecord:
    """A model that some session made."""

    artifact_id: UUID
    llm_type: ModelType | None
    created_at: datetime
    session_id: SessionId
    name: str
    cid: Cid | None
    file_path: str | None
    size: int | None


def start_session(
    kind: str,
    *,
    name: str | None = None,
    llm_type: str | None = None,
    parameters: Mapping[str, Any] | None = None,
    session_id: UUID | None = None,
    db_session_factory: SessionFactory | None = None,
) -> SessionId:
    """Note that a run of some kind (``"federation"``, ``"training"``) begins.

    Parameters
    ----------
    session_id : of a run that can tell itself from others; one that is known begins anew.

    Raises
    ------
    ArtifactInvalid : no kind, or an unknown ``llm_type``.
    DatabaseError
    """
    number = SessionId(session_id or uuid4())
    row = ExecutionSession(
        session_id=number,
        kind=_named("session", kind),
        name=name,
        status=RUNNING,
        llm_type=_type_name(kind, llm_type),
        parameters=_plain(kind, parameters),
        metrics={},
        started_at=datetime.now(UTC),
    )
    with _session(db_session_factory) as session:
        session.merge(row)
    return number


def finish_session(
    session_id: UUID,
    *,
    metrics: Mapping[str, Any] | None = None,
    failed: bool = False,
    db_session_factory: SessionFactory | None = None,
) -> None:
    """Note that a run is over, and what it measured. Raises ArtifactUnknown."""
    with _session(db_session_factory) as session:
        row = session.get(ExecutionSession, session_id)
        if row is None:
            raise ArtifactUnknown("session", str(session_id))
        row.status = FAILED if failed else FINISHED
        row.finished_at = datetime.now(UTC)
        row.metrics = {**row.metrics, **_plain(row.kind, metrics)}


def add_artifact(
    session_id: UUID,
    artifact_type: str,
    llm_type: str | None,
    name: str,
    *,
    data: bytes | None = None,
    file_path: Path | str | None = None,
    cid: str | None = None,
    objects: Objects | None = None,
    db_session_factory: SessionFactory | None = None,
) -> UUID:
    """Record something that a run made: its bytes, a file that holds it, or its CID.

    Parameters
    ----------
    data : kept in the row if it is small, else put into the store.
    objects : the store for what is large; that of the settings unless given.

    Raises
    ------
    ArtifactInvalid : nothing to record, a model that is no sound safetensors, an unknown type.
    ArtifactUnknown : there is no such session.
    StoreUnwritable, DatabaseError
    """
    _named("artifact", name)
    if data is None and file_path is None and cid is None:
        raise ArtifactInvalid(name, "holds nothing; give it data, a file's path or a CID")
    size = len(data) if data is not None else None
    if artifact_type == MODEL:
        if data is not None:
            _require_tensors(name, data)
        elif file_path is not None:
            size = _check_file(name, Path(file_path))
    if data is not None and len(data) >= LARGE:
        with _store(objects) as store:
            cid, data = store.put_bytes(data), None
    number = uuid4()
    row = DataArtifact(
        artifact_id=number,
        session_id=session_id,
        artifact_type=_named("artifact", artifact_type),
        llm_type=_type_name(name, llm_type),
        name=name,
        data=data,
        file_path=None if file_path is None else str(Path(file_path).absolute()),
        cid=cid,
        size=size,
        created_at=datetime.now(UTC),
    )
    with _session(db_session_factory) as session:
        if session.get(ExecutionSession, session_id) is None:
            raise ArtifactUnknown("session", str(session_id))
        session.add(row)
    return number


def get_latest_models_by_type(
    llm_type: str,
    limit: int = 20,
    *,
    db_session_factory: SessionFactory | None = None,
) -> list[ModelRecord]:
    """Models of a type (also by its EvoSpikeNet name), newest first. Raises ArtifactInvalid."""
    return list_models(_type_name("query", llm_type), limit, db_session_factory=db_session_factory)


def list_models(
    llm_type: str | None = None,
    limit: int = 20,
    *,
    db_session_factory: SessionFactory | None = None,
) -> list[ModelRecord]:
    """Models of all sessions, newest first."""
    query = select(DataArtifact).where(DataArtifact.artifact_type == MODEL)
    if llm_type is not None:
        query = query.where(DataArtifact.llm_type == llm_type)
    query = query.order_by(DataArtifact.created_at.desc(), DataArtifact.artifact_id).limit(limit)
    with _session(db_session_factory) as session:
        return [_record(row) for row in session.scalars(query.options(defer(DataArtifact.data)))]


def find_model(
    artifact_id: UUID, *, db_session_factory: SessionFactory | None = None
) -> tuple[ModelRecord, ExecutionSession]:
    """A model and the run that made it. Raises ArtifactUnknown."""
    with _session(db_session_factory) as session:
        row = _model(session, artifact_id)
        return _record(row), row.session


@contextmanager
def model_path(
    artifact_id: UUID,
    *,
    objects: Objects | None = None,
    db_session_factory: SessionFactory | None = None,
) -> Iterator[Path]:
    """A model as it lies on the disk meanwhile: a safetensors file, or a saved model's folder.

    Raises
    ------
    ArtifactUnknown, ArtifactInvalid, DatabaseError
    and what fetching raises (:meth:`decentralml.storage.objects.Objects.get`).
    """
    with _session(db_session_factory) as session:
        row = _model(session, artifact_id)
        name, data, cid, file = row.name, row.data, row.cid, row.file_path
    if data is None and cid is None:
        path = Path(file or "")
        _check_file(name, path)
        yield path
        return
    with tempfile.TemporaryDirectory() as space:
        path = Path(space, "model")
        if data is not None:
            path.write_bytes(data)
        else:
            with _store(objects) as store:
                store.get(Cid(str(cid)), path)
        _check_file(name, path)
        yield path


def load_model_from_artifact(
    artifact_id: UUID,
    *,
    objects: Objects | None = None,
    db_session_factory: SessionFactory | None = None,
) -> dict[str, torch.Tensor]:
    """A model's tensors by name, for ``load_state_dict`` (errors as :func:`model_path`).

    Safetensors only, checked before they are read: loading one never runs code.
    """
    from safetensors.torch import load

    with model_path(artifact_id, objects=objects, db_session_factory=db_session_factory) as path:
        return load(_tensors_of(path).read_bytes())


def write_manifest(
    session_id: UUID, folder: Path, *, db_session_factory: SessionFactory | None = None
) -> Path:
    """Write ``artifact_manifest.json``, what a run was and left, into a folder.

    Raises
    ------
    ArtifactUnknown, DatabaseError
    """
    with _session(db_session_factory) as session:
        run = session.get(ExecutionSession, session_id)
        if run is None:
            raise ArtifactUnknown("session", str(session_id))
        left = select(DataArtifact).where(DataArtifact.session_id == session_id)
        artifacts = list(session.scalars(left.order_by(DataArtifact.created_at)))
    document = {
        "format": MANIFEST_FORMAT,
        "session_id": str(run.session_id),
        "kind": run.kind,
        "name": run.name,
        "status": run.status,
        "llm_type": run.llm_type,
        "parameters": run.parameters,
        "metrics": run.metrics,
        "started_at": run.started_at.isoformat(),
        "finished_at": None if run.finished_at is None else run.finished_at.isoformat(),
        "artifacts": [_entry(artifact) for artifact in artifacts],
    }
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / MANIFEST_FILE
    partial = file.with_name(f".{file.name}.{os.getpid()}.partial")
    partial.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", "utf-8")
    return partial.replace(file)


def _entry(artifact: DataArtifact) -> dict[str, Any]:
    return {
        "artifact_id": str(artifact.artifact_id),
        "artifact_type": artifact.artifact_type,
        "llm_type": artifact.llm_type,
        "name": artifact.name,
        "file_path": artifact.file_path,
        "cid": artifact.cid,
        "size": artifact.size,
        "created_at": artifact.created_at.isoformat(),
    }


def _record(row: DataArtifact) -> ModelRecord:
    return ModelRecord(
        artifact_id=row.artifact_id,
        llm_type=None if row.llm_type is None else ModelType(row.llm_type),
        created_at=row.created_at,
        session_id=SessionId(row.session_id),
        name=row.name,
        cid=None if row.cid is None else Cid(row.cid),
        file_path=row.file_path,
        size=row.size,
    )


def _model(session: Session, artifact_id: UUID) -> DataArtifact:
    row = session.get(DataArtifact, artifact_id)
    if row is None or row.artifact_type != MODEL:
        raise ArtifactUnknown("model", str(artifact_id))
    return row


@contextmanager
def _session(factory: SessionFactory | None) -> Iterator[Session]:
    """A session whose changes are kept if nothing goes wrong, with errors explained."""
    if factory is None:
        with open_database(load()) as database, _session(database.sessions) as session:
            yield session
        return
    session = factory()
    bind = session.get_bind()
    with explained(bind.engine.url), session, session.begin():
        yield session


@contextmanager
def _store(objects: Objects | None) -> Iterator[Objects]:
    if objects is not None:
        yield objects
        return
    with open_objects(load()) as opened:
        yield opened


def _named(kind: str, name: str) -> str:
    """A name that fits its column."""
    if not name or len(name) > _NAME_LENGTH:
        raise ArtifactInvalid(name[:_NAME_LENGTH], f"is no name for a {kind}: 1 to 255 characters")
    return name


def _type_name(name: str, llm_type: str | None) -> str | None:
    """The type of a model, whichever of its names it is called by."""
    if llm_type is None:
        return None
    try:
        return ModelType(llm_type).value
    except ValueError:
        known = ", ".join([*ModelType, *LLM_TYPES])
        reason = f"has the unknown type {llm_type!r}; types are {known}"
        raise ArtifactInvalid(name, reason) from None


def _plain(name: str, values: Mapping[str, Any] | None) -> dict[str, Any]:
    """Values as JSON has them; what JSON has no word for (NaN among it) is refused."""
    try:
        found: dict[str, Any] = json.loads(json.dumps(dict(values or {}), allow_nan=False))
    except (TypeError, ValueError) as error:
        raise ArtifactInvalid(name, f"has values that JSON cannot hold ({error})") from None
    return found


def _require_tensors(name: str, data: bytes) -> None:
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        _check_file(name, Path(file.name))


def _check_file(name: str, path: Path) -> int:
    """Bytes of a model's file. Raises ArtifactInvalid unless it is sound safetensors."""
    file = _tensors_of(path)
    try:
        read_header(file)
        return file.stat().st_size
    except OSError as error:
        reason = f"cannot be read at {file} ({error.strerror}); bring the file back"
        raise ArtifactInvalid(name, reason) from None
    except ManifestError as error:
        reason = f"is no sound safetensors file ({error.reason}); save the model as safetensors"
        raise ArtifactInvalid(name, reason) from None


def _tensors_of(path: Path) -> Path:
    """The file with the tensors of a model, which is that file or a saved model's folder."""
    return path / MODEL_FILE if path.is_dir() else path
