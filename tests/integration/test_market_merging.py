"""How accepted results become the next model: rules, weights, bases, and who may publish."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from market_support import AGGREGATORS, CONTRIBUTORS, CREATOR, GOOD, Stage, write_model
from safetensors.numpy import load_file

from decentralml.bundles.merge import MergePlan, Weighting
from decentralml.chain.errors import NotPublisher
from decentralml.cli.main import cli
from decentralml.errors import MergePlanInvalid, NothingMeasured, NotTheBase, TooManyBad
from decentralml.market.merging.federation import Merged, federate
from decentralml.types import TaskId

BOB, CHARLIE = CONTRIBUTORS
HALF = np.array([[4.0, -4.0], [4.0, 4.0]], np.float32)
"""Right on some examples only."""


@pytest.fixture
def task(stage: Stage) -> TaskId:
    """Two accepted results: Bob's is right and claims little, Charlie's claims much."""
    return accepted(stage)


def accepted(stage: Stage, **terms: Any) -> TaskId:
    task = stage.post(results=2, minimum_gain=None, committee=1, **terms)
    stage.contribute(BOB, task, GOOD, 10)
    stage.contribute(CHARLIE, task, HALF, 90)
    stage.conclude(task)
    return task


def weight(merged: Merged) -> Any:
    return load_file(merged.model / "model.safetensors")["weight"]


def shares(merged: Merged) -> list[float]:
    return [part.share for part in merged.parts]


def test_what_is_claimed_counts_only_under_examples(stage: Stage, task: TaskId) -> None:
    creator = stage.as_(CREATOR)
    usual = federate(creator, task, stage.root / "a", publish=False)
    assert shares(usual) == [0.1, 0.9]
    by_score = federate(creator, task, stage.root / "b", weighting=Weighting.SCORE, publish=False)
    scores = [creator.chain.submission(task, index).score or 0 for index in (0, 1)]
    assert scores[0] > scores[1]
    assert shares(by_score) == pytest.approx([each / sum(scores) for each in scores])
    np.testing.assert_allclose(
        weight(by_score), (scores[0] * GOOD + scores[1] * HALF) / sum(scores), rtol=1e-6
    )


def test_quality_needs_what_the_type_s_formula_needs(stage: Stage, task: TaskId) -> None:
    with pytest.raises(NothingMeasured, match="--weights score"):
        federate(stage.as_(CREATOR), task, stage.root / "a", weighting=Weighting.QUALITY)


@pytest.mark.parametrize("word", ["quality", "adjusted"])
def test_a_quality_that_nobody_would_measure_is_not_promised(stage: Stage, word: str) -> None:
    pinned = f'[merge]\nweights = "{word}"\n'
    (stage.bundle / "task.toml").write_text(pinned)
    with pytest.raises(MergePlanInvalid, match="only accuracy is measured; use score"):
        stage.post()
    assert not stage.as_(CREATOR).chain.tasks()
    (stage.bundle / "task.toml").write_text(
        pinned + '[evaluation]\nmetric = "object_detection_accuracy"\n'
    )
    stage.post()


@pytest.mark.parametrize("weighting", [Weighting.QUALITY, Weighting.ADJUSTED])
def test_quality_is_what_the_committee_measured(
    stage: Stage, task: TaskId, monkeypatch: pytest.MonkeyPatch, weighting: Weighting
) -> None:
    """The committee's reports, here of object detection, and never the result's own claims."""
    from decentralml.market.merging import weights

    found = {0: {"object_detection_accuracy": 1.0}, 1: {"object_detection_accuracy": 0.0}}
    monkeypatch.setattr(weights, "measured", lambda session, each: found[each.index])
    merged = federate(
        stage.as_(CREATOR), task, stage.root / "a", weighting=weighting, publish=False
    )
    counts = [10.0, 90.0] if weighting is Weighting.ADJUSTED else [1.0, 1.0]
    total = counts[0] * 1.4 + counts[1]
    assert shares(merged) == pytest.approx([counts[0] * 1.4 / total, counts[1] / total])
    assert [part.metrics for part in merged.parts] == list(found.values())


def test_what_was_measured_is_the_median_of_the_members_that_agree(stage: Stage) -> None:
    from decentralml.market.merging.weights import measured

    task = stage.post(committee=3, minimum_gain=None)
    stage.contribute(BOB, task, GOOD)
    stage.conclude(task)
    creator = stage.as_(CREATOR)
    found = measured(creator, creator.chain.submission(task, 0))
    assert found["accuracy"] == 1.0 and found["examples"] == 40


def test_the_bundle_s_own_way_is_followed_unless_told_otherwise(stage: Stage) -> None:
    (stage.bundle / "task.toml").write_text('[merge]\nrule = "median"\nweights = "equal"\n')
    task = accepted(stage)
    creator = stage.as_(CREATOR)
    pinned = federate(creator, task, stage.root / "a", publish=False)
    assert (pinned.rule, shares(pinned)) == ("median", [0.5, 0.5])
    np.testing.assert_allclose(weight(pinned), (GOOD + HALF) / 2)
    assert pinned.parts[0].coefficient is None, "each coordinate was looked at apart"
    other = federate(creator, task, stage.root / "b", rule="mean", publish=False)
    assert (other.rule, other.plan.weights) == ("mean", Weighting.EQUAL)
    auto = federate(creator, task, stage.root / "c", rule="auto", publish=False)
    assert auto.rule == "mean" and "too few" in auto.reason


def test_a_server_optimizer_steps_from_the_base(stage: Stage, task: TaskId) -> None:
    plan = MergePlan(weights=Weighting.EQUAL, knobs={"learning_rate": 0.5})
    merged = federate(stage.as_(CREATOR), task, stage.root / "a", plan=plan, publish=False)
    base = load_file(stage.model / "model.safetensors")["weight"]
    np.testing.assert_allclose(weight(merged), base + 0.5 * ((GOOD + HALF) / 2 - base), rtol=1e-6)
    assert (merged.model / "structure.json").is_file()


def test_another_base_than_the_task_s_is_refused(stage: Stage, task: TaskId) -> None:
    creator = stage.as_(CREATOR)
    write_model(stage.root / "other", GOOD)
    with pytest.raises(NotTheBase, match="--base"):
        federate(creator, task, stage.root / "a", base=stage.root / "other")
    federate(creator, task, stage.root / "a", base=stage.model, publish=False)


def test_a_rule_that_is_unknown_or_needs_more_models_says_so(stage: Stage, task: TaskId) -> None:
    creator = stage.as_(CREATOR)
    with pytest.raises(MergePlanInvalid, match="median"):
        federate(creator, task, stage.root / "a", rule="mode")
    with pytest.raises(TooManyBad):
        federate(creator, task, stage.root / "a", rule="krum")
    assert not (stage.root / "a").exists()


def test_a_merger_publishes_and_others_do_not(stage: Stage) -> None:
    task = accepted(stage, merger=stage.as_(AGGREGATORS[0]).address)
    with pytest.raises(NotPublisher):
        federate(stage.as_(AGGREGATORS[1]), task, stage.root / "a")
    merged = federate(stage.as_(AGGREGATORS[0]), task, stage.root / "a")
    assert stage.as_(CREATOR).chain.task(task).published == merged.cid


def test_the_command_says_what_was_used_and_why(
    stage: Stage, task: TaskId, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DECENTRALML_HOME", str(stage.home))

    def ask(more: str, out: Path) -> Any:
        line = f"federate {task} --out {out} --as {CREATOR} --no-publish {more}"
        return CliRunner().invoke(cli, line.split())

    ran = ask("--rule auto --weights score", stage.root / "a")
    assert ran.exit_code == 0, ran.output
    assert "merged by: mean, weights by score, fedavg (2 updates: too few" in ran.stdout
    document = json.loads(ask("--weights equal --json", stage.root / "b").stdout)
    assert document["plan"]["weights"] == "equal"
    assert [part["coefficient"] for part in document["parts"]] == [0.5, 0.5]
    ran = ask("--rule mode", stage.root / "c")
    assert ran.exit_code == 1 and "krum" in ran.stderr
