"""Annotators and engineers: other kinds of results through the same marketplace."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from market_support import (
    CONTRIBUTORS,
    CREATOR,
    GOOD,
    Stage,
    write_work,
)

from decentralml.errors import LabelsRefused, ModelRefused, NotMergeable
from decentralml.market.contributing.contributor import accept_task
from decentralml.market.contributing.running import run_task
from decentralml.market.contributing.sending import send_results
from decentralml.market.merging.federation import Weighting, federate
from decentralml.market.merging.models import evaluate_model, train_model
from decentralml.types import SubmissionStatus, TaskId, TaskType, Verdict

BOB, CHARLIE = CONTRIBUTORS
GOLD = {"a": "cat", "b": "dog", "c": "cat", "d": "dog"}
ANNOTATIONS = """
task_type = "DataAnnotators"
[labels]
annotation = "Image"
classes = ["cat", "dog"]
items = 4
[evaluation]
minimum_score = 0.7
"""


def label_task(stage: Stage) -> TaskId:
    (stage.bundle / "task.toml").write_text(ANNOTATIONS)
    gold = stage.root / "gold"
    gold.mkdir()
    (gold / "gold.json").write_text(json.dumps(GOLD))
    return stage.post(
        task_type=TaskType.DATA_ANNOTATORS,
        base_model=None,
        minimum_gain=None,
        validation_set=gold,
        committee=1,
        results=2,
    )


def labels(stage: Stage, name: str, **changed: str) -> Path:
    folder = stage.root / "labels" / name
    folder.mkdir(parents=True)
    (folder / "labels.json").write_text(json.dumps(GOLD | changed))
    (folder / "result.json").write_text(json.dumps({"examples": 4, "metrics": {}}))
    return folder


def test_annotators_are_paid_for_labels_that_agree_with_the_gold(
    stage: Stage,
    tmp_path: Path,
) -> None:
    task = label_task(stage)
    for who, changed in ((BOB, {"d": "cat"}), (CHARLIE, {"a": "dog", "d": "cat"})):
        session = stage.as_(who)
        accept_task(session, task)
        run_task(session, task, labels(stage, who.strip("/"), **changed))
        send_results(session, task)
    stage.conclude(task)
    chain = stage.as_(CREATOR).chain
    good, bad = chain.submission(task, 0), chain.submission(task, 1)
    assert (good.status, good.score) == (SubmissionStatus.ACCEPTED, 750_000)
    assert (bad.status, bad.score) == (SubmissionStatus.REJECTED, 500_000)
    with pytest.raises(NotMergeable, match="labels"):
        federate(stage.as_(CREATOR), task, tmp_path / "out")


def test_labels_outside_the_schema_are_refused_before_they_are_sent(
    stage: Stage,
) -> None:
    task = label_task(stage)
    session = stage.as_(BOB)
    accept_task(session, task)
    with pytest.raises(LabelsRefused, match="bird"):
        send_results(session, task, labels(stage, "odd", a="bird"))


def engineered(stage: Stage, who: str, task: TaskId, code: str, weight: Any) -> None:
    session = stage.as_(who)
    accept_task(session, task)
    folder = write_work(stage.root / "engineered" / who.strip("/"), weight)
    (folder / "model.py").write_text(code)
    run_task(session, task, folder)
    send_results(session, task)


def test_engineers_models_carry_their_code_and_are_merged_if_it_is_the_same(
    stage: Stage,
    tmp_path: Path,
) -> None:
    creator = stage.as_(CREATOR)
    for codes, merges in ((("# one\n", "# one\n"), True), (("# one\n", "# two\n"), False)):
        task = stage.post(task_type=TaskType.MODEL_ENGINEER, committee=1, results=2)
        engineered(stage, BOB, task, codes[0], GOOD)
        engineered(stage, CHARLIE, task, codes[1], GOOD * 3)
        stage.conclude(task)
        out = tmp_path / f"out-{task}"
        if merges:
            federate(creator, task, out)
            assert (out / "model.py").read_text() == "# one\n"
        else:
            with pytest.raises(NotMergeable, match="--only"):
                federate(creator, task, out)
            federate(creator, task, out, only=[1])
            assert (out / "model.py").read_text() == "# two\n"


def test_an_engineers_code_must_be_sent(stage: Stage) -> None:
    task = stage.post(task_type=TaskType.MODEL_ENGINEER)
    session = stage.as_(BOB)
    accept_task(session, task)
    folder = write_work(stage.root / "codeless" / "toy_x")
    with pytest.raises(ModelRefused, match=r"model\.py"):
        send_results(session, task, folder.parent)


def test_the_merge_weighs_by_examples_or_equally(
    stage: Stage,
    tmp_path: Path,
) -> None:
    from safetensors.numpy import load_file

    task = stage.post(committee=1, results=2)
    stage.contribute(BOB, task, GOOD, examples=30)
    stage.contribute(CHARLIE, task, GOOD * 2, examples=10)
    stage.conclude(task)
    creator = stage.as_(CREATOR)
    merged = federate(creator, task, tmp_path / "by-examples")
    assert [part.share for part in merged.parts] == [0.75, 0.25]
    weight = load_file(tmp_path / "by-examples" / "model.safetensors")["weight"]
    np.testing.assert_allclose(weight, GOOD * 1.25)
    federate(creator, task, tmp_path / "equal", weighting=Weighting.EQUAL, publish=False)
    weight = load_file(tmp_path / "equal" / "model.safetensors")["weight"]
    np.testing.assert_allclose(weight, GOOD * 1.5)
    assert creator.chain.task(task).published == merged.cid


def test_a_first_model_is_made_and_measured_without_a_chain(
    stage: Stage,
    tmp_path: Path,
) -> None:
    config = stage.as_(CREATOR).config
    data = write_work(tmp_path / "data", GOOD)
    trained = train_model(config, stage.bundle, data, tmp_path / "first")
    assert (trained.model / "model.safetensors").is_file()
    found = evaluate_model(config, trained.model, stage.bundle, stage.validation_set)
    assert (found.ppm, found.metrics["accuracy"]) == (1_000_000, 1.0)
    assert evaluate_model(config, stage.model, stage.bundle, stage.validation_set).ppm < 700_000


def test_a_task_may_continue_from_the_model_that_another_published(
    stage: Stage,
    tmp_path: Path,
) -> None:
    first = stage.post(committee=1)
    stage.contribute(BOB, first)
    stage.conclude(first)
    federate(stage.as_(CREATOR), first, tmp_path / "next")
    second = stage.post(committee=1, parent=first, base_model=tmp_path / "next")
    assert stage.as_(CREATOR).chain.task(second).terms.parent == first
    stage.contribute(CHARLIE, second)
    stage.conclude(second)
    found = stage.as_(CREATOR).chain.submission(second, 0)
    assert found.verdict is Verdict.FAIL  # nothing is gained over a perfect model
