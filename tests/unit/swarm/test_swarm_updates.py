"""What is found wrong with a peer's update before it is merged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from decentralml.bundles.manifest import TensorSpec
from decentralml.chain.swarm.words import Fault
from decentralml.errors import DamagedTensors, UnmergeableType
from decentralml.learning.examples import write_tensors
from decentralml.learning.tensors import TensorWriter
from decentralml.swarm.merging.updates import PIECE, check, specs

SOUND = {"weight": np.ones((3, 2), np.float32), "bias": np.zeros(2), "batches": np.array(7)}
LIMIT = 1 << 20


def written(folder: Path, **changes: np.ndarray | None) -> Path:
    tensors = {**SOUND, **changes}
    path = folder / "update"
    write_tensors(path, {name: value for name, value in tensors.items() if value is not None})
    return path


@pytest.fixture
def agreed(tmp_path: Path) -> dict[str, TensorSpec]:
    return dict(specs(written(tmp_path)))


def test_a_sound_update_has_no_fault(tmp_path: Path, agreed: dict[str, TensorSpec]) -> None:
    assert agreed["weight"] == TensorSpec("F32", (3, 2))
    assert check(written(tmp_path), agreed, LIMIT) is None


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"weight": np.ones((2, 3), np.float32)}, "'weight' is F32[2, 3] and should be F32[3, 2]"),
        ({"weight": np.ones((3, 2))}, "'weight' is F64[3, 2] and should be F32[3, 2]"),
        ({"bias": None}, "'bias' is absent and should be F64[2]"),
        ({"extra": np.ones(1)}, "'extra' is F64[1] and should be absent"),
        ({"bias": None, "layer.bias": np.zeros(2)}, "'bias' is absent and should be F64[2]"),
    ],
)
def test_another_structure_is_told_by_its_first_difference(
    tmp_path: Path,
    agreed: dict[str, TensorSpec],
    changes: dict[str, np.ndarray | None],
    told: str,
) -> None:
    found = check(written(tmp_path, **changes), agreed, LIMIT)
    assert found == (Fault.STRUCTURE, f"tensor {told}")


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e200])
def test_one_number_that_cannot_be_computed_with_is_found_anywhere(
    tmp_path: Path, bad: float
) -> None:
    values = np.zeros(PIECE + 3)
    agreed = specs(written(tmp_path, long=values))
    values[-1] = bad
    found = check(written(tmp_path, long=values), agreed, 1 << 30)
    assert found == (Fault.NOT_FINITE, "tensor 'long' holds NaN or infinity")


def test_a_nan_in_bfloat16_is_found(tmp_path: Path) -> None:
    wanted = {"half": TensorSpec("BF16", (2,))}
    for word, fault in ((0x3F80, None), (0x7FC0, Fault.NOT_FINITE), (0xFF80, Fault.NOT_FINITE)):
        path = tmp_path / "update"
        with path.open("wb") as file:
            TensorWriter(file, wanted).write(np.array([0x3F80, word], "<u2"))
        found = check(path, wanted, LIMIT)
        assert (found and found[0]) == fault


def test_a_file_larger_than_agreed_is_not_even_opened(
    tmp_path: Path, agreed: dict[str, TensorSpec]
) -> None:
    path = written(tmp_path)
    size = path.stat().st_size
    assert check(path, agreed, size) is None
    assert check(path, agreed, size - 1) == (
        Fault.TOO_LARGE,
        f"it has {size} bytes, and {size - 1} were agreed on",
    )


def test_garbage_pickles_and_missing_files_are_damaged(
    tmp_path: Path, agreed: dict[str, TensorSpec]
) -> None:
    path = tmp_path / "update"
    whole = written(tmp_path).read_bytes()
    for data in (b"", b"\x80\x04\x95pickle", whole[:-1], whole + b"!", b"\xff" * 100):
        path.write_bytes(data)
        found = check(path, agreed, LIMIT)
        assert found is not None and found[0] is Fault.DAMAGED
    path.unlink()
    found = check(path, agreed, LIMIT)
    assert found == (Fault.DAMAGED, "No such file or directory")


def test_what_no_method_merges_is_refused_when_a_structure_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "model"
    with path.open("wb") as file:
        TensorWriter(file, {"w": TensorSpec("F8_E4M3", (2,))}).write(np.zeros(2, np.uint8))
    with pytest.raises(UnmergeableType):
        specs(path)
    with pytest.raises(DamagedTensors):
        specs(tmp_path / "gone")
