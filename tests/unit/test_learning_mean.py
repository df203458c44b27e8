"""The streaming weighted mean against a plain float64 oracle, and what it refuses."""

from __future__ import annotations

import errno
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from memory_support import peak_of
from safetensors.numpy import load_file as load_numpy
from safetensors.torch import load_file, save_file

from decentralml.errors import (
    BadWeight,
    DamagedTensors,
    NotFinite,
    NoUpdates,
    StructureMismatch,
    UnmergeableType,
    UnwritableModel,
    ZeroWeight,
)
from decentralml.learning import mean
from decentralml.learning.mean import shares, weighted_mean
from decentralml.learning.update import Update

FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
INTEGERS = (torch.int8, torch.int16, torch.int32, torch.int64, torch.uint8)


def saved(
    folder: Path, name: str, tensors: Mapping[str, torch.Tensor], examples: int = 1
) -> Update:
    path = folder / f"{name}.safetensors"
    save_file(dict(tensors), path)
    return Update(path, examples, contributor=name)


def saved_all(
    folder: Path, values: list[dict[str, torch.Tensor]], examples: list[int]
) -> list[Update]:
    return [
        saved(folder, f"c{i}", v, n) for i, (v, n) in enumerate(zip(values, examples, strict=True))
    ]


def oracle(values: list[torch.Tensor], weights: list[float]) -> np.ndarray[Any, Any]:
    total = sum(weights)
    return sum(v.double().numpy() * (w / total) for v, w in zip(values, weights, strict=True))  # type: ignore[return-value]


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    seed=st.integers(0, 2**32 - 1),
    examples=st.lists(st.integers(0, 5000), min_size=1, max_size=6).filter(any),
    shape=st.lists(st.integers(0, 7), max_size=3),
)
def test_equals_a_float64_mean_in_every_type(
    tmp_path: Path, seed: int, examples: list[int], shape: list[int]
) -> None:
    rng = torch.Generator().manual_seed(seed)
    values = [
        {str(t): torch.randn(shape, generator=rng, dtype=torch.float64).to(t) for t in FLOATS}
        | {str(t): torch.randint(0, 100, shape, generator=rng).to(t) for t in INTEGERS}
        | {"flags": torch.randint(0, 2, shape, generator=rng).bool()}
        for _ in examples
    ]
    weighted_mean(saved_all(tmp_path, values, examples), tmp_path / "out")
    merged = load_file(tmp_path / "out")
    assert merged.keys() == values[0].keys()
    for name, tensor in merged.items():
        wanted = oracle([v[name] for v in values], [float(n) for n in examples])
        assert tensor.dtype == values[0][name].dtype and tensor.shape == torch.Size(shape)
        if name == "flags":
            near = np.abs(wanted - 0.5) < 1e-9
            assert np.all((tensor.numpy() == (wanted >= 0.5)) | near)
        elif tensor.dtype in INTEGERS:
            # Half-way cases may fall either way with the oracle's rounding errors.
            assert np.all(np.abs(tensor.double().numpy() - wanted) <= 0.5 + 1e-9)
        else:
            step = torch.finfo(tensor.dtype).eps
            least = torch.finfo(tensor.dtype).tiny * step  # Below the normal ones, steps are equal.
            largest = max(
                (v[name].abs().max().item() for v in values if v[name].numel()), default=0
            )
            np.testing.assert_allclose(
                tensor.double().numpy(), wanted, step, 4e-16 * largest + least
            )


def test_every_tensor_of_a_batch_norm_is_merged_buffers_included(tmp_path: Path) -> None:
    values = []
    for number in range(3):
        norm = torch.nn.BatchNorm1d(4)
        norm.running_mean.fill_(number)
        norm.num_batches_tracked.fill_(10 * number)
        values.append({k: v.detach().clone() for k, v in norm.state_dict().items()})
    weighted_mean(saved_all(tmp_path, values, [1, 1, 2]), tmp_path / "out")
    merged = load_file(tmp_path / "out")
    assert merged.keys() == values[0].keys()
    assert torch.equal(merged["running_mean"], torch.full((4,), 1.25))
    assert merged["num_batches_tracked"].dtype == torch.int64
    assert merged["num_batches_tracked"].item() == 12  # 12.5 to the even neighbour


def test_equal_updates_give_their_very_bits_back(tmp_path: Path) -> None:
    value = {
        "double": torch.randn(1000, dtype=torch.float64) * 1e300,
        "large": torch.tensor([2**63 - 1, -(2**63), 2**53 + 1]),
        "unsigned": torch.tensor([2**64 - 1, 0], dtype=torch.uint64),
    }
    weighted_mean(saved_all(tmp_path, [value] * 3, [1, 2, 4]), tmp_path / "out")
    merged = load_numpy(tmp_path / "out")
    for name, tensor in value.items():
        assert merged[name].tobytes() == tensor.numpy().tobytes()


