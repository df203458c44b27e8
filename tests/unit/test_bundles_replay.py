"""What a task pins of its training and what a result commits to, as manifests have it."""

from __future__ import annotations

import hashlib
import json
import platform
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from bundle_fixtures import key, write_output, write_task

from decentralml.bundles import merkle
from decentralml.bundles.manifest import MANIFEST_FILE, TaskManifest, canonical_json, parse_task
from decentralml.bundles.pack import open_result, pack_result, pack_task
from decentralml.bundles.replay import (
    Environment,
    Optimizer,
    Recipe,
    check_trace,
    checkpoint_file,
    trace_of,
)
from decentralml.bundles.settings import read_settings
from decentralml.bundles.signing import sign
from decentralml.errors import (
    EnvironmentMismatch,
    ManifestError,
    ResultFolderInvalid,
    TraceMismatch,
    UnsafePath,
)
from decentralml.types import TaskId, Trace

GENESIS = "0x" + "00" * 32
REPLAY = """
[replay]
data = "data"
optimizer = "adam"
learning_rate = 0.01
batch_size = 4
steps = 20
interval = 5
"""
DIGESTS = {checkpoint_file(n): hashlib.sha256(bytes([n])).hexdigest() for n in range(5)}


def bundle(folder: Path, settings: str = REPLAY) -> tuple[Path, TaskManifest]:
    source = write_task(folder / "source", settings)
    (source / "data").mkdir()
    for name in ("inputs", "labels"):
        (source / "data" / f"{name}.safetensors").write_bytes(b"examples")
    return folder / "bundle", pack_task(source, folder / "bundle", read_settings(source))


def result(folder: Path, task: TaskManifest, checkpoints: int = 5) -> Path:
    output = write_output(folder / "out")
    (output / "checkpoints").mkdir()
    for number in range(checkpoints):
        (output / checkpoint_file(number)).write_bytes(bytes([number]))
    pack_result(
        output,
        folder / "result",
        task=task,
        task_id=TaskId(1),
        genesis=GENESIS,
        base_model=None,
        signer=key(),
    )
    return folder / "result"


def test_a_recipe_is_read_as_it_was_written(tmp_path: Path) -> None:
    _, manifest = bundle(tmp_path)
    assert parse_task(manifest.to_json()) == manifest
    recipe = manifest.replay
    assert recipe == Recipe(
        "data", Optimizer.ADAM, 0.01, 4, 20, 5, 0, 1000, 300, Environment.here()
    )
    assert (recipe.segments, recipe.checkpoints, recipe.tolerance) == (4, 5, 0.001)


def test_a_task_without_the_table_is_not_replayed(tmp_path: Path) -> None:
    source = write_task(tmp_path / "source")
    assert pack_task(source, tmp_path / "bundle", read_settings(source)).replay is None


def test_the_environment_is_this_machines_but_for_what_the_author_says(tmp_path: Path) -> None:
    _, manifest = bundle(tmp_path, REPLAY + '[replay.environment]\ntorch = "1.2.3"\n')
    assert manifest.replay is not None
    pinned = manifest.replay.environment
    assert pinned == replace(Environment.here(), torch="1.2.3")
    assert pinned.machine == platform.machine()
    assert "+" not in Environment.here().torch


@pytest.mark.parametrize("field", ["python", "torch", "numpy", "machine"])
def test_an_environment_that_does_not_match_is_named(field: str) -> None:
    here = Environment.here()
    here.check(here)
    with pytest.raises(EnvironmentMismatch, match=rf"pinned to {field} 0\.0.*install {field} 0\.0"):
        replace(here, **{field: "0.0"}).check(here)


WRONG = [
    ("steps = 20", "steps = 21", "no multiple of interval"),
    ("steps = 20", "steps = 0", "steps must be an integer from 1"),
    ("interval = 5", "interval = 101", "interval must be an integer from 1 to 100"),
    ("learning_rate = 0.01", "learning_rate = 0", "above zero"),
    ("learning_rate = 0.01", "learning_rate = nan", "above zero"),
    ('"adam"', '"lion"', "optimizer must be one of sgd, momentum, adam"),
    ("batch_size = 4", "batch_size = 0", "batch_size"),
    ("steps = 20\ninterval = 5", "steps = 5000\ninterval = 1", "4096 are the most"),
    ("batch_size = 4", "batch_size = 4\ntolerance = 0.5", "up to 0.1"),
    ("batch_size = 4", "batch_size = 4\nepochs = 1", "unknown field 'replay.epochs'"),
    ('data = "data"\n', "", "replay.data is missing"),
    ('data = "data"', 'data = "elsewhere"', "elsewhere/inputs.safetensors is missing"),
    ("[replay]", 'task_type = "ModelEngineer"\n[replay]', "belongs to ModelContributor"),
]


