"""Manifests: what is written is read alike; everything else is refused in one line."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from decentralml.bundles.manifest import (
    Evaluation,
    FileEntry,
    LabelsResult,
    ModelResult,
    ResultManifest,
    TaskManifest,
    TensorSpec,
    ValidationSet,
    Validator,
    parse_result,
    parse_task,
)
from decentralml.errors import BundleError, ManifestError, UnsafePath
from decentralml.types import (
    Address,
    AnnotationType,
    Cid,
    ModelType,
    TaskId,
    TaskType,
    ValidationStrategy,
)

CID = Cid("bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku")
TASK = TaskManifest(
    name="Digits",
    task_type=TaskType.MODEL_CONTRIBUTOR,
    strategy=ValidationStrategy.CUSTOM_ACCEPT,
    model_type=ModelType.VISION,
    run="start_task.sh",
    setup="setup.sh",
    base_model="model",
    result=ModelResult({"weight": TensorSpec("F32", (3, 4)), "n": TensorSpec("I64", ())}, 1000),
    evaluation=Evaluation("predict.py", "accuracy", 900_000, 10_000, 300),
    validator=Validator("validator.py", 60),
    validation_set=ValidationSet(CID, bytes(range(32))),
)
ANNOTATION = TaskManifest(
    name="Cats",
    task_type=TaskType.DATA_ANNOTATORS,
    strategy=ValidationStrategy.AUTO_ACCEPT,
    model_type=ModelType.VISION,
    run="start_task.sh",
    setup=None,
    base_model=None,
    result=LabelsResult(AnnotationType.IMAGE, ("cat", "dog"), 100, 1000),
    evaluation=None,
    validator=None,
    validation_set=None,
)
RESULT = ResultManifest(
    genesis="0x" + "ab" * 32,
    task=TaskId(7),
    contributor=Address("5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"),
    model_type=ModelType.VISION,
    base_model=CID,
    examples=100,
    metrics={"accuracy": 0.5, "loss": 2},
    files={"model.safetensors": FileEntry("00" * 32, 5), "structure.json": FileEntry("11" * 32, 6)},
)


@pytest.mark.parametrize("manifest", [TASK, ANNOTATION])
def test_a_task_is_read_as_it_was_written(manifest: TaskManifest) -> None:
    assert parse_task(manifest.to_json()) == manifest
    assert parse_task(manifest.to_json()).to_json() == manifest.to_json()


def test_a_result_is_read_as_it_was_written() -> None:
    assert parse_result(RESULT.to_json()) == RESULT
    assert parse_result(RESULT.to_json()).to_json() == RESULT.to_json()


def test_manifests_of_version_1_are_read() -> None:
    older = json.loads(TASK.to_json())
    del older["replay"], older["validation_set"]["key_digest"]
    task = parse_task(json.dumps(older).encode())
    assert task.replay is None
    assert task.validation_set == ValidationSet(CID, None)
    result = json.loads(RESULT.to_json())
    del result["trace"]
    assert parse_result(json.dumps(result).encode()) == RESULT


def every_field(document: Any, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Paths to all fields of a document, at any depth."""
    paths = []
    for name, value in document.items():
        paths.append((*path, name))
        if isinstance(value, dict):
            paths += every_field(value, (*path, name))
    return paths


def changed(
    data: bytes, path: tuple[str, ...], change: Callable[[dict[str, Any], str], None]
) -> bytes:
    document = copy.deepcopy(json.loads(data))
    inner = document
    for name in path[:-1]:
        inner = inner[name]
    change(inner, path[-1])
    return json.dumps(document).encode()


def drop(inner: dict[str, Any], name: str) -> None:
    del inner[name]


FREE = {("result", "tensors"), ("metrics",), ("files",)}
"""Objects whose names their author chooses, so that one fewer is no fault."""
NEWER = {("replay",), ("trace",), ("validation_set", "key_digest")}
"""What manifests of version 1 do not have; their tasks go on."""


