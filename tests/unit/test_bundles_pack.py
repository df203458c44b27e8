"""Packing tasks and results, and opening them again."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from bundle_fixtures import TENSORS, key, raw_safetensors, safetensors, write_output, write_task

from decentralml.bundles import signing
from decentralml.bundles.manifest import (
    ModelResult,
    ResultManifest,
    TaskManifest,
    TensorSpec,
    ValidationSet,
)
from decentralml.bundles.pack import (
    base_model_cid,
    find_result,
    open_result,
    open_task,
    pack_result,
    pack_task,
)
from decentralml.bundles.settings import read_settings
from decentralml.bundles.tensors import read_header
from decentralml.errors import (
    BundleError,
    BundleMismatch,
    DestinationExists,
    ManifestError,
    NotPlain,
    ObjectTooLarge,
    PathNotFound,
    ResultFolderInvalid,
    SignatureInvalid,
    UnsafePath,
)
from decentralml.storage.unixfs import cid_of
from decentralml.types import Cid, TaskId, TaskType

GENESIS = "0x" + "ab" * 32
SEALED = Cid("bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku")
SET = ValidationSet(SEALED, bytes(32))


def pack(folder: Path, out: Path) -> TaskManifest:
    return pack_task(folder, out, read_settings(folder))


def send(
    folder: Path, out: Path, task: TaskManifest, who: str = "Alice"
) -> tuple[ResultManifest, bytes]:
    return pack_result(
        folder,
        out,
        task=task,
        task_id=TaskId(7),
        genesis=GENESIS,
        base_model=SEALED,
        signer=key(who),
    )


@pytest.fixture
def task(tmp_path: Path) -> TaskManifest:
    return pack(write_task(tmp_path / "author"), tmp_path / "bundle")


@pytest.fixture
def result(tmp_path: Path, task: TaskManifest) -> Path:
    send(write_output(tmp_path / "output"), tmp_path / "result", task)
    return tmp_path / "result"


def test_a_folder_without_settings_gets_sensible_ones(tmp_path: Path, task: TaskManifest) -> None:
    assert task.name == "author"
    assert task.task_type is TaskType.MODEL_CONTRIBUTOR
    assert (task.run, task.setup, task.base_model) == ("start_task.sh", None, "model")
    assert isinstance(task.result, ModelResult)
    assert task.result.tensors == {
        name: TensorSpec(dtype, tuple(shape)) for name, (dtype, shape, _) in TENSORS.items()
    }
    assert task.evaluation is not None
    assert task.evaluation.predict == "predict.py"
    assert task.validator is None
    assert open_task(tmp_path / "bundle") == task


def test_packing_twice_gives_the_same_cid(tmp_path: Path) -> None:
    folder = write_task(tmp_path / "author", 'name = "Digits"\n')
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__/x.pyc").write_bytes(os.urandom(10))
    pack(folder, tmp_path / "a")
    pack(folder, tmp_path / "b")
    assert cid_of(tmp_path / "a") == cid_of(tmp_path / "b")
    assert sorted(p.name for p in (tmp_path / "a").iterdir()) == [
        "manifest.json",
        "model",
        "predict.py",
        "start_task.sh",
    ]


def test_the_base_models_cid_is_that_of_its_folder(tmp_path: Path, task: TaskManifest) -> None:
    assert base_model_cid(tmp_path / "bundle", task) == cid_of(tmp_path / "author/model")


def test_a_manifest_that_the_author_wrote_is_not_overwritten(tmp_path: Path) -> None:
    folder = write_task(tmp_path / "author")
    (folder / "manifest.json").write_text("{}")
    with pytest.raises(ManifestError, match="remove it"):
        pack(folder, tmp_path / "bundle")


def test_a_bundle_that_exists_is_not_overwritten(tmp_path: Path, task: TaskManifest) -> None:
    with pytest.raises(DestinationExists):
        pack(tmp_path / "author", tmp_path / "bundle")


def test_links_and_special_files_are_not_packed(tmp_path: Path) -> None:
    folder = write_task(tmp_path / "author")
    (folder / "secret").symlink_to("/etc/passwd")
    with pytest.raises(NotPlain, match="symbolic link"):
        pack(folder, tmp_path / "bundle")
    (folder / "secret").unlink()
    os.mkfifo(folder / "pipe")
    with pytest.raises(NotPlain, match="special file"):
        pack(folder, tmp_path / "bundle")


def test_a_script_behind_a_link_is_refused_on_opening(tmp_path: Path, task: TaskManifest) -> None:
    script = tmp_path / "bundle/start_task.sh"
    script.unlink()
    script.symlink_to("/bin/sh")
    with pytest.raises(NotPlain):
        open_task(tmp_path / "bundle")


def test_the_one_result_folder_is_found(tmp_path: Path) -> None:
    output = tmp_path / "output"
    output.mkdir()
    with pytest.raises(ResultFolderInvalid, match="is empty"):
        find_result(output)
    folder = write_output(output)
    (output / "log.txt").write_text("noise")
    assert find_result(output) == folder
    write_output(output, "another")
    with pytest.raises(ResultFolderInvalid, match="another"):
        find_result(output)


def test_a_signed_result_opens(tmp_path: Path, task: TaskManifest) -> None:
    folder = write_output(tmp_path / "output")
    (folder / "training.log").write_text("stays behind")
    manifest, digest = send(folder, tmp_path / "result", task)
    assert manifest.examples == 100
    assert manifest.metrics == {"accuracy": 0.5}
    assert manifest.contributor == key().address
    assert digest == signing.digest((tmp_path / "result/manifest.json").read_bytes())
    assert open_result(tmp_path / "result", digest) == manifest
    assert not (tmp_path / "result/training.log").exists()


def test_an_engineers_result_carries_its_code(tmp_path: Path) -> None:
    folder = write_task(tmp_path / "author", 'task_type = "ModelEngineer"')
    task = pack(folder, tmp_path / "bundle")
    assert isinstance(task.result, ModelResult)
    assert task.result.tensors is None
    output = write_output(tmp_path / "output")
    with pytest.raises(ResultFolderInvalid, match=r"model\.py"):
        send(output, tmp_path / "result", task)
    (output / "model.py").write_text("class Model: ...")
    manifest, _ = send(output, tmp_path / "result", task)
    assert sorted(manifest.files) == ["model.py", "model.safetensors", "structure.json"]


@pytest.mark.parametrize("name", ["model.safetensors", "structure.json", "result.json"])
def test_an_incomplete_output_is_not_sent(tmp_path: Path, task: TaskManifest, name: str) -> None:
    folder = write_output(tmp_path / "output")
    (folder / name).unlink()
    with pytest.raises(ResultFolderInvalid, match=name):
        send(folder, tmp_path / "result", task)
    assert not (tmp_path / "result").exists()


def test_an_output_that_is_too_large_is_not_sent(tmp_path: Path, task: TaskManifest) -> None:
    folder = write_output(tmp_path / "output")
    with (folder / "model.safetensors").open("ab") as stream:
        stream.truncate(task.result.max_bytes + 1)
    with pytest.raises(ResultFolderInvalid, match="bytes"):
        send(folder, tmp_path / "result", task)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        '{"examples": -1, "metrics": {}}',
        '{"examples": 1, "metrics": {"a": NaN}}',
        '{"examples": 1, "metrics": {"a": "high"}}',
        '{"examples": 1, "metrics": {}, "paid": true}',
    ],
)
def test_an_outcome_that_makes_no_sense_is_not_sent(
    tmp_path: Path, task: TaskManifest, text: str
) -> None:
    folder = write_output(tmp_path / "output")
    (folder / "result.json").write_text(text)
    with pytest.raises(ManifestError, match=r"result\.json"):
        send(folder, tmp_path / "result", task)


def test_a_link_in_the_output_is_not_sent(tmp_path: Path, task: TaskManifest) -> None:
    folder = write_output(tmp_path / "output")
    (folder / "structure.json").unlink()
    (folder / "structure.json").symlink_to("/etc/passwd")
    with pytest.raises(NotPlain):
        send(folder, tmp_path / "result", task)


def test_another_digest_than_the_chains_is_refused(result: Path) -> None:
    with pytest.raises(BundleMismatch, match=r"manifest\.json"):
        open_result(result, bytes(32))


def test_a_changed_manifest_breaks_the_signature(result: Path) -> None:
    file = result / "manifest.json"
    file.write_bytes(file.read_bytes().replace(b'"examples": 100', b'"examples": 999'))
    with pytest.raises(SignatureInvalid):
        open_result(result)


@pytest.mark.parametrize("name", ["model.safetensors", "structure.json"])
def test_a_changed_file_is_refused(result: Path, name: str) -> None:
    data = bytearray((result / name).read_bytes())
    data[-1] ^= 1
    (result / name).write_bytes(data)
    with pytest.raises(BundleMismatch, match=name):
        open_result(result)
    (result / name).write_bytes(data + b"x")
    with pytest.raises(BundleMismatch, match="bytes"):
        open_result(result)
    (result / name).unlink()
    with pytest.raises(ManifestError, match="missing"):
        open_result(result)


def test_a_file_that_is_not_listed_is_refused(result: Path) -> None:
    for name in ("extra.pkl", "task.toml", "__pycache__/model.cpython-311.pyc", ".git/config"):
        (result / name).parent.mkdir(exist_ok=True)
        (result / name).write_bytes(b"x")
        with pytest.raises(ManifestError, match=name):
            open_result(result)
        (result / name).unlink()
    open_result(result)


def test_folders_that_are_not_there_are_named(tmp_path: Path, task: TaskManifest) -> None:
    with pytest.raises(PathNotFound):
        pack(tmp_path / "nowhere", tmp_path / "bundle2")
    with pytest.raises(PathNotFound):
        find_result(tmp_path / "nowhere")
    with pytest.raises(ResultFolderInvalid):
        send(tmp_path / "nowhere", tmp_path / "result2", task)


def test_a_bundle_that_nobody_would_fetch_is_not_packed(tmp_path: Path) -> None:
    folder = write_task(tmp_path / "author")
    with (folder / "huge").open("wb") as stream:
        stream.truncate(17 << 30)  # sparse: takes no space here
    with pytest.raises(ObjectTooLarge):
        pack(folder, tmp_path / "bundle")


def test_a_result_signed_by_somebody_else_is_refused(
    tmp_path: Path, task: TaskManifest, result: Path
) -> None:
    send(tmp_path / "output/digits_alice", tmp_path / "bobs", task, "Bob")
    (result / "signature.json").write_bytes((tmp_path / "bobs/signature.json").read_bytes())
    with pytest.raises(SignatureInvalid, match="not by"):
        open_result(result)
    document = json.loads((result / "signature.json").read_text())
    document["signer"] = key("Alice").address
    (result / "signature.json").write_text(json.dumps(document))
    with pytest.raises(SignatureInvalid, match="not 5Grwva"):
        open_result(result)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        '{"scheme": "none", "signer": "x", "signature": "0x"}',
        '{"scheme": "sr25519", "signer": "x", "signature": "0x' + "00" * 64 + '"}',
        '{"scheme": "sr25519", "signer": "x", "signature": "0x' + "00" * 63 + '"}',
    ],
)
def test_a_malformed_signature_is_refused(result: Path, text: str) -> None:
    (result / "signature.json").write_text(text)
    with pytest.raises(BundleError):
        open_result(result)


def test_a_signature_means_nothing_without_its_domain() -> None:
    data = b"{}"
    bare = key().sign(signing.digest(data))
    document = {"scheme": "sr25519", "signer": key().address, "signature": "0x" + bare.hex()}
    with pytest.raises(SignatureInvalid):
        signing.check(data, json.dumps(document).encode(), key().address)


def test_an_empty_folder_is_no_result(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"manifest\.json"):
        open_result(tmp_path)
    with pytest.raises(ManifestError, match=r"manifest\.json"):
        open_task(tmp_path)


def header(name: str = "a", **changes: object) -> dict[str, object]:
    return {name: {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]} | changes}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00cposix\nsystem\n.",
        b"PK\x03\x04" + bytes(100),
        b"\xff" * 8,
        (100).to_bytes(8, "little") + b"{}",
        raw_safetensors([], b""),
        raw_safetensors(header(), bytes(7)),
        raw_safetensors(header(), bytes(9)),
        raw_safetensors(header(shape=[3]), bytes(8)),
        raw_safetensors(header(shape=[-2]), bytes(8)),
        raw_safetensors(header(shape=[2.0]), bytes(8)),
        raw_safetensors(header(dtype="F31"), bytes(8)),
        raw_safetensors(header(data_offsets=[8, 0]), bytes(8)),
        raw_safetensors(header(data_offsets=[0, 8, 8]), bytes(8)),
        raw_safetensors(header(surprise=1), bytes(8)),
        raw_safetensors(header("a") | header("b"), bytes(8)),  # both in the same place
        raw_safetensors(header(data_offsets=[1, 9]), bytes(9)),  # a gap
        raw_safetensors(header("\0"), bytes(8)),
        raw_safetensors({"__metadata__": "x"}, b""),
    ],
)
def test_what_is_no_sound_safetensors_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "model.safetensors").write_bytes(data)
    with pytest.raises(BundleError) as caught:
        read_header(tmp_path / "model.safetensors")
    assert "\n" not in str(caught.value)


def test_a_sound_header_is_read(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(safetensors())
    assert read_header(tmp_path / "model.safetensors")["weight"] == TensorSpec("F32", (3, 4))


def test_a_name_that_leaves_the_folder_is_refused(tmp_path: Path) -> None:
    folder = write_task(tmp_path / "author")
    (folder / "bad\nname").write_text("")
    with pytest.raises(UnsafePath):
        pack(folder, tmp_path / "bundle")
