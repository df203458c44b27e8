"""Training that goes on where a process was killed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from callback_support import MemorySwarm
from torch import nn

from decentralml.errors import NotOnlyTensors, SnapshotDamaged, UnwritableModel
from decentralml.learning.tensors import TensorFile
from decentralml.swarm.callback import SwarmCallback
from decentralml.swarm.training.snapshots import KEPT, Progress, Snapshots
from decentralml.swarm.training.weights import load_weights, save_weights

torch.set_num_threads(1)


def parts(seed: int = 0) -> tuple[nn.Module, torch.optim.Optimizer]:
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))
    return model, torch.optim.Adam(model.parameters(), lr=0.05)


def step(model: nn.Module, optimizer: torch.optim.Optimizer, number: int) -> None:
    inputs = torch.randn(8, 3, generator=torch.Generator().manual_seed(number))
    optimizer.zero_grad()
    model(inputs).square().mean().backward()
    optimizer.step()


def state(model: nn.Module) -> list[list[float]]:
    return [value.flatten().tolist() for value in model.state_dict().values()]


def callback(swarm: MemorySwarm, folder: Path, seed: int = 0, **more: Any) -> SwarmCallback:
    model, optimizer = parts(seed)
    return SwarmCallback(
        4, model=model, optimizer=optimizer, snapshots=folder, link=swarm.links(1)[0], **more
    )


def run(swarm: SwarmCallback, start: int, stop: int) -> None:
    assert swarm.optimizer is not None
    for number in range(start, stop):
        step(swarm.model, swarm.optimizer, number)
        swarm.on_batch_end()
        if (number + 1) % 6 == 0:
            swarm.on_epoch_end()


def test_a_killed_training_goes_on_as_if_it_had_not_been(tmp_path: Path) -> None:
    """From the end of an epoch, between two merges: with weights, momentum and counters."""
    whole = callback(MemorySwarm(tmp_path / "a"), tmp_path / "whole")
    whole.on_train_begin()
    run(whole, 0, 6)
    killed = callback(swarm := MemorySwarm(tmp_path / "b"), tmp_path / "killed")
    killed.on_train_begin()
    run(killed, 0, 6)
    swarm.present = 0
    again = callback(swarm, tmp_path / "killed", seed=9)
    again.on_train_begin()
    assert (again.batches, again.epochs) == (6, 1)
    assert state(again.model) == state(whole.model)
    for each in (whole, again):
        run(each, 6, 7)
    assert state(again.model) == state(whole.model)


def test_a_node_that_missed_a_merge_goes_on_from_the_newest_model(tmp_path: Path) -> None:
    first = callback(swarm := MemorySwarm(tmp_path), tmp_path / "mine")
    first.on_train_begin()
    run(first, 0, 5)
    swarm.present = 0
    other = callback(swarm, tmp_path / "other", seed=3)
    other.on_train_begin()
    run(other, 0, 4)
    swarm.present = 0
    again = callback(swarm, tmp_path / "mine", seed=5)
    again.on_train_begin()
    assert again.batches == 4  # Of its own: the last snapshot was that of the merge.
    assert state(again.model) == state(other.model)


def test_the_adapted_interval_is_resumed(tmp_path: Path) -> None:
    losses = iter([3.0, 2.0, 1.0])
    options = {"use_adaptive_sync": True, "ads_val_data": lambda model: next(losses)}
    first = callback(swarm := MemorySwarm(tmp_path), tmp_path / "mine", **options)
    first.on_train_begin()
    run(first, 0, 4)
    swarm.present = 0
    assert first.schedule.interval == 6
    again = callback(swarm, tmp_path / "mine", **options)
    again.on_train_begin()
    assert again.schedule.interval == 9


def test_another_sync_frequency_holds_from_the_start_of_a_resumed_training(tmp_path: Path) -> None:
    first = callback(swarm := MemorySwarm(tmp_path), tmp_path / "mine")
    first.on_train_begin()
    swarm.present = 0
    model, optimizer = parts()
    again = SwarmCallback(
        2,
        model=model,
        optimizer=optimizer,
        snapshots=tmp_path / "mine",
        link=swarm.links(1)[0],
    )
    again.on_train_begin()
    before = again.round
    run(again, 0, 2)
    assert again.round == before + 1


def test_the_last_two_are_kept_and_what_was_half_written_is_not_one(tmp_path: Path) -> None:
    snapshots, (model, optimizer) = Snapshots(tmp_path / "s"), parts()
    for batches in (8, 99_999_999, 100_000_000):
        snapshots.write(model, optimizer, Progress(batches))
    (tmp_path / "s" / ".step-200000000.1.partial").mkdir()
    names = sorted(path.name for path in (tmp_path / "s").glob("step-*"))
    assert len(names) == KEPT
    assert snapshots.newest() == tmp_path / "s" / "step-100000000"
    assert snapshots.load(model, optimizer) == Progress(100_000_000)


def test_without_a_snapshot_training_begins_anew(tmp_path: Path) -> None:
    model, optimizer = parts()
    assert Snapshots(tmp_path / "none").load(model, optimizer) is None


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("model.safetensors", b"\x80\x04pickle"),
        ("optimizer.pt", b"no archive"),
        ("optimizer.pt", b""),
        ("progress.json", b"{"),
        ("progress.json", b'{"steps": 1}'),
        ("progress.json", None),
    ],
)
def test_a_damaged_snapshot_is_named(tmp_path: Path, file: str, content: bytes | None) -> None:
    snapshots, (model, optimizer) = Snapshots(tmp_path), parts()
    folder = snapshots.write(model, optimizer, Progress(3))
    if content is None:
        (folder / file).unlink()
    else:
        (folder / file).write_bytes(content)
    with pytest.raises(SnapshotDamaged, match=r"step-00000003.*remove it") as found:
        snapshots.load(model, optimizer)
    assert "\n" not in str(found.value)


def test_a_snapshot_of_another_model_is_named(tmp_path: Path) -> None:
    snapshots, (model, optimizer) = Snapshots(tmp_path), parts()
    snapshots.write(model, optimizer, Progress(3))
    with pytest.raises(SnapshotDamaged, match=r"'0.bias'"):
        snapshots.load(nn.Sequential(nn.Linear(3, 5)), None)


def test_code_in_an_optimizers_state_is_not_run(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> Any:
            return (print, ("ran",))

    snapshots, (model, optimizer) = Snapshots(tmp_path), parts()
    folder = snapshots.write(model, optimizer, Progress(3))
    torch.save({"state": Evil()}, folder / "optimizer.pt")
    with pytest.raises(SnapshotDamaged):
        snapshots.load(model, optimizer)


def test_a_snapshot_that_cannot_be_written_is_named_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    model, optimizer = parts()
    with pytest.raises(UnwritableModel):
        Snapshots(tmp_path / "file").write(model, optimizer, Progress(1))


def test_progress_is_plain_json(tmp_path: Path) -> None:
    model, optimizer = parts()
    folder = Snapshots(tmp_path).write(model, optimizer, Progress(3, 1, 2, 0, 8, 0.5))
    assert json.loads((folder / "progress.json").read_text())["round"] == 2


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16])
def test_weights_come_back_as_they_were(tmp_path: Path, dtype: torch.dtype) -> None:
    model, other = parts(1)[0].to(dtype), parts(2)[0].to(dtype)
    save_weights(model, tmp_path / "w")
    load_weights(other, tmp_path / "w", "it")
    assert state(other) == state(model)


def test_tied_weights_and_scalars_are_written_for_each_name(tmp_path: Path) -> None:
    model = nn.Sequential(nn.Linear(2, 2, bias=False), nn.Linear(2, 2, bias=False))
    model[1].weight = model[0].weight
    model.register_buffer("scale", torch.tensor(3.0))
    save_weights(model, tmp_path / "w")
    assert set(TensorFile.open(tmp_path / "w").specs) == {"0.weight", "1.weight", "scale"}
    load_weights(model, tmp_path / "w", "it")
    assert model[0].weight is model[1].weight


def test_a_compiled_model_has_the_names_of_the_plain_one(tmp_path: Path) -> None:
    class Compiled(nn.Module):
        """As what ``torch.compile`` puts around a model, which takes seconds to import."""

        def __init__(self, model: nn.Module) -> None:
            super().__init__()
            self._orig_mod = model

    model = nn.Linear(2, 2)
    compiled = Compiled(model)
    assert list(compiled.state_dict()) == ["_orig_mod.weight", "_orig_mod.bias"]
    save_weights(compiled, tmp_path / "w")
    load_weights(model, tmp_path / "w", "it")
    load_weights(compiled, tmp_path / "w", "it")


def test_what_is_no_tensor_or_of_no_ordinary_type_is_named(tmp_path: Path) -> None:
    class Extra(nn.Linear):
        def get_extra_state(self) -> Any:
            return {"version": 3}

        def set_extra_state(self, state: Any) -> None: ...

    with pytest.raises(NotOnlyTensors, match=r"'_extra_state' is a dict"):
        save_weights(Extra(2, 2), tmp_path / "w")
    with pytest.raises(NotOnlyTensors, match="complex64"):
        save_weights(nn.Linear(2, 2, dtype=torch.complex64), tmp_path / "w")
