"""Accepted label sets become one, and the careless ones are neither paid nor merged."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli_support import Run, ask
from market_support import CONTRIBUTORS, CREATOR, Stage

from decentralml.errors import (
    FolderInUse,
    NothingToMerge,
    NotLabels,
    ValidationSetInvalid,
)
from decentralml.market.contributing.contributor import accept_task
from decentralml.market.contributing.running import run_task
from decentralml.market.contributing.sending import send_results
from decentralml.market.merging.labels import LabelMethod, merge_labels
from decentralml.types import SubmissionStatus, TaskId, TaskType

TRUTH = dict.fromkeys("abcd", "cat") | dict.fromkeys("efgh", "dog")
GOLD = {item: TRUTH[item] for item in "abef"}
ANNOTATORS = {
    CONTRIBUTORS[0]: TRUTH,
    CONTRIBUTORS[1]: TRUTH | {"c": "dog", "g": "cat"},
    "//One": dict.fromkeys("abcdefgh", "dog"),
}
SETTINGS = """
task_type = "DataAnnotators"
[labels]
annotation = "Image"
classes = ["cat", "dog"]
items = 8
[evaluation]
minimum_score = 0.7
"""


@pytest.fixture
def labelled(stage: Stage) -> TaskId:
    """Two careful annotators are accepted, and one that says the same of everything is not."""
    (stage.bundle / "task.toml").write_text(SETTINGS)
    write(stage.root / "gold", "gold.json", GOLD)
    task = stage.post(
        task_type=TaskType.DATA_ANNOTATORS,
        base_model=None,
        minimum_gain=None,
        validation_set=stage.root / "gold",
        committee=1,
        results=len(ANNOTATORS),
    )
    for name, labels in ANNOTATORS.items():
        session = stage.as_(name)
        accept_task(session, task)
        folder = write(stage.root / "labels" / name.strip("/"), "labels.json", labels)
        write(folder, "result.json", {"examples": 8, "metrics": {}})
        run_task(session, task, folder)
        send_results(session, task)
    stage.conclude(task)
    return task


def write(folder: Path, name: str, document: object) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(json.dumps(document))
    return folder


def test_accepted_label_sets_are_merged_and_held_against_the_gold(
    stage: Stage, labelled: TaskId, tmp_path: Path
) -> None:
    session = stage.as_(CREATOR)
    statuses = [session.chain.submission(labelled, n).status for n in range(3)]
    accepted = SubmissionStatus.ACCEPTED
    assert statuses == [accepted, accepted, SubmissionStatus.REJECTED]
    gold = stage.root / "gold" / "gold.json"
    merged = merge_labels(session, labelled, tmp_path / "out", gold=gold)
    assert json.loads((tmp_path / "out" / "labels.json").read_text()).keys() == TRUTH.keys()
    assert (merged.items, merged.disputed, merged.gold) == (8, 2, 1.0)
    assert merged.method is LabelMethod.DAWID_SKENE
    assert [one.gold for one in merged.annotators] == [1.0, 1.0]
    assert merged.kappa == merged.annotators[0].kappa == pytest.approx(0.5)
    report = json.loads((tmp_path / "out" / "agreement.json").read_text())
    assert report["disputed"] == 2 and len(report["annotators"]) == 2
    # The same again finds its own work; another merge does not overwrite it.
    assert merge_labels(session, labelled, tmp_path / "out", gold=gold) == merged
    with pytest.raises(FolderInUse):
        merge_labels(session, labelled, tmp_path / "out", method=LabelMethod.MAJORITY)
    taught = merge_labels(session, labelled, tmp_path / "taught", gold=gold, teach=True)
    assert taught.gold is None and all(taught.certainty[item] == 1 for item in GOLD)


def test_label_sets_are_chosen_and_bad_files_are_named(
    stage: Stage, labelled: TaskId, tmp_path: Path
) -> None:
    session = stage.as_(CREATOR)
    alone = merge_labels(session, labelled, tmp_path / "alone", only=[1])
    assert alone.kappa is None and alone.annotators[0].kappa is None
    assert json.loads((tmp_path / "alone" / "labels.json").read_text()) == ANNOTATORS["//Charlie"]
    with pytest.raises(NothingToMerge):
        merge_labels(session, labelled, tmp_path / "rejected", only=[2])
    (tmp_path / "gold.json").write_text("[]")
    with pytest.raises(ValidationSetInvalid):
        merge_labels(session, labelled, tmp_path / "bad", gold=tmp_path / "gold.json")
    assert not (tmp_path / "bad").exists()


def test_free_text_is_merged_by_majority_unless_told_otherwise(
    stage: Stage, tmp_path: Path, run: Run
) -> None:
    free = SETTINGS.replace('classes = ["cat", "dog"]\n', "").replace("items = 8", "items = 2")
    (stage.bundle / "task.toml").write_text(free.split("[evaluation]")[0])
    task = stage.post(
        task_type=TaskType.DATA_ANNOTATORS,
        base_model=None,
        minimum_gain=None,
        validation_set=None,
        committee=1,
        results=3,
    )
    sets = ({"a": "a red car", "b": "rain"}, {"a": "a red car", "b": "snow"}, {"a": "x", "z": "y"})
    for name, labels in zip(ANNOTATORS, sets, strict=True):
        session = stage.as_(name)
        accept_task(session, task)
        folder = write(stage.root / "labels" / name.strip("/"), "labels.json", labels)
        write(folder, "result.json", {"examples": 2, "metrics": {}})
        run_task(session, task, folder)
        send_results(session, task)
    stage.conclude(task)
    session = stage.as_(CREATOR)
    merged = merge_labels(session, task, tmp_path / "out")
    assert merged.method is LabelMethod.MAJORITY
    assert json.loads((tmp_path / "out" / "labels.json").read_text())["a"] == "a red car"
    weighed = merge_labels(session, task, tmp_path / "other", method=LabelMethod.DAWID_SKENE)
    assert weighed.method is LabelMethod.DAWID_SKENE
    told = run("merge-labels", task, "--as", CREATOR, "--out", tmp_path / "out")
    assert "3 different items are labelled, where the task has 2" in told.stderr


def test_models_are_not_merged_as_labels(stage: Stage, tmp_path: Path) -> None:
    with pytest.raises(NotLabels, match="decentralml federate"):
        merge_labels(stage.as_(CREATOR), stage.post(), tmp_path / "out")


def test_the_command_shows_how_annotators_agree(
    run: Run, stage: Stage, labelled: TaskId, tmp_path: Path
) -> None:
    words = ("merge-labels", labelled, "--as", CREATOR)
    gold = stage.root / "gold" / "gold.json"
    shown = run(*words, "--out", tmp_path / "out", "--gold", gold).stdout
    assert "8 items, 2 of them disputed" in shown and "Fleiss' kappa: 0.500" in shown
    assert ask(run, *words, "--out", tmp_path / "out", "--gold", gold)["gold"] == 1
    assert "--teach needs --gold" in run(*words, "--out", tmp_path / "x", "--teach", code=2).output
