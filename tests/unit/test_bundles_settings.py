"""What a task's author says in task.toml, and what options say besides."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from bundle_fixtures import write_task

from decentralml.bundles.manifest import (
    Evaluation,
    LabelsResult,
    TaskManifest,
    ValidationSet,
)
from decentralml.bundles.pack import (
    open_task,
    pack_task,
)
from decentralml.bundles.settings import read_settings
from decentralml.errors import (
    BundleError,
    ManifestError,
)
from decentralml.types import Cid, TaskType, ValidationStrategy

GENESIS = "0x" + "ab" * 32
SEALED = Cid("bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku")
SET = ValidationSet(SEALED, bytes(32))


def pack(folder: Path, out: Path) -> TaskManifest:
    return pack_task(folder, out, read_settings(folder))


def test_settings_and_options_go_over_defaults(tmp_path: Path) -> None:
    folder = write_task(
        tmp_path / "author",
        """
        name = "Digits"
        strategy = "ManualAccept"
        [result]
        max_bytes = 5000
        [evaluation]
        minimum_score = 0.9
        time_limit = 30
        """,
    )
    settings = read_settings(folder, strategy=ValidationStrategy.AUTO_ACCEPT, minimum_gain=10_000)
    manifest = pack_task(folder, tmp_path / "bundle", settings, validation_set=SET)
    assert manifest.name == "Digits"
    assert manifest.strategy is ValidationStrategy.AUTO_ACCEPT
    assert manifest.result.max_bytes == 5000
    assert manifest.evaluation is not None
    assert manifest.evaluation.minimum_score == 900_000
    assert manifest.evaluation.minimum_gain == 10_000
    assert manifest.evaluation.time_limit == 30
    assert manifest.validation_set == SET


def test_an_annotation_task_asks_for_labels(tmp_path: Path) -> None:
    folder = tmp_path / "author"
    folder.mkdir()
    (folder / "start_task.sh").write_text("echo\n")
    (folder / "task.toml").write_text(
        'task_type = "DataAnnotators"\n[labels]\nannotation = "Text"\nclasses = ["a", "b"]\n'
    )
    manifest = pack(folder, tmp_path / "bundle")
    assert isinstance(manifest.result, LabelsResult)
    assert manifest.result.classes == ("a", "b")


def test_a_validator_serves_custom_accept_only(tmp_path: Path) -> None:
    folder = write_task(tmp_path / "author")
    (folder / "validator.py").write_text("")
    assert pack(folder, tmp_path / "a").validator is None
    settings = read_settings(folder, strategy=ValidationStrategy.CUSTOM_ACCEPT)
    manifest = pack_task(folder, tmp_path / "b", settings)
    assert manifest.validator is not None
    assert manifest.validator.run == "validator.py"
    (folder / "validator.py").unlink()
    settings = read_settings(folder, strategy=ValidationStrategy.CUSTOM_ACCEPT)
    with pytest.raises(ManifestError, match="validator"):
        pack_task(folder, tmp_path / "c", settings)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ("nmae = 'x'", "unknown field 'nmae'"),
        ("name = 3", "name must be"),
        ("[evaluation]\nminimum_score = 90", "share"),
        ("[evaluation]\nminimum_score = nan", "share"),
        ("[result]\nmax_bites = 3", "result.max_bites"),
        ("task_type = 'Thief'", "one of"),
        ("run = '../start.sh'", "refused"),
        ("run = 'other.sh'", "other.sh is missing"),
        ("base_model = 'weights'", "weights"),
        ("name = ", "not valid TOML"),
    ],
)
def test_settings_that_make_no_sense_are_named(tmp_path: Path, settings: str, said: str) -> None:
    with pytest.raises(BundleError, match=said):
        pack(write_task(tmp_path / "author", settings), tmp_path / "bundle")
    assert not (tmp_path / "bundle").exists()


def test_a_minimum_without_anything_to_measure_is_refused(tmp_path: Path) -> None:
    folder = write_task(tmp_path / "author")
    (folder / "predict.py").unlink()
    with pytest.raises(ManifestError, match=r"predict\.py"):
        read_settings(folder, minimum_score=1)


def test_labels_need_no_script_to_be_held_against_a_minimum(tmp_path: Path) -> None:
    bundle = tmp_path / "labels"
    bundle.mkdir()
    (bundle / "start_task.sh").write_text("true\n")
    annotators = TaskType.DATA_ANNOTATORS
    assert read_settings(bundle, task_type=annotators).evaluation is None
    asked = read_settings(bundle, task_type=annotators, minimum_score=900_000)
    assert asked.evaluation is not None
    assert (asked.evaluation.predict, asked.evaluation.minimum_score) == (None, 900_000)
    packed = pack_task(bundle, tmp_path / "packed", asked)
    assert packed.evaluation == asked.evaluation
    assert open_task(tmp_path / "packed") == packed


def test_a_model_cannot_be_measured_without_a_script(tmp_path: Path) -> None:
    evaluation = Evaluation(None, "accuracy", 900_000, None, 60)
    settings = replace(read_settings(write_task(tmp_path / "task")), evaluation=evaluation)
    with pytest.raises(ManifestError, match=r"evaluation\.predict"):
        pack_task(tmp_path / "task", tmp_path / "packed", settings)
