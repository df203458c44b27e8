"""Training that can be taken up again: the order, the optimizers, the states, the script."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from replay_support import BUNDLE, RECIPE, SEED, in_process, lab, one_thread, packed
from safetensors.torch import load_file
from torch import nn

from decentralml.bundles.replay import Optimizer, Recipe, checkpoint_file
from decentralml.errors import (
    CheckpointMismatch,
    DamagedTensors,
    EnvironmentMismatch,
    NotReplayable,
    OrderSeedMissing,
)
from decentralml.learning.replay import optimizers
from decentralml.learning.replay.order import batch, epoch_order, order_seed, step_seed
from decentralml.learning.replay.training import Training
from decentralml.learning.replay.variables import read_order_seed, read_segments, variables
from decentralml.types import TaskId

__all__ = ["one_thread"]


ORDERS = [
    (bytes(32), 0, [13, 16, 18, 17, 3, 15, 10, 6]),
    (bytes(32), 2, [8, 2, 0, 4, 10, 9, 6, 4]),
    (bytes(range(32)), 0, [19, 2, 9, 10, 8, 12, 6, 16]),
]
"""Seed, step, and the eight of twenty examples that it takes."""


@pytest.mark.parametrize(("seed", "step", "numbers"), ORDERS)
def test_the_order_is_the_same_for_ever(seed: bytes, step: int, numbers: list[int]) -> None:
    assert batch(seed, step, 8, 20).tolist() == numbers


def test_an_order_follows_its_definition() -> None:
    keys = b"".join(
        hashlib.blake2b(
            SEED + b"order" + bytes([3]) + bytes(7) + bytes([block]) + bytes(7)
        ).digest()
        for block in range(3)
    )
    words = [int.from_bytes(keys[8 * i : 8 * i + 8], "little") for i in range(20)]
    assert epoch_order(SEED, 3, 20).tolist() == sorted(range(20), key=words.__getitem__)


@pytest.mark.parametrize(("size", "examples"), [(1, 1), (8, 20), (20, 7), (7, 7)])
def test_every_example_is_seen_as_often_as_every_other(size: int, examples: int) -> None:
    seen = np.concatenate([batch(SEED, step, size, examples) for step in range(examples)])
    assert len(seen) == size * examples
    assert Counter(seen.tolist()) == dict.fromkeys(range(examples), size)


def test_the_seed_is_made_of_the_block_and_the_assignment() -> None:
    data = b"\xab" * 32 + (7).to_bytes(8, "little") + (3).to_bytes(4, "little")
    expected = hashlib.blake2b(data, digest_size=32).digest()
    assert order_seed(b"\xab" * 32, TaskId(7), 3) == expected
    others = {order_seed(b"\xab" * 32, TaskId(t), i) for t in range(4) for i in range(4)}
    assert len(others) == 16


def test_steps_have_seeds_of_their_own() -> None:
    seeds = {step_seed(SEED, salt, step) for salt in (0, 1) for step in range(100)}
    assert len(seeds) == 200
    assert all(0 <= seed < 2**63 for seed in seeds)


REFERENCES = {
    Optimizer.SGD: lambda p: torch.optim.SGD(p, lr=0.05),
    Optimizer.MOMENTUM: lambda p: torch.optim.SGD(p, lr=0.05, momentum=optimizers.MOMENTUM),
    Optimizer.ADAM: lambda p: torch.optim.Adam(p, lr=0.05),
}


@pytest.mark.parametrize("optimizer", Optimizer)
def test_optimizers_compute_what_pytorchs_do(optimizer: Optimizer) -> None:
    torch.manual_seed(0)
    ours = torch.randn(50)
    theirs = nn.Parameter(ours.clone())
    reference = REFERENCES[optimizer]([theirs])
    slots = {slot: torch.zeros(50) for slot in optimizer.slots}
    for step in range(20):
        gradient = torch.randn(50)
        theirs.grad = gradient.clone()
        reference.step()
        optimizers.update(optimizer, ours, slots, gradient, 0.05, step)
    torch.testing.assert_close(ours, theirs.detach(), rtol=2e-6, atol=1e-7)


class WithDropout(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Dropout(0.5), nn.Linear(16, 3))

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        scores: torch.Tensor = self.layers(inputs)
        return scores


def small(optimizer: Optimizer = Optimizer.ADAM, **changes: object) -> Training:
    torch.manual_seed(1)
    model = WithDropout()
    inputs, labels = torch.randn(30, 4), torch.arange(30) % 3
    recipe: Recipe = replace(RECIPE, optimizer=optimizer, batch_size=8, **changes)  # type: ignore[arg-type]
    return Training(model, inputs, labels, recipe, SEED)


@pytest.mark.parametrize("optimizer", Optimizer)
def test_a_run_taken_up_again_ends_bit_for_bit_the_same(
    optimizer: Optimizer, tmp_path: Path
) -> None:
    whole = small(optimizer)
    whole.advance(4)
    whole.save(tmp_path / "middle")
    whole.advance(6)
    torch.manual_seed(99)  # What others do to PyTorch's random numbers is of no consequence.
    again = small(optimizer)
    again.restore(tmp_path / "middle")
    again.advance(6)
    one, other = whole.tensors(), again.tensors()
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert int(one["step"]) == 10


def test_training_leaves_the_callers_random_numbers_alone() -> None:
    training = small()
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    training.advance(2)
    assert torch.equal(torch.rand(3), expected)
    assert not torch.are_deterministic_algorithms_enabled()


def test_the_seed_of_the_recipe_is_that_of_dropout() -> None:
    one, other = small(), small(seed=1)
    one.advance(1)
    other.advance(1)
    assert one.losses != other.losses


def test_a_state_holds_model_optimizer_and_step() -> None:
    names = set(small(Optimizer.ADAM).tensors())
    assert {"step", "parameter.layers.0.weight", "mean.layers.0.weight"} <= names
    assert "square.layers.3.bias" in names
    assert len(names) == 1 + 3 * 4
    fresh = lab().training().tensors()
    assert int(fresh["buffer.features.1.num_batches_tracked"]) > 0
    assert not any(value.any() for name, value in fresh.items() if name.startswith("momentum."))


def test_the_same_state_gives_the_same_bytes(tmp_path: Path) -> None:
    small().save(tmp_path / "one")
    small().save(tmp_path / "other")
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()


def test_a_state_of_another_architecture_is_refused(tmp_path: Path) -> None:
    small(Optimizer.SGD).save(tmp_path / "sgd")
    with pytest.raises(CheckpointMismatch, match=r"sgd is of another architecture: 'mean\.layers"):
        small(Optimizer.ADAM).restore(tmp_path / "sgd")
    (tmp_path / "junk").write_bytes(b"\x80\x04junk")
    with pytest.raises(DamagedTensors):
        small().restore(tmp_path / "junk")


def test_what_cannot_be_trained_is_named() -> None:
    with pytest.raises(NotReplayable, match="0 inputs"):
        Training(WithDropout(), torch.zeros(0, 4), torch.zeros(0), RECIPE, SEED)
    with pytest.raises(NotReplayable, match="no parameters"):
        Training(nn.ReLU(), torch.zeros(4, 4), torch.zeros(4), RECIPE, SEED)


def test_variables_are_read_as_they_were_written() -> None:
    assert read_order_seed(variables(SEED)) == SEED
    assert read_segments(variables(SEED)) is None
    assert read_segments(variables(SEED, (3, 17))) == (3, 17)
    assert read_segments(variables(SEED, ())) == ()
    with pytest.raises(NotReplayable, match="3,x"):
        read_segments({"DML_REPLAY": "3,x"})


@pytest.mark.parametrize("seed", [None, "", "00" * 31, "zz" * 32])
def test_a_missing_order_seed_says_who_sets_it(seed: str | None) -> None:
    with pytest.raises(OrderSeedMissing, match="decentralml run-task"):
        read_order_seed({} if seed is None else {"DML_ORDER_SEED": seed})


def test_the_script_trains_a_result_with_all_its_checkpoints(tmp_path: Path) -> None:
    bundle, manifest = packed(tmp_path)
    outcome = in_process(bundle, tmp_path / "out", variables(SEED) | {"DML_CONTRIBUTOR": "me"})
    folder = tmp_path / "out" / "digits_me"
    assert outcome.ok, outcome.log_tail
    assert manifest.replay is not None
    names = sorted(p.name for p in (folder / "checkpoints").iterdir())
    assert names == [f"{n:06}.safetensors" for n in range(manifest.replay.checkpoints)]
    model = load_file(folder / "model.safetensors")
    last = load_file(folder / checkpoint_file(manifest.replay.segments))
    assert all(
        torch.equal(value, last.get(f"parameter.{name}", last.get(f"buffer.{name}")))
        for name, value in model.items()
    )
    said = json.loads((folder / "result.json").read_text())
    assert said["examples"] == 300
    assert 0 < said["metrics"]["loss"] < 1


def test_the_script_replays_segments_and_shows_the_start(tmp_path: Path) -> None:
    bundle, manifest = packed(tmp_path)
    run = lab(manifest).honest()
    starts = tmp_path / "starts"
    starts.mkdir()
    training = lab(manifest).training()
    training.load(run[1], "one")
    training.save(starts / "000001.safetensors")
    shutil.copy(bundle / "model/model.safetensors", starts / "000002.safetensors")
    outcome = in_process(bundle, tmp_path / "out", variables(SEED, (2, 1)), starts)
    assert outcome.exit_code == 1
    assert "segments that could not be replayed: 2" in outcome.log_tail
    again = load_file(tmp_path / "out" / checkpoint_file(2))
    assert all(torch.equal(value, run[2][name]) for name, value in again.items())
    start = load_file(tmp_path / "out" / checkpoint_file(0))
    assert all(torch.equal(value, run[0][name]) for name, value in start.items())


def test_another_environment_is_refused_before_any_step(tmp_path: Path) -> None:
    bundle, _ = packed(tmp_path, torch="1.0.0")
    with pytest.raises(EnvironmentMismatch, match=r"pinned to torch 1\.0\.0"):
        in_process(bundle, tmp_path / "out", variables(SEED), catch=False)


def test_a_bundle_without_a_recipe_is_named(tmp_path: Path) -> None:
    source = shutil.copytree(BUNDLE, tmp_path / "source")
    bundle, _ = packed(tmp_path, source, recipe=False)
    with pytest.raises(NotReplayable, match=r"\[replay\]"):
        in_process(bundle, tmp_path / "out", variables(SEED), catch=False)
