"""A bundle that asks for DP-SGD: what contributors are told, what they claim, and who sees it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli_support import Run, ask
from market_support import AGGREGATORS, CONTRIBUTORS, CREATOR, GOOD, Stage
from sqlalchemy import select

from decentralml.bundles.training import Algorithm, ExamplePrivacy, LocalTraining, read_training
from decentralml.db.engine import open_database
from decentralml.db.models import ExecutionSession
from decentralml.errors import ManifestError, ResultFolderInvalid, TermsInvalid
from decentralml.market.contributing.contributor import accept_task
from decentralml.market.contributing.running import run_task
from decentralml.market.contributing.sending import send_results
from decentralml.market.merging.federation import federate
from decentralml.market.reports import read_opinions
from decentralml.types import TaskId

BOB = CONTRIBUTORS[0]
ASKED = ExamplePrivacy(noise=1.1, clip=0.5, delta=1e-5)


def toml(stage: Stage, text: str) -> None:
    (stage.bundle / "task.toml").write_text(text)


@pytest.fixture
def task(stage: Stage) -> TaskId:
    toml(
        stage,
        "[training]\nepochs = 2\nprivacy = {noise = 1.1, clip = 0.5, delta = 1e-5}\n"
        '[result]\ncoding = "q8"\n[merge]\nclip = 2.0\nnoise = 1.5\ndelta = 1e-5\n',
    )
    return stage.post(committee=1, minimum_gain=None)


def work(stage: Stage, task: TaskId, metrics: dict[str, float]) -> None:
    session = stage.as_(BOB)
    folder = stage.work(BOB, GOOD)
    (folder / "result.json").write_text(json.dumps({"examples": 10, "metrics": metrics}))
    run_task(session, task, folder)


def test_a_result_that_claims_nothing_is_not_sent(stage: Stage, task: TaskId) -> None:
    accept_task(stage.as_(BOB), task)
    work(stage, task, {})
    with pytest.raises(ResultFolderInvalid, match="claims no epsilon"):
        send_results(stage.as_(BOB), task)


def test_what_was_spent_is_in_the_manifest_the_report_the_list_and_the_database(
    stage: Stage, task: TaskId, run: Run
) -> None:
    pytest.importorskip("opacus", reason="the extra privacy is not installed")
    shown = run("show-task", task).stdout
    assert "epochs 2, DP-SGD with noise 1.1, clip 0.5, delta 1e-05" in shown
    assert "q8 of what changed" in shown
    assert "mean, fedavg, clip 2, noise 1.5, delta 1e-05" in shown
    accept_task(stage.as_(BOB), task)
    assert read_training(stage.as_(BOB).work(task).bundle) == LocalTraining(epochs=2, privacy=ASKED)
    work(stage, task, {"epsilon": 3.25})
    send_results(stage.as_(BOB), task)
    stage.conclude(task)
    creator = stage.as_(CREATOR)
    found = creator.chain.submission(task, 0)
    (opinion,) = read_opinions(creator, found)
    claim = "note: its contributor claims DP-SGD with epsilon 3.25 at delta 1e-05"
    assert claim in opinion.reasons
    merged = federate(creator, task, stage.root / "next", publish=False)
    assert [part.epsilon for part in merged.parts] == [3.25]
    listed = run("federate", task, "--out", stage.root / "again", "--no-publish", "--as", CREATOR)
    assert "epsilon" in listed.stdout and "3.25" in listed.stdout
    with open_database(stage.as_(BOB).config) as database, database.sessions() as session:
        (row,) = session.scalars(select(ExecutionSession)).all()
        assert row.kind == "private-training"
        assert row.metrics == {"epsilon": 3.25, "delta": 1e-5}
        assert row.parameters["result"] == found.result


def test_what_nobody_could_do_is_refused_before_anything_is_posted(stage: Stage) -> None:
    private = "[training]\nprivacy = {noise = 1.0, clip = 1.0, delta = 1e-5}\n"
    for text, why in (
        ('[training]\nalgorithm = "fedsgd"\nproximal = -1.0\n', "zero or more"),
        (private.replace("noise = 1.0", "noise = 0"), "noise is above zero"),
        (private.replace("1e-5", "1"), "a chance between 0 and 1"),
        (private.replace(", delta = 1e-5", ""), "delta"),
        (private + "proximal = 0.1\n", "not a proximal term"),
        (private + 'algorithm = "fedsgd"\n', "not fedsgd"),
        (private + "depth = 3\n", "unknown field 'training.depth'"),
    ):
        toml(stage, text)
        with pytest.raises(ManifestError, match=why):
            stage.post()
    toml(
        stage,
        private + '[replay]\ndata = "data"\noptimizer = "sgd"\nlearning_rate = 0.1\n'
        "batch_size = 4\nsteps = 8\ninterval = 4\n",
    )
    with pytest.raises(TermsInvalid, match="no committee could replay"):
        stage.post()
    assert not stage.as_(CREATOR).chain.tasks()


def test_a_run_says_otherwise_but_for_privacy(tmp_path: Path) -> None:
    usual = LocalTraining(epochs=2, batch=8, privacy=ASKED)
    run = LocalTraining(round=3, epochs=5)
    assert run.over(usual) == LocalTraining(round=3, epochs=5, batch=8, privacy=ASKED)
    assert run.over(None) == run
    assert LocalTraining(Algorithm.FEDSGD).over(LocalTraining(epochs=2)).epochs == 2
    with pytest.raises(ManifestError, match="not fedsgd"):
        LocalTraining(Algorithm.FEDSGD).over(usual).check()
    run.over(usual).write(tmp_path)
    assert read_training(tmp_path) == run.over(usual)
    run.write(tmp_path)
    assert "privacy" not in (tmp_path / "training.json").read_text(), "as files always were"


def test_show_task_says_it_to_programs_too(stage: Stage, task: TaskId, run: Run) -> None:
    pinned = ask(run, "show-task", task, "--as", AGGREGATORS[0])["pinned"]
    assert pinned["training"]["privacy"] == {"noise": 1.1, "clip": 0.5, "delta": 1e-5}
    assert pinned["merge"]["privacy"]["noise"] == 1.5
