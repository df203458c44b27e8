"""Sessions and artifacts of part B, on both kinds of database."""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest
import torch
from safetensors.torch import save, save_file
from sqlalchemy.orm import Session

from decentralml.db import artifacts
from decentralml.db.engine import Database, SessionFactory
from decentralml.db.models import DataArtifact
from decentralml.errors import ArtifactInvalid, ArtifactUnknown
from decentralml.storage.local import BlockStore
from decentralml.storage.objects import Objects
from decentralml.types import ModelType


@pytest.fixture
def factory(empty_database: str) -> Iterator[SessionFactory]:
    with Database(empty_database) as database:
        yield database.sessions


@pytest.fixture
def objects(tmp_path: Path) -> Iterator[Objects]:
    with Objects(BlockStore(tmp_path / "blocks")) as opened:
        yield opened


def test_models_of_a_type_come_newest_first_by_either_name(factory: SessionFactory) -> None:
    run = artifacts.start_session("federation", llm_type="Text", db_session_factory=factory)
    data = save({"w": torch.ones(2)})
    made = [
        artifacts.add_artifact(run, "model", name, "m", data=data, db_session_factory=factory)
        for name in ("Text", "SpikingEvoTextLM", "Vision")
    ]
    artifacts.add_artifact(run, "log", "Text", "log", data=b"words", db_session_factory=factory)
    for name in ("Text", "SpikingEvoTextLM"):
        found = artifacts.get_latest_models_by_type(name, db_session_factory=factory)
        assert [each.artifact_id for each in found] == [made[1], made[0]]
        assert {each.session_id for each in found} == {run}
        assert {each.llm_type for each in found} == {ModelType.TEXT}
    newest = artifacts.get_latest_models_by_type("Text", 1, db_session_factory=factory)
    assert newest[0].created_at.tzinfo is not None


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.int64, torch.bool])
def test_a_model_comes_back_as_it_was(factory: SessionFactory, dtype: torch.dtype) -> None:
    run = artifacts.start_session("training", db_session_factory=factory)
    tensors = {"w": torch.ones(2, 3).to(dtype), "scalar": torch.tensor(1).to(dtype)}
    number = artifacts.add_artifact(
        run, "model", "Audio", "m", data=save(tensors), db_session_factory=factory
    )
    found = artifacts.load_model_from_artifact(number, db_session_factory=factory)
    assert found.keys() == tensors.keys()
    assert all(torch.equal(found[name], tensors[name]) for name in tensors)


def test_a_large_model_is_stored_by_its_cid(factory: SessionFactory, objects: Objects) -> None:
    run = artifacts.start_session("training", db_session_factory=factory)
    data = save({"w": torch.zeros(artifacts.LARGE // 4)})
    number = artifacts.add_artifact(
        run, "model", "Text", "big", data=data, objects=objects, db_session_factory=factory
    )
    with factory() as session:
        row = session.get(DataArtifact, number)
        assert row is not None
        assert (row.data, row.size) == (None, len(data))
        assert row.cid is not None and row.cid.startswith("bafy")
    found = artifacts.load_model_from_artifact(number, objects=objects, db_session_factory=factory)
    assert found["w"].shape == (artifacts.LARGE // 4,)


def test_a_saved_models_folder_can_be_named(factory: SessionFactory, tmp_path: Path) -> None:
    save_file({"w": torch.ones(1)}, tmp_path / "model.safetensors")
    run = artifacts.start_session("training", db_session_factory=factory)
    number = artifacts.add_artifact(
        run, "model", None, "m", file_path=tmp_path, db_session_factory=factory
    )
    assert "w" in artifacts.load_model_from_artifact(number, db_session_factory=factory)
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(ArtifactInvalid, match="bring the file back"):
        artifacts.load_model_from_artifact(number, db_session_factory=factory)


class Harmful:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (pytest.fail, ("a pickle was loaded",))


@pytest.mark.parametrize("data", [b"", b"\x80\x04.", pickle.dumps(Harmful()), b"\0" * 100])
def test_what_is_no_safetensors_is_no_model(factory: SessionFactory, data: bytes) -> None:
    run = artifacts.start_session("training", db_session_factory=factory)
    with pytest.raises(ArtifactInvalid, match="safetensors"):
        artifacts.add_artifact(run, "model", "Text", "m", data=data, db_session_factory=factory)


def test_a_model_that_was_swapped_in_the_database_is_not_loaded(factory: SessionFactory) -> None:
    run = artifacts.start_session("training", db_session_factory=factory)
    number = artifacts.add_artifact(
        run, "model", "Text", "m", data=save({"w": torch.ones(1)}), db_session_factory=factory
    )
    with factory() as session, session.begin():
        row = session.get(DataArtifact, number)
        assert row is not None
        row.data = pickle.dumps(Harmful())
    with pytest.raises(ArtifactInvalid):
        artifacts.load_model_from_artifact(number, db_session_factory=factory)


def test_mistakes_are_named(factory: SessionFactory) -> None:
    run = artifacts.start_session("training", db_session_factory=factory)
    with pytest.raises(ArtifactInvalid, match="SpikingEvoAudioEncoder"):
        artifacts.start_session("training", llm_type="Smell", db_session_factory=factory)
    with pytest.raises(ArtifactInvalid, match="types are Text"):
        artifacts.get_latest_models_by_type("Smell", db_session_factory=factory)
    with pytest.raises(ArtifactInvalid, match="holds nothing"):
        artifacts.add_artifact(run, "log", None, "m", db_session_factory=factory)
    with pytest.raises(ArtifactInvalid, match="1 to 255"):
        artifacts.add_artifact(run, "log", None, "", data=b"", db_session_factory=factory)
    with pytest.raises(ArtifactInvalid, match="JSON"):
        artifacts.finish_session(run, metrics={"l": np.nan}, db_session_factory=factory)
    with pytest.raises(ArtifactUnknown):
        artifacts.add_artifact(uuid4(), "log", None, "m", data=b"", db_session_factory=factory)
    with pytest.raises(ArtifactUnknown):
        artifacts.finish_session(uuid4(), db_session_factory=factory)
    log = artifacts.add_artifact(run, "log", None, "m", data=b"x", db_session_factory=factory)
    with pytest.raises(ArtifactUnknown):
        artifacts.load_model_from_artifact(log, db_session_factory=factory)


def test_the_manifest_tells_of_the_run(factory: SessionFactory, tmp_path: Path) -> None:
    run = artifacts.start_session(
        "training", name="first", parameters={"epochs": 3}, db_session_factory=factory
    )
    model = artifacts.add_artifact(
        run, "model", "Text", "m", data=save({"w": torch.ones(1)}), db_session_factory=factory
    )
    artifacts.finish_session(run, metrics={"loss": 0.5}, db_session_factory=factory)
    file = artifacts.write_manifest(run, tmp_path / "out", db_session_factory=factory)
    assert file.name == "artifact_manifest.json"
    said = json.loads(file.read_text())
    assert said["session_id"] == str(run)
    assert (said["status"], said["parameters"], said["metrics"]) == (
        "finished",
        {"epochs": 3},
        {"loss": 0.5},
    )
    assert [each["artifact_id"] for each in said["artifacts"]] == [str(model)]


def test_without_a_factory_the_settings_database_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DECENTRALML_HOME", str(tmp_path))
    run = artifacts.start_session("training")
    url = f"sqlite:///{tmp_path / 'database.sqlite'}"
    with Database(url) as database, Session(database.engine) as session:
        assert session.get(artifacts.ExecutionSession, run) is not None
