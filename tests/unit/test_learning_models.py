"""Saved models: what is written loads again, and nothing else does."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from decentralml.errors import DamagedTensors, NoUpdates, StructureMismatch, UnknownModel
from decentralml.learning.federate import federate
from decentralml.learning.models import DigitNet, load_model, save_model
from decentralml.learning.structure import Structure
from decentralml.learning.update import Update


@pytest.fixture
def model(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    return save_model(DigitNet(widths=(3, 5)), tmp_path / "model")


def test_a_saved_model_loads_with_its_arguments_and_every_tensor(model: Path) -> None:
    loaded = load_model(model)
    assert isinstance(loaded, DigitNet) and not loaded.training
    assert loaded.arguments == {"widths": [3, 5], "classes": 10}
    stored = load_file(model / "model.safetensors")
    assert stored.keys() == loaded.state_dict().keys()
    assert all(torch.equal(stored[name], value) for name, value in loaded.state_dict().items())
    assert sum(name.endswith("num_batches_tracked") for name in stored) == 2


def test_digit_net_has_the_parameters_that_its_description_says() -> None:
    net = DigitNet()
    assert sum(p.numel() for p in net.parameters()) == 9_146
    assert len(list(net.buffers())) == 6
    assert net(torch.zeros(2, 1, 28, 28)).shape == (2, 10)


@pytest.mark.parametrize(
    "document",
    [
        {"class": "Exploit", "arguments": {}},
        {"class": "os.system", "arguments": {}},
        {"class": "DigitNet", "arguments": {"depth": 3}},
        {"class": "DigitNet", "arguments": {"widths": [3]}},
        {"class": "DigitNet", "arguments": {"widths": [-1, 5]}},
        {"class": "DigitNet", "arguments": [3]},
        {"class": "DigitNet"},
        {"class": "DigitNet", "arguments": {}, "code": "import os"},
        ["DigitNet"],
    ],
)
def test_structures_that_name_no_known_model_are_refused(model: Path, document: object) -> None:
    (model / "structure.json").write_text(json.dumps(document))
    with pytest.raises(UnknownModel):
        load_model(model)


@pytest.mark.parametrize("content", [b"{", b"\xff", b"[" * 100_000, b" " * (2 << 20)])
def test_structures_that_are_no_json_are_refused(model: Path, content: bytes) -> None:
    (model / "structure.json").write_bytes(content)
    with pytest.raises(UnknownModel):
        load_model(model)


def test_weights_of_another_structure_are_refused(model: Path) -> None:
    Structure("DigitNet", {"widths": [3, 6], "classes": 10}).write(model)
    with pytest.raises(StructureMismatch):
        load_model(model)


def test_a_pickle_is_never_loaded(model: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (pytest.fail, ("a pickle was loaded",))

    torch.save({"features.0.weight": Bomb()}, model / "model.safetensors")
    with pytest.raises(DamagedTensors):
        load_model(model)


def test_federate_writes_a_model_that_loads(model: Path, tmp_path: Path) -> None:
    torch.manual_seed(1)
    other = save_model(DigitNet(widths=(3, 5)), tmp_path / "other")
    merged = load_model(federate([Update(model, 1), Update(other, 3)], tmp_path / "merged").path)
    first, second = load_model(model).state_dict(), load_model(other).state_dict()
    for name, value in merged.state_dict().items():
        if value.is_floating_point():
            torch.testing.assert_close(value, 0.25 * first[name] + 0.75 * second[name])


def test_federate_refuses_other_arguments_and_nothing_at_all(model: Path, tmp_path: Path) -> None:
    other = save_model(DigitNet(widths=(3, 4)), tmp_path / "other")
    with pytest.raises(StructureMismatch, match=r"structure\.json"):
        federate([Update(model, 1), Update(other, 1)], tmp_path / "merged")
    with pytest.raises(NoUpdates):
        federate([], tmp_path / "merged")