def test_extreme_integers_stay_in_range(tmp_path: Path) -> None:
    values = [{"a": torch.tensor([2**63 - 1, -(2**63)])}, {"a": torch.tensor([2**63 - 3, 2**62])}]
    weighted_mean(saved_all(tmp_path, values, [1, 10**9]), tmp_path / "out")
    merged = load_file(tmp_path / "out")["a"].tolist()
    assert merged[0] >= 2**63 - 2048 and abs(merged[1] - 2**62) < 2**35


def test_weights_override_examples_and_any_scale_will_do(tmp_path: Path) -> None:
    updates = saved_all(tmp_path, [{"a": torch.zeros(3)}, {"a": torch.full((3,), 8.0)}], [1, 1])
    weighted_mean(updates, tmp_path / "out", weights=[3e-5, 1e-5])
    assert load_file(tmp_path / "out")["a"].tolist() == [2.0, 2.0, 2.0]


def test_pieces_leave_no_seams(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    values = [{"a": torch.randn(101, 7), "b": torch.arange(50) * n} for n in range(1, 4)]
    updates = saved_all(tmp_path, values, [1, 2, 3])
    weighted_mean(updates, tmp_path / "whole")
    monkeypatch.setattr(mean, "PIECE", 64)
    weighted_mean(updates, tmp_path / "pieces")
    assert (tmp_path / "whole").read_bytes() == (tmp_path / "pieces").read_bytes()


def test_files_that_order_their_tensors_differently_are_merged_by_name(tmp_path: Path) -> None:
    # The library sorts by width: two of equal width keep the order of their names, so a file
    # with another order is written by hand.
    first = saved(tmp_path, "first", {"a": torch.ones(2), "b": torch.zeros(2)})
    header = (
        b'{"b":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},'
        b'"a":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}}'
    )
    data = np.array([4, 4, 3, 3], "<f4").tobytes()
    other = tmp_path / "other.safetensors"
    other.write_bytes(len(header).to_bytes(8, "little") + header + data)
    weighted_mean([first, Update(other, 1)], tmp_path / "out")
    merged = load_file(tmp_path / "out")
    assert merged["a"].tolist() == [2, 2] and merged["b"].tolist() == [2, 2]


def test_a_folder_of_a_saved_model_is_an_update_too(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    save_file({"a": torch.ones(2)}, tmp_path / "model" / "model.safetensors")
    weighted_mean([Update(tmp_path / "model", 5)], tmp_path / "out")
    assert load_file(tmp_path / "out")["a"].tolist() == [1, 1]


def test_progress_ends_at_the_bytes_of_all_updates(tmp_path: Path) -> None:
    seen: list[tuple[int, int | None]] = []
    value = {"a": torch.ones(10), "b": torch.ones(4, dtype=torch.int64)}
    weighted_mean(
        saved_all(tmp_path, [value] * 2, [1, 1]),
        tmp_path / "out",
        progress=lambda done, total: seen.append((done, total)),
    )
    assert seen[-1] == (144, 144) and seen == sorted(seen)


def test_memory_does_not_grow_with_the_number_of_updates(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # With several, how many sums wait to be written is a matter of luck.
    monkeypatch.setattr("decentralml.learning.stack.THREADS", 1)
    size = 3_000_000  # Of one update: 12 MB, 23 pieces.
    one = saved(tmp_path, "c", {"a": torch.randn(size), "b": torch.randn(10)})
    peaks = {
        count: peak_of(lambda count=count: weighted_mean([one] * count, tmp_path / "out"))
        for count in (mean.TOGETHER, 50)
    }
    assert peaks[50] < 1.05 * peaks[mean.TOGETHER] + 100_000
    assert peaks[50] < 40_000_000


def test_no_updates_are_refused(tmp_path: Path) -> None:
    with pytest.raises(NoUpdates):
        weighted_mean([], tmp_path / "out")


@pytest.mark.parametrize("weight", [-1.0, float("nan"), float("inf")])
def test_a_bad_weight_names_its_contributor(tmp_path: Path, weight: float) -> None:
    updates = saved_all(tmp_path, [{"a": torch.ones(1)}] * 2, [1, 1])
    with pytest.raises(BadWeight, match="c1"):
        shares(updates, [1.0, weight])


@pytest.mark.parametrize("weights", [[0.0, 0.0], [1.7e308, 1.7e308]])
def test_a_total_weight_without_meaning_is_refused(tmp_path: Path, weights: list[float]) -> None:
    updates = saved_all(tmp_path, [{"a": torch.ones(1)}] * 2, [0, 0])
    with pytest.raises(ZeroWeight):
        shares(updates, weights)
    with pytest.raises(ZeroWeight):
        weighted_mean(updates, tmp_path / "out")


@pytest.mark.parametrize(
    ("other", "expected", "found"),
    [
        ({"w": torch.ones(2, 4), "n": torch.ones(1)}, "F32[2, 3]", "F32[2, 4]"),
        ({"w": torch.ones(2, 3).half(), "n": torch.ones(1)}, "F32[2, 3]", "F16[2, 3]"),
        ({"n": torch.ones(1)}, "F32[2, 3]", "absent"),
        ({"w": torch.ones(2, 3), "n": torch.ones(1), "x": torch.ones(1)}, "absent", "F32[1]"),
    ],
)
def test_a_different_structure_names_tensor_and_contributor(
    tmp_path: Path, other: dict[str, torch.Tensor], expected: str, found: str
) -> None:
    updates = saved_all(tmp_path, [{"w": torch.ones(2, 3), "n": torch.ones(1)}, other], [1, 1])
    with pytest.raises(StructureMismatch) as caught:
        weighted_mean(updates, tmp_path / "out")
    assert caught.value.contributor == "c1"
    assert (caught.value.expected, caught.value.found) == (expected, found)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("place", [0, 1])
@pytest.mark.parametrize("dtype", FLOATS)
def test_values_that_are_not_finite_name_their_contributor(
    tmp_path: Path, value: float, place: int, dtype: torch.dtype
) -> None:
    values = [{"a": torch.zeros(8, dtype=dtype), "b": torch.ones(2)} for _ in range(2)]
    values[place]["a"][5] = value
    updates = saved_all(tmp_path, values, [1, 1])
    with pytest.raises(NotFinite) as caught:
        weighted_mean(updates, tmp_path / "out", weights=[1.0, 0.0])  # Not even at weight zero.
    assert (caught.value.contributor, caught.value.tensor) == (f"c{place}", "a")


def test_an_older_file_outlives_a_merge_that_fails(tmp_path: Path) -> None:
    updates = saved_all(
        tmp_path, [{"a": torch.ones(2)}, {"a": torch.full((2,), torch.nan)}], [1, 1]
    )
    (tmp_path / "out").write_bytes(b"older")
    with pytest.raises(NotFinite):
        weighted_mean(updates, tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == b"older"
    assert not list(tmp_path.glob(".out*"))


def test_a_pickle_in_disguise_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    torch.save({"a": torch.ones(2)}, path)
    with pytest.raises(DamagedTensors):
        weighted_mean([Update(path, 1)], tmp_path / "out")


def test_a_truncated_or_missing_file_is_refused(tmp_path: Path) -> None:
    update = saved(tmp_path, "cut", {"a": torch.ones(1000)})
    update.path.write_bytes(update.path.read_bytes()[:-100])
    with pytest.raises(DamagedTensors, match=r"cut\.safetensors"):
        weighted_mean([update], tmp_path / "out")
    with pytest.raises(DamagedTensors, match="No such file"):
        weighted_mean([Update(tmp_path / "nowhere", 1)], tmp_path / "out")


def test_a_file_that_shrinks_while_it_is_read_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mean, "PIECE", 64)  # Some pieces are read ahead, but never so many.
    update = saved(tmp_path, "c", {"a": torch.ones(1000), "b": torch.ones(1000)})

    def shrink(done: int, total: int | None) -> None:
        update.path.write_bytes(update.path.read_bytes()[:5000])

    with pytest.raises(DamagedTensors, match="ends in the middle"):
        weighted_mean([update], tmp_path / "out", progress=shrink)


def test_types_that_are_not_averaged_are_named(tmp_path: Path) -> None:
    update = saved(tmp_path, "c", {"a": torch.zeros(4).to(torch.float8_e5m2)})
    with pytest.raises(UnmergeableType, match="F8_E5M2"):
        weighted_mean([update], tmp_path / "out")


def test_a_disk_that_fails_while_a_large_model_is_written_is_one_clear_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    update = saved(tmp_path, "c", {"a": torch.ones(6 << 20)})
    asked = []

    def failing(descriptor: int) -> None:
        asked.append(descriptor)
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr("os.fdatasync", failing)
    with pytest.raises(UnwritableModel, match="Input/output error"):
        weighted_mean([update], tmp_path / "out")
    assert asked and [p.name for p in tmp_path.iterdir()] == ["c.safetensors"]
    monkeypatch.undo()
    weighted_mean([update], tmp_path / "out")
    assert torch.equal(load_file(tmp_path / "out")["a"], torch.ones(6 << 20))


def test_a_full_disk_is_one_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    update = saved(tmp_path, "c", {"a": torch.ones(4)})

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(UnwritableModel, match="No space left"):
        weighted_mean([update], tmp_path / "out")
    assert [p.name for p in tmp_path.iterdir()] == ["c.safetensors"]