@pytest.mark.parametrize(("old", "new", "said"), WRONG, ids=[said for _, _, said in WRONG])
def test_a_recipe_that_makes_no_sense_is_refused(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    assert old in REPLAY
    with pytest.raises(ManifestError, match=said):
        bundle(tmp_path, REPLAY.replace(old, new))


def test_data_outside_the_bundle_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnsafePath):
        bundle(tmp_path, REPLAY.replace('"data"', '"../data"'))


def changed(manifest: TaskManifest, **fields: Any) -> bytes:
    document = json.loads(manifest.to_json())
    document["replay"] |= fields
    return canonical_json(document)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"steps": 22}, "no multiple"),
        ({"seed": -1}, "seed"),
        ({"tolerance_ppm": 0}, "tolerance_ppm"),
        ({"environment": {"python": "3.11"}}, "environment.torch is missing"),
        ({"warmup": 3}, "unknown field 'replay.warmup'"),
    ],
)
def test_a_manifest_with_another_recipe_is_read_as_strictly(
    tmp_path: Path, fields: dict[str, Any], said: str
) -> None:
    _, manifest = bundle(tmp_path)
    with pytest.raises(ManifestError, match=said):
        parse_task(changed(manifest, **fields))


def test_a_result_carries_its_checkpoints_and_their_root(tmp_path: Path) -> None:
    _, task = bundle(tmp_path)
    opened = open_result(result(tmp_path, task))
    assert opened.trace == trace_of(DIGESTS)
    assert opened.trace is not None
    leaves = [bytes.fromhex(digest) for digest in DIGESTS.values()]
    assert opened.trace == Trace(merkle.root(leaves), 5)
    merkle.verify(opened.trace.root, leaves[3], 3, 5, merkle.proof(leaves, 3))


def test_a_result_may_weigh_what_its_checkpoints_do(tmp_path: Path) -> None:
    _, task = bundle(tmp_path)
    _, plain = bundle(tmp_path / "plain", "")
    assert task.replay is not None
    model = (tmp_path / "source/model/model.safetensors").stat().st_size
    assert task.result.max_bytes - plain.result.max_bytes == 5 * (3 * model + (1 << 16))


def test_a_run_with_too_few_checkpoints_is_not_packed(tmp_path: Path) -> None:
    _, task = bundle(tmp_path)
    with pytest.raises(ResultFolderInvalid, match=r"000004\.safetensors is missing"):
        result(tmp_path, task, checkpoints=4)


def resigned(folder: Path, **fields: Any) -> Path:
    document = json.loads((folder / MANIFEST_FILE).read_bytes()) | fields
    data = canonical_json(document)
    (folder / MANIFEST_FILE).write_bytes(data)
    (folder / "signature.json").write_bytes(sign(data, key()))
    return folder


@pytest.mark.parametrize(
    ("trace", "said"),
    [
        (None, "has checkpoints: 5, where none was promised"),
        ({"root": "0x" + "11" * 32, "checkpoints": 5}, "has the root"),
        ({"root": "0x" + "11" * 32, "checkpoints": 9}, r"5 checkpoints \(depth 3\), where 9"),
    ],
)
def test_a_trace_that_is_not_the_checkpoints_is_refused(
    tmp_path: Path, trace: Any, said: str
) -> None:
    _, task = bundle(tmp_path)
    with pytest.raises(TraceMismatch, match=said):
        open_result(resigned(result(tmp_path, task), trace=trace))


def test_a_trace_without_checkpoints_is_refused() -> None:
    with pytest.raises(TraceMismatch, match="none, where 5"):
        check_trace(None, trace_of(DIGESTS))
    check_trace(None, None)


def test_a_gap_between_checkpoints_is_named() -> None:
    with pytest.raises(TraceMismatch, match=r"000002\.safetensors"):
        trace_of({name: d for name, d in DIGESTS.items() if "2" not in name})
    assert trace_of({"model.safetensors": "00" * 32}) is None