@pytest.mark.parametrize(
    ("parse", "data"),
    [
        (parse_task, TASK.to_json()),
        (parse_task, ANNOTATION.to_json()),
        (parse_result, RESULT.to_json()),
    ],
)
def test_every_field_is_needed_typed_and_known(
    parse: Callable[[bytes], object], data: bytes
) -> None:
    for path in every_field(json.loads(data)):
        if path[:-1] not in FREE and path not in NEWER:
            with pytest.raises(ManifestError, match=path[-1]):
                parse(changed(data, path, drop))
        for wrong in ([None], {"a": {}}, True, -(10**30), 1.5, float("nan"), "\0"):
            if path[:-1] == ("metrics",) and wrong in (-(10**30), 1.5):
                continue  # any finite number is a metric
            with pytest.raises(BundleError):
                parse(changed(data, path, lambda d, n, wrong=wrong: d.update({n: wrong})))  # type: ignore[misc]
        if path[:-1] not in FREE:
            with pytest.raises(BundleError, match="unknown field"):
                parse(changed(data, path, lambda d, n: d.update({"surprise": 1})))


@pytest.mark.parametrize("field", ["run", "setup", "base_model"])
@pytest.mark.parametrize(
    "path", ["../x", "/etc/passwd", "a/../../x", "a//b", "./a", "a/", "..", "a/./b", "~/../x"]
)
def test_paths_that_leave_the_bundle_are_refused(field: str, path: str) -> None:
    if path == "~/../x":
        assert ".." in path
    with pytest.raises(UnsafePath):
        parse_task(changed(TASK.to_json(), (field,), lambda d, n: d.update({n: path})))


@pytest.mark.parametrize("path", ["../x", "/x", "manifest.json", "signature.json", "a\\..\0"])
def test_a_results_files_stay_inside_and_do_not_list_the_manifest(path: str) -> None:
    entry = {"sha256": "00" * 32, "bytes": 1}
    with pytest.raises(BundleError):
        parse_result(changed(RESULT.to_json(), ("files",), lambda d, n: d[n].update({path: entry})))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[]",
        b"{",
        b"\xff\xfe",
        b'{"a": 1, "a": 2}',
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b'{"a": ' + b"[" * 100_000,
        b'{"a": ' + b"9" * 100_000 + b"}",
        b" " * (5 << 20),
        b"\x80\x04\x95pickle",
    ],
)
def test_what_is_no_json_object_is_refused_in_one_line(data: bytes) -> None:
    for parse in (parse_task, parse_result):
        with pytest.raises(ManifestError) as caught:
            parse(data)
        assert "\n" not in str(caught.value)
        assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("format",), "decentralml/task@2", "task@1"),
        (("task_type",), "ModelThief", "ModelContributor"),
        (("result", "kind"), "pickle", "labels"),
        (("result", "tensors"), {}, "1 to"),
        (("result", "tensors"), None, "needs the result's tensors"),
        (("result", "tensors", "weight", "dtype"), "F31", "F31"),
        (("result", "tensors", "weight", "shape"), [3, -1], "integers"),
        (("result", "tensors", "weight", "shape"), [1] * 17, "at most 16"),
        (("base_model",), None, "base_model"),
        (("validator",), None, "CustomAccept"),
        (("strategy",), "AutoAccept", "CustomAccept"),
        (("task_type",), "DataAnnotators", "labels"),
        (("validation_set", "cid"), "Qm", "CID"),
        (("validation_set", "key_digest"), "0x12", "64 hexadecimal digits"),
        (("evaluation", "minimum_score"), 1_000_001, "1000000"),
        (("evaluation", "time_limit"), 0, "from 1"),
        (("name",), "two\nlines", "printable"),
        (("name",), "x" * 129, "128"),
    ],
)
def test_a_value_that_makes_no_sense_is_named(
    path: tuple[str, ...], value: object, said: str
) -> None:
    with pytest.raises(ManifestError, match=said):
        parse_task(changed(TASK.to_json(), path, lambda d, n: d.update({n: value})))


def test_too_many_tensors_metrics_and_files_are_refused() -> None:
    spec = {"dtype": "F32", "shape": [1]}
    with pytest.raises(ManifestError, match="tensors"):
        parse_task(
            changed(
                TASK.to_json(),
                ("result", "tensors"),
                lambda d, n: d.update({n: {str(i): spec for i in range(20_001)}}),
            )
        )
    with pytest.raises(ManifestError, match="metrics"):
        parse_result(
            changed(
                RESULT.to_json(),
                ("metrics",),
                lambda d, n: d.update({n: {str(i): 1.0 for i in range(65)}}),
            )
        )
    entry = {"sha256": "00" * 32, "bytes": 1}
    with pytest.raises(ManifestError, match="files"):
        parse_result(
            changed(
                RESULT.to_json(),
                ("files",),
                lambda d, n: d.update({n: {str(i): entry for i in range(17)}}),
            )
        )
