"""Likeness: a copy is near however it is disguised a little, a training of one's own is not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import save_file

from decentralml.validation.likeness import NEAR, likeness

RANDOM = np.random.default_rng(5)
BASE = RANDOM.normal(size=(64, 48)).astype(np.float32)


def model(folder: Path, name: str, weight: NDArray[np.float32], **more: NDArray[np.int64]) -> Path:
    save_file({"weight": weight, **more}, folder / name)
    return folder / name


def update(scale: float = 0.1) -> NDArray[np.float32]:
    return (scale * RANDOM.normal(size=BASE.shape)).astype(np.float32)


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return model(tmp_path, "base", BASE)


def test_the_same_model_is_no_way_apart(tmp_path: Path, base: Path) -> None:
    trained = model(tmp_path, "trained", BASE + update())
    assert likeness(trained, trained, base) == 0


def test_a_copy_with_a_little_noise_is_near(tmp_path: Path, base: Path) -> None:
    weight = BASE + update()
    trained = model(tmp_path, "trained", weight)
    copy = model(tmp_path, "copy", weight + update(0.002))
    apart = likeness(copy, trained, base)
    assert apart == pytest.approx(0.02, rel=0.05)
    assert apart < NEAR


def test_trainings_of_their_own_are_far_apart(tmp_path: Path, base: Path) -> None:
    one, two = (model(tmp_path, name, BASE + update()) for name in ("one", "two"))
    assert likeness(one, two, base) == pytest.approx(2**0.5, rel=0.05)


def test_without_a_base_both_began_at_zero(tmp_path: Path, base: Path) -> None:
    assert likeness(model(tmp_path, "near", BASE * np.float32(1.001)), base, None) == (
        pytest.approx(0.001, rel=0.01)
    )


@pytest.mark.parametrize("other", ["shape", "names", "unmoved", "nan"])
def test_what_cannot_be_compared_is_not(tmp_path: Path, base: Path, other: str) -> None:
    weight = {"shape": BASE[:3], "unmoved": BASE, "nan": BASE * np.float32("nan")}
    if other == "names":
        found = model(tmp_path, "other", BASE, steps=np.zeros(1, np.int64))
    else:
        found = model(tmp_path, "other", weight[other])
    assert likeness(model(tmp_path, "mine", BASE + update()), found, base) is None
