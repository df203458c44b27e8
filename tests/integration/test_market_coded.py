"""Results that travel as coded updates: judged, paid and merged as the models they stand for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from market_support import CREATOR, GOOD, WEAK, Stage, opened, write_model
from safetensors.numpy import load_file

from decentralml.bundles.coding import Coding
from decentralml.errors import ManifestError
from decentralml.market.contributing.contributor import accept_task
from decentralml.market.contributing.rehearsal import rehearse
from decentralml.market.contributing.running import run_task
from decentralml.market.contributing.sending import send_results
from decentralml.market.exchange import coded
from decentralml.market.merging.federation import federate
from decentralml.types import SubmissionStatus, TaskId, TaskType, Verdict

WHO = "//Bob"


def wide(weight: np.ndarray) -> np.ndarray:
    """The toy model with columns that win nowhere: large enough to be worth coding."""
    return np.pad(weight, ((0, 0), (0, 298))).astype(np.float32)


@pytest.fixture
def coded_stage(stage: Stage) -> Stage:
    """Of a changed tensor two elements travel, in 8 bits."""
    write_model(stage.model, wide(WEAK))
    (stage.bundle / "task.toml").write_text('[result]\ncoding = "top0.3%-q8"\n')
    return stage


def weight_of(folder: Path) -> np.ndarray:
    return load_file(folder / "model.safetensors")["weight"]


def test_an_update_travels_is_judged_and_paid_as_the_model_it_stands_for(
    coded_stage: Stage,
) -> None:
    task = coded_stage.post(results=1)
    sent = coded_stage.contribute(WHO, task, wide(GOOD))
    assert {file.name for file in sent.result.iterdir()} == {
        "manifest.json",
        "signature.json",
        "structure.json",
        "update.safetensors",
    }
    coded_stage.conclude(task)
    creator = coded_stage.as_(CREATOR)
    assert creator.chain.submission(task, 0).status is SubmissionStatus.ACCEPTED
    told = weight_of(opened(creator, task)) - wide(WEAK)
    assert np.count_nonzero(told) == 2
    assert np.allclose(told[1, :2], [-5, 5])


def test_what_an_update_leaves_untold_is_told_in_the_next_round(coded_stage: Stage) -> None:
    first = coded_stage.post(results=1)
    coded_stage.contribute(WHO, first, wide(GOOD))
    coded_stage.conclude(first)
    merged = federate(coded_stage.as_(CREATOR), first, coded_stage.root / "next")
    assert merged.published
    second = coded_stage.post(results=1, parent=first, base_model=merged.model, minimum_gain=None)
    coded_stage.contribute(WHO, second, weight_of(merged.model))
    coded_stage.conclude(second)
    last = federate(coded_stage.as_(CREATOR), second, coded_stage.root / "last")
    assert np.allclose(weight_of(last.model), wide(GOOD), atol=0.05)


def test_sending_again_finds_what_was_sent(coded_stage: Stage) -> None:
    task = coded_stage.post(results=1)
    session = coded_stage.as_(WHO)
    accept_task(session, task)
    ran = run_task(session, task, coded_stage.work(WHO, wide(GOOD)))
    first = send_results(session, task, ran.result)
    again = send_results(session, task, ran.result)
    assert again.resumed and again.cid == first.cid


def test_a_rehearsal_judges_what_would_travel(coded_stage: Stage) -> None:
    task = coded_stage.post(results=1)
    session = coded_stage.as_(WHO)
    accept_task(session, task)
    run_task(session, task, coded_stage.work(WHO, wide(GOOD)))
    told = rehearse(session, task, validation_path=coded_stage.validation_set)
    assert told.finding.verdict is Verdict.PASS
    assert told.finding.metrics["accuracy"] < 1.0  # Half of what was learned stays untold.


def test_another_coding_than_the_task_s_fails(
    coded_stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = coded_stage.post(results=1)
    with monkeypatch.context() as patch:
        patch.setattr(coded, "coding_of", lambda manifest: Coding.parse("q8"))
        coded_stage.contribute(WHO, task, wide(GOOD))
    coded_stage.conclude(task)
    found = coded_stage.as_(CREATOR).chain.submission(task, 0)
    assert found.verdict is Verdict.FAIL


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ('coding = "gzip"', "is no coding of updates; use q8"),
        ('coding = "top0%"', "is no coding of updates"),
    ],
)
def test_an_unknown_coding_is_refused_before_anything_is_held(
    coded_stage: Stage, settings: str, said: str
) -> None:
    (coded_stage.bundle / "task.toml").write_text(f"[result]\n{settings}\n")
    with pytest.raises(ManifestError, match=said):
        coded_stage.post(results=1)


def test_an_engineers_model_travels_whole(coded_stage: Stage) -> None:
    (coded_stage.bundle / "model.py").write_text("")
    with pytest.raises(ManifestError, match=r"result\.coding belongs to ModelContributor"):
        coded_stage.post(results=1, task_type=TaskType.MODEL_ENGINEER)
    assert TaskId(0) not in {task.id for task in coded_stage.as_(CREATOR).chain.tasks(10)}
