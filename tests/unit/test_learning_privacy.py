"""Private merging: lengths, noise, what is spent; against closed forms and by measuring."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from decentralml.errors import AllUpdatesRejected, BadPrivacy, NoUpdates, StructureMismatch
from decentralml.learning.privacy.accountant import spent
from decentralml.learning.privacy.noise import GaussianNoise
from decentralml.learning.privacy.user_level import UserLevel, federate_private, merge_private
from decentralml.learning.sources import ArraySource
from decentralml.learning.structure import Structure
from decentralml.learning.update import Update

KEY = bytes(range(32))
SIZE = 20_000


def update(values: np.ndarray, number: int = 0) -> Update:
    """An update of one tensor of floats and one of integers."""
    source = ArraySource({"weight": values.astype(np.float32), "count": np.array(number)})
    return Update(Path(f"update-{number}"), 1000 * number, source=source)


def merged(updates: list[Update], tmp_path: Path, privacy: UserLevel, key: bytes = KEY) -> dict:
    base = ArraySource({"weight": np.ones(SIZE, np.float32), "count": np.array(3)})
    merge_private(updates, tmp_path / "next.safetensors", base, privacy, key)
    assert [file.name for file in tmp_path.iterdir()] == ["next.safetensors"]
    return load_file(tmp_path / "next.safetensors")


def test_noise_is_standard_normal_and_the_key_s() -> None:
    numbers = GaussianNoise(KEY).take(1_000_000)
    assert abs(numbers.mean()) < 5e-3 and abs(numbers.std() - 1) < 5e-3
    beyond = np.mean(np.abs(numbers) > 3)
    assert abs(beyond - math.erfc(3 / math.sqrt(2))) < 3e-4
    assert (GaussianNoise(KEY).take(7) == GaussianNoise(KEY).take(7)).all()
    assert not np.isclose(GaussianNoise(bytes(32)).take(7), numbers[:7]).any()


def test_a_stream_gives_no_number_twice() -> None:
    noise = GaussianNoise(KEY)
    assert len(set(noise.take(1001).tolist()) & set(noise.take(1001).tolist())) == 0


def test_long_ways_are_cut_and_short_ones_are_not(tmp_path: Path) -> None:
    way = np.zeros(SIZE)
    way[0], way[1] = 3.0, 4.0
    privacy = UserLevel(clip=1.0, noise=0.01)
    two = merged([update(1 + way, 1), update(1 + way / 10, 2)], tmp_path, privacy)
    none = merged([update(np.ones(SIZE), 1), update(np.ones(SIZE), 2)], tmp_path, privacy)
    moved = (two["weight"] - none["weight"])[:3]
    assert np.allclose(moved, [(0.6 + 0.3) / 2, (0.8 + 0.4) / 2, 0], atol=1e-6)
    assert two["count"] == 3


def test_the_noise_is_the_multiplier_times_the_clip_over_the_contributors(tmp_path: Path) -> None:
    updates = [update(np.ones(SIZE), number) for number in range(4)]
    found = merged(updates, tmp_path, UserLevel(clip=2.0, noise=0.5))
    assert abs(found["weight"].std() - 0.5 * 2.0 / 4) < 0.005
    again = merged(updates, tmp_path, UserLevel(clip=2.0, noise=0.5))
    assert (again["weight"] == found["weight"]).all()
    other = merged(updates, tmp_path, UserLevel(clip=2.0, noise=0.5), bytes(32))
    assert not (other["weight"] == found["weight"]).all()


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e38])
def test_who_sends_what_cannot_be_used_counts_as_who_sends_the_base(
    tmp_path: Path, value: float
) -> None:
    """Else the noise would tell of it."""
    bad, good = np.ones(SIZE), np.full(SIZE, 1.001)
    bad[5] = value
    privacy = UserLevel(clip=1e-30 if value == 1e38 else 1.0, noise=1.0)
    found = merged([update(good, 1), update(bad, 2)], tmp_path, privacy)
    zero = merged([update(good, 1), update(np.ones(SIZE), 2)], tmp_path, privacy)
    assert np.allclose(found["weight"], zero["weight"], rtol=1e-6)


def test_nothing_is_merged_of_nobody(tmp_path: Path) -> None:
    privacy = UserLevel(clip=1.0, noise=1.0)
    with pytest.raises(NoUpdates):
        merged([], tmp_path, privacy)
    with pytest.raises(AllUpdatesRejected):
        merged([update(np.full(SIZE, np.nan))], tmp_path, privacy)
    assert not list(tmp_path.iterdir())


def test_noise_comes_before_rounding(tmp_path: Path) -> None:
    """Ways of less than float16's step still move the model, in the mean, by what they are."""
    start = np.full(200_000, 1.0, np.float16)
    base, far = ArraySource({"w": start}), ArraySource({"w": start + np.float16(2**-7)})

    def mean(first: ArraySource) -> float:
        updates = [Update(Path(str(n)), 1, source=base if n else first) for n in range(64)]
        merge_private(updates, tmp_path / "m", base, UserLevel(clip=1.0, noise=4.0), KEY)
        return float(load_file(tmp_path / "m")["w"].astype(np.float64).mean())

    way = 1 / math.sqrt(200_000) / 64
    assert way < 2**-10 / 20
    assert abs(mean(far) - mean(base) - way) < way / 10


