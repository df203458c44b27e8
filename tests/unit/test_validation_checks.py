"""Is a result what the task asked for?"""

from __future__ import annotations

import io
import json
import pickle
import struct
import tracemalloc
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save

from decentralml.bundles.manifest import (
    DTYPES,
    LabelsResult,
    ModelResult,
    TaskManifest,
    TensorSpec,
)
from decentralml.errors import LabelsRefused, ModelRefused
from decentralml.types import AnnotationType, ModelType, TaskType, ValidationStrategy
from decentralml.validation.checks import (
    PIECE,
    check_files,
    check_model,
    check_result,
    read_labels,
    same_tensors,
)

WANTED = ModelResult(
    {"weight": TensorSpec("F32", (3, 2)), "bias": TensorSpec("F32", (3,))}, max_bytes=1 << 20
)
FREE = ModelResult(None, max_bytes=1 << 30)
TASK = TaskManifest(
    name="digits",
    task_type=TaskType.MODEL_CONTRIBUTOR,
    strategy=ValidationStrategy.AUTO_ACCEPT,
    model_type=ModelType.VISION,
    run="start_task.sh",
    setup=None,
    base_model="model",
    result=WANTED,
    evaluation=None,
    validator=None,
    validation_set=None,
)


def tensors(**changes: Any) -> dict[str, Any]:
    sound = {"weight": np.ones((3, 2), "f4"), "bias": np.zeros(3, "f4"), **changes}
    return {name: value for name, value in sound.items() if value is not None}


