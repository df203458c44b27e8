"""Sketches: the same update is told by 32 numbers, and two trainings are never taken for one."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import save_file

from decentralml.errors import ManifestError
from decentralml.learning.attacks.network import Steps, first_weights, train_together
from decentralml.learning.examples import Examples
from decentralml.types import Cid, TaskId, Verdict
from decentralml.validation.findings import SKETCH_SIZE, Finding, Report, parse_report
from decentralml.validation.likeness import likeness
from decentralml.validation.sketches import LEAST_MOVED, SAME, apart, sketch, sketch_seed

SEED = sketch_seed(bytes(range(32)), TaskId(7))
RANDOM = np.random.default_rng(11)
BASE = RANDOM.normal(size=(96, 64)).astype(np.float32)
UPDATE = (0.1 * RANDOM.normal(size=BASE.shape)).astype(np.float32)


def model(folder: Path, name: str, *weights: NDArray[np.float32]) -> Path:
    save_file({f"layer-{n}": weight for n, weight in enumerate(weights)}, folder / name)
    return folder / name


def distance(folder: Path, one: NDArray[np.float32], two: NDArray[np.float32]) -> float:
    """Between the sketches of two models."""
    base = model(folder, "base", BASE)
    found = [sketch(model(folder, "model", weight), base, SEED) for weight in (one, two)]
    assert found[0] is not None and found[1] is not None
    return apart(found[0], found[1])


def test_the_same_files_give_the_same_numbers_on_any_machine(tmp_path: Path) -> None:
    """Pinned: members on other machines and other versions of NumPy have to agree."""
    steps = np.arange(4096, dtype=np.float32).reshape(64, 64)
    base, after = model(tmp_path, "base", steps), model(tmp_path, "after", steps * steps)
    found = sketch(after, base, SEED)
    assert found is not None and len(found) == SKETCH_SIZE
    assert found[:4] == (-417424, 67782, 328968, -337102)
    assert sketch(after, base, sketch_seed(bytes(range(32)), TaskId(8))) != found


def test_the_order_of_the_tensors_does_not_matter(tmp_path: Path) -> None:
    halves = np.split(BASE + UPDATE, 2)
    base = model(tmp_path, "base", *np.split(BASE, 2))
    after = model(tmp_path, "after", *halves)
    swapped = tmp_path / "swapped"
    save_file({"layer-1": halves[1], "layer-0": halves[0]}, swapped)
    assert sketch(after, base, SEED) == sketch(swapped, base, SEED) is not None


@pytest.mark.parametrize("disguise", ["none", "rounded", "scaled"])
def test_a_copy_is_the_same_however_it_is_rounded_or_scaled(tmp_path: Path, disguise: str) -> None:
    copied = {
        "none": BASE + UPDATE,
        "rounded": BASE + UPDATE.astype(np.float16).astype(np.float32),
        "scaled": BASE + np.float32(1.2) * UPDATE,
    }[disguise]
    assert distance(tmp_path, BASE + UPDATE, copied) < SAME


@pytest.mark.parametrize("noise", [0.01, 0.1, 1.0])
def test_sketches_are_about_as_far_apart_as_the_updates(tmp_path: Path, noise: float) -> None:
    other = BASE + UPDATE + np.float32(noise * 0.1) * RANDOM.normal(size=BASE.shape).astype("f4")
    one, two = UPDATE.ravel(), (other - BASE).ravel()
    real = float(np.linalg.norm(one / np.linalg.norm(one) - two / np.linalg.norm(two)))
    assert distance(tmp_path, BASE + UPDATE, other) == pytest.approx(real, rel=0.5)


def test_what_moves_little_is_finite_not_or_built_otherwise_has_no_sketch(tmp_path: Path) -> None:
    base = model(tmp_path, "base", BASE)
    few = BASE.copy()
    few.ravel()[: LEAST_MOVED - 1] += 1
    others = [(BASE,), (few,), (BASE[:5],), (np.full_like(BASE, np.nan),), (BASE, BASE)]
    for weights in others:
        assert sketch(model(tmp_path, "other", *weights), base, SEED) is None


def test_trainings_of_nearly_the_same_data_are_never_taken_for_one(tmp_path: Path) -> None:
    """Honest ones draw their own order; who shares data, script and seed sends one training."""
    chance = np.random.default_rng(3)
    labels = np.tile(np.arange(10), 20)
    inputs = (chance.random((200, 784)) * 0.3 + np.eye(10).repeat(79, 1)[labels, :784] * 0.7) * 255
    data = Examples(inputs.astype(np.uint8).reshape(200, 28, 28), labels)
    nearly = Examples(data.inputs.copy(), data.labels)
    nearly.inputs[0] = data.inputs[10]
    start = first_weights(784, chance)
    base = tmp_path / "base"
    save_file(dict(start), base)

    def trained(name: str, examples: Examples, seed: int) -> Path:
        weights = train_together(start, [examples], Steps(), np.random.default_rng(seed))[0]
        save_file({key: np.ascontiguousarray(value) for key, value in weights.items()},
                  tmp_path / name)  # fmt: skip
        return tmp_path / name

    honest = [trained(f"honest-{seed}", data, seed) for seed in range(3)]
    honest.append(trained("nearly", nearly, 9))
    for one, two in pairwise(honest):
        first, second = sketch(one, base, SEED), sketch(two, base, SEED)
        assert first is not None and second is not None
        assert apart(first, second) > 50 * SAME
        assert (likeness(one, two, base) or 0) > 50 * SAME
    twin = sketch(trained("twin", data, 0), base, SEED)
    first = sketch(honest[0], base, SEED)
    assert twin is not None and first is not None and apart(twin, first) < SAME


def test_a_report_carries_the_sketch_and_refuses_another_size() -> None:
    numbers = tuple(range(-16, 16))
    finding = Finding(Verdict.PASS, 5, ("measured",), sketch=numbers)
    report = Report("0x" + "00" * 32, TaskId(1), 0, Cid("bafy"), finding)
    data = report.to_json()
    assert parse_report(data).finding.sketch == numbers
    with pytest.raises(ManifestError, match="31 numbers"):
        parse_report(data.replace(b"    14,\n", b""))