def test_a_folder_of_another_class_is_refused(tmp_path: Path) -> None:
    for name in ("base", "mine"):
        Structure("Toy" if name == "base" else "Other").write(tmp_path / name)
        save_file({"w": np.zeros(2, np.float32)}, tmp_path / name / "model.safetensors")
    privacy = UserLevel(clip=1.0, noise=1.0)
    mine, base, out = (tmp_path / name for name in ("mine", "base", "out"))
    with pytest.raises(StructureMismatch, match="Toy"):
        federate_private([Update(mine, 1)], out, base, privacy, KEY)
    federate_private([Update(base, 1)], out, base, privacy, KEY)
    assert {file.name for file in out.iterdir()} == {"model.safetensors", "structure.json"}


@pytest.mark.parametrize(
    ("clip", "noise"), [(0, 1), (1, 0), (math.nan, 1), (1, -1), (math.inf, 1), (1, 1e-3)]
)
def test_absurd_settings_are_refused(clip: float, noise: float) -> None:
    with pytest.raises(BadPrivacy, match=r"above zero|at least"):
        UserLevel(clip, noise)


def test_the_accountant_agrees_with_the_gaussian_mechanism() -> None:
    """Rényi: the least of T a / (2 z²) + ln(1/δ) / (a - 1) over orders a; Opacus's is tighter."""
    pytest.importorskip("opacus", reason="the extra privacy is not installed")
    noise, steps, delta = 4.0, 10, 1e-5
    orders = np.linspace(1.01, 200, 20_000)
    simple = np.min(steps * orders / (2 * noise**2) + math.log(1 / delta) / (orders - 1))
    found = spent([noise] * steps, delta)
    assert 0.75 * simple < found.epsilon <= simple
    assert (found.steps, found.accountant) == (steps, "rdp")
    assert spent([noise] * steps, delta, "prv").epsilon < found.epsilon


def test_nothing_spends_nothing_and_no_noise_spends_everything() -> None:
    assert spent([], 1e-5).epsilon == 0
    assert spent([1.0, 0.0], 1e-5).epsilon == math.inf


@pytest.mark.parametrize("delta", [0, 1, -1, math.nan])
def test_an_absurd_delta_is_refused(delta: float) -> None:
    with pytest.raises(BadPrivacy, match="delta"):
        spent([1.0], delta)


@pytest.mark.parametrize(("noise", "delta"), [(0.01, 1e-5), (1.0, 1e-15), (math.inf, 1e-5)])
def test_what_an_accountant_cannot_count_is_said_and_not_raised_by_it(
    noise: float, delta: float
) -> None:
    pytest.importorskip("opacus", reason="the extra privacy is not installed")
    with pytest.raises(BadPrivacy, match="give rdp"):
        spent([noise], delta, "prv")
    assert 0 <= spent([noise], delta).epsilon < math.inf


def test_epsilon_is_never_below_zero() -> None:
    pytest.importorskip("opacus", reason="the extra privacy is not installed")
    assert spent([1.0], 0.999999).epsilon == 0