def raw(header: object, data: bytes, length: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def entry(dtype: str, shape: list[int], begin: int, end: int) -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def written(folder: Path, content: bytes) -> Path:
    file = folder / "model.safetensors"
    file.write_bytes(content)
    return file


def test_a_sound_model_passes(tmp_path: Path) -> None:
    check_model(written(tmp_path, save(tensors())), WANTED)
    check_model(written(tmp_path, save(tensors())), FREE)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"bias": None}, "tensor bias is missing"),
        ({"bias": None, "weight": None, "x": np.ones(1)}, r"bias is missing \(and 1 more\)"),
        ({"extra": np.ones(1, "f4")}, "tensor extra is not one of the task's"),
        ({"weight": np.ones((2, 3), "f4")}, r"weight is F32 \[2, 3\], not F32 \[3, 2\]"),
        ({"weight": np.ones((3, 2), "f8")}, "weight is F64"),
        ({"bias": np.array([0, np.nan, 0], "f4")}, "bias holds NaN or infinite"),
        ({"weight": np.full((3, 2), -np.inf, "f4")}, "weight holds NaN or infinite"),
    ],
)
def test_a_model_with_other_tensors_is_refused(
    tmp_path: Path, changes: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(ModelRefused, match=complaint):
        check_model(written(tmp_path, save(tensors(**changes))), WANTED)


def archive() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as file:
        file.writestr("model/data.pkl", pickle.dumps({"weight": 1}))
    return stream.getvalue()


F32 = entry("F32", [2], 0, 8)
MALFORMED = {
    "empty": b"",
    "short": b"\x08\x00",
    "pickle": pickle.dumps({"weight": [1.0] * 1000}),
    "old pickle": pickle.dumps([1] * 100, protocol=0),
    "zip": archive(),
    "gzip": b"\x1f\x8b" + bytes(100),
    "header longer than the file": raw({"a": F32}, bytes(8), length=1 << 40),
    "huge header": raw({"a": F32}, bytes(8), length=1 << 63),
    "no JSON": raw(b"{not json}", b""),
    "list": raw([], b""),
    "repeated name": raw(
        b'{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},'
        b'"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}',
        bytes(8),
    ),
    "overlap": raw({"a": F32, "b": F32}, bytes(8)),
    "gap": raw({"a": F32, "b": entry("F32", [2], 12, 20)}, bytes(20)),
    "trailing bytes": raw({"a": F32}, bytes(9)),
    "truncated": raw({"a": F32}, bytes(7)),
    "offsets reversed": raw({"a": entry("F32", [2], 8, 0)}, bytes(8)),
    "offsets negative": raw({"a": entry("F32", [2], -8, 0)}, bytes(8)),
    "offsets unlike the shape": raw({"a": entry("F32", [3], 0, 8)}, bytes(8)),
    "negative dimension": raw({"a": entry("F32", [-2], 0, 8)}, bytes(8)),
    "product overflows": raw({"a": entry("F32", [2**33, 2**33], 0, 8)}, bytes(8)),
    "unknown type": raw({"a": entry("C64", [1], 0, 8)}, bytes(8)),
    "unknown field": raw({"a": {**F32, "code": "x"}}, bytes(8)),
    "no tensors": raw({}, b""),
    "deep": raw(b'{"a":' + b"[" * 100_000, b""),
    "too many tensors": raw({f"t{i}": entry("U8", [0], 0, 0) for i in range(20_001)}, b""),
}


@pytest.mark.parametrize("content", MALFORMED.values(), ids=MALFORMED)
def test_what_is_no_sound_safetensors_file_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(ModelRefused) as caught:
        check_model(written(tmp_path, content), FREE)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(("name", "said"), [("pickle", "pickle"), ("zip", "zip archive")])
def test_a_disguise_is_named(tmp_path: Path, name: str, said: str) -> None:
    with pytest.raises(ModelRefused, match=said):
        check_model(written(tmp_path, MALFORMED[name]), FREE)


def test_a_header_whose_length_looks_like_a_pickle_is_none(tmp_path: Path) -> None:
    # 0x0280 bytes of header: the file begins like a pickle of protocol 2.
    text = json.dumps({"a": F32}).encode().ljust(0x0280)
    check_model(written(tmp_path, raw(text, bytes(8))), FREE)


@pytest.mark.parametrize(
    ("dtype", "good", "bad"),
    [
        ("F16", "0000 ff7b fffb", ["007c", "007e", "00fc"]),
        ("BF16", "0000 7f7f", ["807f", "c07f", "80ff"]),
        ("F32", "00000000 ffff7f7f", ["0000807f", "0000c07f"]),
        ("F64", "0000000000000000", ["000000000000f07f", "000000000000f8ff"]),
        ("F8_E4M3", "00 7e fe", ["7f", "ff"]),
        ("F8_E5M2", "00 7b fb", ["7c", "7f", "fc"]),
        ("I32", "ffffffff", []),
        ("U64", "ffffffffffffffff", []),
        ("BOOL", "00 01", ["02", "ff"]),
    ],
)
def test_finiteness_of_every_type(tmp_path: Path, dtype: str, good: str, bad: list[str]) -> None:
    def file(data: bytes) -> Path:
        count = len(data) // DTYPES[dtype]
        return written(tmp_path, raw({"t": entry(dtype, [count], 0, len(data))}, data))

    check_model(file(bytes.fromhex(good)), FREE)
    for number in bad:
        with pytest.raises(ModelRefused, match="tensor t holds"):
            check_model(file(bytes.fromhex(good) + bytes.fromhex(number)), FREE)


def test_the_last_number_of_a_large_tensor_is_looked_at(tmp_path: Path) -> None:
    values = np.zeros(2 * PIECE + 3, "f4")
    values[-1] = np.nan
    with pytest.raises(ModelRefused, match="NaN"):
        check_model(written(tmp_path, save({"t": values})), FREE)


def test_memory_stays_flat(tmp_path: Path) -> None:
    file = written(tmp_path, save({"t": np.zeros(32 * PIECE, "f4")}))
    check_model(file, FREE)
    tracemalloc.start()
    try:
        check_model(file, FREE)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4 * 4 * PIECE < file.stat().st_size / 4


def result(folder: Path, content: bytes | None = None, structure: object = None) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    written(folder, save(tensors()) if content is None else content)
    document = {"class": "Linear", "arguments": {}} if structure is None else structure
    (folder / "structure.json").write_text(json.dumps(document))
    return folder


def test_a_result_with_all_its_files_passes(tmp_path: Path) -> None:
    folder, bundle = result(tmp_path / "result"), tmp_path / "bundle"
    result(bundle / "model")
    (folder / "result.json").write_text("{}")
    check_files(folder, TASK)
    check_result(folder, TASK, bundle)


def test_a_result_of_another_structure_is_refused(tmp_path: Path) -> None:
    folder, bundle = result(tmp_path / "result", structure={"class": "Evil"}), tmp_path / "bundle"
    result(bundle / "model")
    with pytest.raises(ModelRefused, match="structure of the base model"):
        check_result(folder, TASK, bundle)


def test_missing_linked_and_heavy_files_are_refused(tmp_path: Path) -> None:
    folder = result(tmp_path / "result")
    with pytest.raises(ModelRefused, match="bytes, where the task takes 50"):
        check_files(folder, replace(TASK, result=ModelResult(WANTED.tensors, 50)))
    (folder / "structure.json").rename(tmp_path / "elsewhere")
    with pytest.raises(ModelRefused, match=r"structure\.json: it is missing"):
        check_files(folder, TASK)
    (folder / "structure.json").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ModelRefused, match="not a plain file"):
        check_files(folder, TASK)


