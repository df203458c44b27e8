"""Clients that a node's operator names: of every kind, and those that are none."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("flwr", reason="the extra 'flower' is not installed")

from flwr.app import Context, RecordDict
from flwr.client import NumPyClient
from flwr.clientapp import ClientApp

from decentralml.errors import BadExamples, ClientAppInvalid
from decentralml.flower.client_app import as_client_app, client_app
from decentralml.flower.lessons import LessonClient, client_fn, load, load_lesson
from decentralml.learning.examples import write_tensors

LESSON = """
import torch
from torch.nn import functional

from decentralml.learning.lesson import Lesson
from decentralml.learning.train import TrainingSettings


def prepare(stored):
    return {name: torch.from_numpy(values) for name, values in stored.items()}


LESSON = Lesson(
    name="tiny",
    model=lambda: torch.nn.Linear(2, 2),
    prepare=prepare,
    loss=lambda model, batch: functional.cross_entropy(model(batch["inputs"]), batch["labels"]),
    predict=lambda model, inputs: {"predictions": model(inputs["inputs"])},
    measure=lambda found, labels: {
        "accuracy": float((found["predictions"].argmax(1) == labels["labels"]).mean())
    },
    first=TrainingSettings(epochs=1),
    own=TrainingSettings(epochs=20, learning_rate=0.1, batch=16),
)
"""


class Old(NumPyClient):
    pass


def context(**told: Any) -> Context:
    return Context(1, 7, told, RecordDict(), {})


def of_context(context: Context) -> Any:
    return Old().to_client()


@pytest.mark.parametrize("client", [Old, Old(), Old().to_client(), of_context, ClientApp()])
def test_every_kind_of_client_serves(client: Any) -> None:
    assert isinstance(as_client_app(client, "a:b"), ClientApp)


def test_a_client_is_found_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_clients.py").write_text(
        "from flwr.clientapp import ClientApp\napp = ClientApp()"
    )
    monkeypatch.syspath_prepend(tmp_path)
    assert client_app("my_clients:app") is sys.modules["my_clients"].app


@pytest.mark.parametrize(
    ("reference", "reason"),
    [
        ("", "it names no module and no client in it"),
        ("json", "it names no module"),
        ("nowhere_at_all:app", "No module named 'nowhere_at_all'"),
        ("json:app", "has no attribute 'app'"),
        ("json:__name__", "it is a str"),
        ("json:dumps", "signature"),
    ],
)
def test_what_is_no_client_is_named(reference: str, reason: str) -> None:
    with pytest.raises(ClientAppInvalid, match=reason):
        client_app(reference)


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    folder = tmp_path / "bundle"
    folder.mkdir()
    (folder / "lesson.py").write_text(LESSON)
    (folder / "task.toml").write_text('model_type = "Audio"')
    return folder


@pytest.fixture
def data(tmp_path: Path) -> Path:
    inputs = np.random.default_rng(0).normal(size=(60, 2)).astype("f4")
    write_tensors(tmp_path / "data" / "inputs.safetensors", {"inputs": inputs})
    labels = (inputs[:, 0] > 0).astype("i8")
    write_tensors(tmp_path / "data" / "labels.safetensors", {"labels": labels})
    return tmp_path / "data"


def test_a_lesson_is_trained_and_measured(bundle: Path, data: Path) -> None:
    client = LessonClient(bundle, data, "hospital-1")
    given = client.get_parameters({})
    assert [values.shape for values in given] == [(2, 2), (2,)]
    trained, examples, told = client.fit(given, {})
    assert examples == 54 and not np.array_equal(trained[0], given[0])
    assert (told["llm_type"], told["client_id"]) == ("Audio", "hospital-1")
    assert told["accuracy"] == 1.0
    again, _, _ = client.fit(given, {})
    assert np.array_equal(again[0], trained[0])
    worse, _, _ = client.evaluate(given, {})
    loss, kept, metrics = client.evaluate(trained, {})
    assert loss < worse and kept == 6 and metrics["accuracy"] == 1.0


def test_a_node_names_bundle_and_data(bundle: Path, data: Path) -> None:
    assert client_fn(context(bundle=str(bundle), data=str(data)))
    with pytest.raises(ClientAppInvalid, match="the node names no data"):
        client_fn(context(bundle=str(bundle)))
    with pytest.raises(BadExamples):
        client_fn(context(bundle=str(bundle), data=str(bundle)))


def test_a_bundle_without_a_lesson_is_named(bundle: Path) -> None:
    (bundle / "lesson.py").write_text("LESSON = 1")
    with pytest.raises(ClientAppInvalid, match="names no LESSON"):
        load_lesson(bundle)
    (bundle / "lesson.py").unlink()
    with pytest.raises(ClientAppInvalid, match=r"it has no lesson\.py"):
        load_lesson(bundle)


def test_loads_are_percentages() -> None:
    assert all(0 <= value <= 100 for value in load().values())
