"""What people are told before they bind money: what is asked for, and what a committee found."""

from __future__ import annotations

import shutil

import click
import pytest
from cli_support import Run, ask
from market_support import CONTRIBUTORS, CREATOR, WEAK, Stage

from decentralml.cli.options import Settings
from decentralml.errors import DagInvalid
from decentralml.types import SubmissionStatus, ValidationStrategy

BOB, CHARLIE = CONTRIBUTORS


def test_what_is_asked_for_is_shown_before_a_bond_is_held(run: Run, stage: Stage) -> None:
    task = stage.post(minimum_score=850_000, results=2)
    asked = "accuracy of at least 85.00% and at least 1.00% more than the base model's "
    assert asked + "(what a committee measures of it)" in run("show-task", task).stdout
    taken = run("accept-task", task, "--as", BOB)
    assert f"what is asked for: {asked}" in taken.stderr
    stage.contribute(BOB, task)
    stage.conclude(task)
    # A report says what the base model is worth, and so what has to be gained.
    found = stage.as_(BOB).chain.submission(task, 0)
    assert found.status is SubmissionStatus.ACCEPTED
    assert ", see result 0)" in run("show-task", task).stdout
    told = ask(run, "accept-task", task, "--as", CHARLIE)["criteria"]
    assert (told["minimum_score"], told["minimum_gain"]) == (850_000, 10_000)
    assert 300_000 < told["base_score"] < 700_000


@pytest.mark.parametrize(
    ("terms", "said"),
    [
        ({"minimum_gain": None}, "accuracy is measured, and whatever it is passes"),
        (
            {
                "minimum_gain": None,
                "strategy": ValidationStrategy.CUSTOM_ACCEPT,
                "validator": "validator.py",
            },
            "validator.py, the creator's own script, decides: read it in the bundle",
        ),
    ],
)
def test_it_is_said_where_anything_passes_and_where_a_script_decides(
    run: Run, stage: Stage, terms: dict[str, object], said: str
) -> None:
    assert said in run("show-task", stage.post(**terms)).stdout


def test_a_task_is_shown_where_its_bundle_cannot_be_read(run: Run, stage: Stage) -> None:
    task = stage.post()
    shutil.rmtree(stage.home / "blocks")
    assert "not known here before accept-task" in run("show-task", task).stdout
    assert ask(run, "show-task", task)["criteria"] is None


def test_only_the_manifest_of_a_bundle_is_looked_at(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = stage.post()
    bob = stage.as_(BOB)
    asked: list[bytes] = []
    get = bob.objects.store.get
    monkeypatch.setattr(bob.objects.store, "get", lambda cid: asked.append(cid) or get(cid))
    bundle = bob.chain.task(task).terms.bundle
    assert bob.objects.peek(bundle, "manifest.json", 1 << 20).startswith(b"{")
    assert len(set(asked)) == 2
    with pytest.raises(DagInvalid, match="nothing in it is called"):
        bob.objects.peek(bundle, "nothing", 1 << 20)
    with pytest.raises(DagInvalid, match="a folder, where a file"):
        bob.objects.peek(bundle, "model", 1 << 20)


def test_who_accepts_what_the_committee_failed_is_told_what_that_means(
    run: Run, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = stage.post(strategy=ValidationStrategy.MANUAL_ACCEPT, results=2)
    stage.contribute(BOB, task, WEAK)
    stage.contribute(CHARLIE, task)
    stage.conclude(task)
    accepting = ("accept-task-results", task, 0, 1, "--as", CREATOR)
    with monkeypatch.context() as patched:
        patched.setattr(Settings, "interactive", True)
        patched.setattr(click, "confirm", lambda question, err: False)
        refused = run(*accepting, code=1)
    said = "the committee found that result 0 fails (score 0.00%): accepting it pays the reward"
    assert f"{said} of 10 all the same" in refused.stderr
    assert "result 1" not in refused.stderr and "nothing is accepted" in refused.stderr
    done = ask(run, *accepting)
    assert [(each["index"], each["verdict"]) for each in done["against"]] == [(0, "Fail")]
    # Told once: what is decided needs no objection any more.
    assert ask(run, *accepting)["against"] == []