def test_structure_must_be_json(tmp_path: Path) -> None:
    folder = result(tmp_path / "result")
    (folder / "structure.json").write_bytes(pickle.dumps({}))
    with pytest.raises(ModelRefused, match=r"structure\.json"):
        check_files(folder, TASK)


def test_same_tensors_are_the_same_in_any_order_and_others_are_not(tmp_path: Path) -> None:
    first = tmp_path / "first"
    first.write_bytes(save(tensors()))
    header = {"weight": entry("F32", [3, 2], 12, 36), "bias": entry("F32", [3], 0, 12)}
    second = written(tmp_path, raw(header, bytes(12) + np.ones(6, "f4").tobytes()))
    assert same_tensors(first, second)
    second.write_bytes(save(tensors(bias=np.array([0, 0, 1e-30], "f4"))))
    assert not same_tensors(first, second)
    second.write_bytes(save(tensors(bias=np.zeros(3, "f8"))))
    assert not same_tensors(first, second)


SCHEMA = LabelsResult(AnnotationType.IMAGE, ("cat", "dog"), items=2, max_bytes=1000)


def labels(folder: Path, document: object) -> Path:
    file = folder / "labels.json"
    file.write_text(document if isinstance(document, str) else json.dumps(document))
    return file


def test_labels_of_the_schema_pass(tmp_path: Path) -> None:
    good = {"1.png": "cat", "2.png": "dog"}
    assert read_labels(labels(tmp_path, good), SCHEMA) == good
    free = replace(SCHEMA, classes=None, items=None)
    assert read_labels(labels(tmp_path, {"a": "any text"}), free) == {"a": "any text"}


@pytest.mark.parametrize(
    ("document", "complaint"),
    [
        ({"1": "cat"}, "1 items are labelled, where the task has 2"),
        ({"1": "cat", "2": "cow"}, "'2' is labelled 'cow', which is not a class"),
        ({"1": "cat", "2": 7}, "no text"),
        ({"1": "cat", "2": ""}, "no text"),
        ({}, "labels nothing"),
        (["cat", "dog"], "not a JSON object"),
        ('{"1": "cat", "1": "dog"}', "occurs twice"),
        ("no json", "not valid JSON"),
        ('{"1": NaN}', "JSON"),
        ("[" * 100_000, "larger than"),
        ({"1": "cat", "2": "x" * 2000}, "larger than 1000 bytes"),
    ],
)
def test_labels_against_the_schema_are_refused(
    tmp_path: Path, document: object, complaint: str
) -> None:
    with pytest.raises(LabelsRefused, match=complaint):
        read_labels(labels(tmp_path, document), SCHEMA)
