"""Server optimizers on saved models: the same as on arrays, over any number of rounds."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from decentralml.errors import NotFinite, StructureMismatch
from decentralml.learning import server
from decentralml.learning.optimizers import Method, ServerOptimizer
from decentralml.learning.server import keeps_the_mean, step_model, steps_before


def model(folder: Path, seed: int, **more: np.ndarray) -> Path:
    folder.mkdir()
    rng = np.random.default_rng(seed)
    tensors = {
        "weight": rng.normal(size=(5, 7)).astype(np.float32),
        "scale": np.array(rng.normal(), np.float64),
        "half": rng.normal(size=9).astype(np.float16),
        "count": np.array(10 + seed, np.int64),
        "empty": np.empty((0, 3), np.float32),
    }
    save_file(tensors | more, folder / "model.safetensors")
    return folder


def tensors(folder: Path) -> dict[str, np.ndarray]:
    return load_file(folder / "model.safetensors")


@pytest.mark.parametrize("name", list(Method))
def test_files_step_as_arrays_do(
    tmp_path: Path, name: Method, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three rounds, in pieces of four elements, against one array at a time."""
    monkeypatch.setattr(server, "PIECE", 4)
    optimizer = ServerOptimizer(name, learning_rate=0.5)
    base = model(tmp_path / "base", 0)
    current, states = tensors(base), {}
    before = None
    for number in range(1, 4):
        mean = model(tmp_path / f"mean-{number}", number)
        out = tmp_path / f"out-{number}"
        out.mkdir()
        step_model(base, mean, out, optimizer, before)
        for key, merged in tensors(mean).items():
            current[key], state = optimizer.step(current[key], merged, states.get(key, {}))
            # Kept as float32 from one round to the next, as in the file.
            states[key] = {k: v.astype(np.float32).astype(np.float64) for k, v in state.items()}
        for key, values in tensors(out).items():
            assert values.dtype == current[key].dtype
            np.testing.assert_array_equal(values, current[key], key)
        assert int(tensors(out)["count"]) == 10 + number, "a counter takes the merged value"
        assert steps_before(out, optimizer) == number
        base = before = out


def test_the_memory_of_another_optimizer_is_not_taken(tmp_path: Path) -> None:
    first, second = ServerOptimizer("fedadam"), ServerOptimizer("fedadam", decay=0.5)  # type: ignore[arg-type]
    base, mean = model(tmp_path / "base", 0), model(tmp_path / "mean", 1)
    outs = [tmp_path / name for name in ("one", "two", "three")]
    for out in outs:
        out.mkdir()
    step_model(base, mean, outs[0], first)
    step_model(base, mean, outs[1], second, outs[0])
    step_model(base, mean, outs[2], second)
    assert steps_before(outs[1], second) == 1
    same = [(out / "model.safetensors").read_bytes() for out in outs[1:]]
    assert same[0] == same[1]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"rounds": "many"}', '{"rounds": -1}', "null"])
def test_a_damaged_memory_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "optimizer.json").write_text(text)
    assert steps_before(tmp_path, ServerOptimizer("fedavgm")) == 0  # type: ignore[arg-type]


def test_a_memory_of_another_structure_is_none(tmp_path: Path) -> None:
    optimizer = ServerOptimizer("fedavgm")  # type: ignore[arg-type]
    outs = [tmp_path / "one", tmp_path / "two"]
    for out in outs:
        out.mkdir()
    step_model(model(tmp_path / "a", 0), model(tmp_path / "b", 1), outs[0], optimizer)
    wider = {"more": np.zeros(3, np.float32)}
    step_model(
        model(tmp_path / "c", 0, **wider), model(tmp_path / "d", 1, **wider), outs[1], optimizer,
        outs[0],
    )  # fmt: skip
    assert steps_before(outs[1], optimizer) == 1


def test_a_mean_of_another_structure_than_its_base_is_refused(tmp_path: Path) -> None:
    base = model(tmp_path / "base", 0)
    mean = model(tmp_path / "mean", 1, more=np.zeros(3, np.float32))
    (tmp_path / "out").mkdir()
    with pytest.raises(StructureMismatch, match="more"):
        step_model(base, mean, tmp_path / "out", ServerOptimizer("fedadam"))  # type: ignore[arg-type]


def test_a_step_to_infinity_is_refused(tmp_path: Path) -> None:
    huge = {"weight": np.full((5, 7), 3e38, np.float32)}
    base, mean = model(tmp_path / "base", 0), model(tmp_path / "mean", 1, **huge)
    (tmp_path / "out").mkdir()
    with pytest.raises(NotFinite):
        step_model(base, mean, tmp_path / "out", ServerOptimizer("fedavg", 10.0))  # type: ignore[arg-type]
    assert not (tmp_path / "out" / "model.safetensors").exists()


def test_plain_fedavg_keeps_the_mean_and_leaves_no_memory(tmp_path: Path) -> None:
    assert keeps_the_mean(ServerOptimizer("fedavg"))  # type: ignore[arg-type]
    assert not keeps_the_mean(ServerOptimizer("fedavg", 0.5))  # type: ignore[arg-type]
    assert not keeps_the_mean(ServerOptimizer("fedavgm"))  # type: ignore[arg-type]


def test_the_memory_says_which_optimizer_it_is_of(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    base, mean = model(tmp_path / "base", 0), model(tmp_path / "mean", 1)
    step_model(base, mean, tmp_path / "out", ServerOptimizer("fedyogi"))  # type: ignore[arg-type]
    document = json.loads((tmp_path / "out" / "optimizer.json").read_text())
    assert (document["name"], document["rounds"]) == ("fedyogi", 1)
    state = load_file(tmp_path / "out" / "optimizer.safetensors")
    assert sorted(state)[:2] == ["momentum/empty", "momentum/half"]
    assert "momentum/count" not in state
