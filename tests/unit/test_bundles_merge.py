"""``[merge]`` in task.toml and in a manifest; ``training.json``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from decentralml.bundles.fields import Fields
from decentralml.bundles.merge import MergePlan, Privacy, Weighting, read_merge
from decentralml.bundles.privacy import PastMerge, read_ledger, write_ledger
from decentralml.bundles.settings import read_settings
from decentralml.bundles.training import Algorithm, LocalTraining, read_training
from decentralml.errors import ManifestError, MergePlanInvalid
from decentralml.learning.local import local_settings
from decentralml.learning.optimizers import Method
from decentralml.learning.privacy.user_level import UserLevel
from decentralml.learning.robust.rules import Rule
from decentralml.learning.train import Local, TrainingSettings
from decentralml.market.merging.plan import choose
from decentralml.market.rounds.plan import merge_of
from decentralml.types import TaskId


def read(**section: object) -> MergePlan | None:
    return read_merge(Fields("task.toml", "merge", section))


def test_a_plan_reads_back_as_it_was_written() -> None:
    plan = MergePlan("krum", Weighting.SCORE, 2, "bucketing", "fedadam", {"learning_rate": 0.1})
    assert read(**json.loads(json.dumps(plan.to_document()))) == plan
    assert read(**MergePlan().to_document()) == MergePlan()
    private = MergePlan(privacy=Privacy(0.5, 1.0, 1e-5))
    assert read(**json.loads(json.dumps(private.to_document()))) == private
    limited = MergePlan(privacy=Privacy(0.5, 1.0, 1e-5, 8.0))
    assert read(**limited.to_document()) == limited


def test_task_toml_pins_the_merge(tmp_path: Path) -> None:
    (tmp_path / "task.toml").write_text('[merge]\nrule = "median"\nweights = "equal"\n')
    assert read_settings(tmp_path).merge == MergePlan("median", Weighting.EQUAL)
    (tmp_path / "task.toml").write_text("")
    assert read_settings(tmp_path).merge is None


@pytest.mark.parametrize(
    "section",
    [
        {"weights": "claims"},
        {"rule": 7},
        {"momentum": float("inf")},
        {"momentum": "much"},
        {"bad": -1},
        {"unknown": 1},
        {"clip": 1.0},
        {"clip": 1.0, "noise": 1.0},
        {"budget": 8.0},
        {"clip": 1.0, "noise": float("nan"), "delta": 1e-5},
    ],
)
def test_a_malformed_section_is_refused(section: dict[str, object]) -> None:
    with pytest.raises(ManifestError):
        read(**section)


@pytest.mark.parametrize(
    ("plan", "problem"),
    [
        (MergePlan("mode"), "rule"),
        (MergePlan(optimizer="sgd"), "optimizer"),
        (MergePlan(mixing="shaking"), "mixing"),
        (MergePlan(knobs={"momentum": 1.0}), "momentum"),
        (MergePlan(optimizer="fedadam", knobs={"learning_rate": 0.0}), "learning_rate"),
    ],
)
def test_a_plan_that_nobody_can_carry_out_is_refused(plan: MergePlan, problem: str) -> None:
    with pytest.raises(MergePlanInvalid, match=problem):
        choose(plan)


PRIVATE = Privacy(0.5, 1.0, 1e-5)


@pytest.mark.parametrize(
    ("plan", "problem"),
    [
        (MergePlan("median", privacy=PRIVATE), "rule"),
        (MergePlan("norm-clipping", privacy=PRIVATE), "rule"),
        (MergePlan("auto", privacy=PRIVATE), "rule"),
        (MergePlan(weights=Weighting.EXAMPLES, privacy=PRIVATE), "weights"),
        (MergePlan(weights=Weighting.SCORE, privacy=PRIVATE), "weights"),
        (MergePlan(mixing="bucketing", privacy=PRIVATE), "mixing"),
        (MergePlan(bad=1, privacy=PRIVATE), "bad"),
        (MergePlan(privacy=Privacy(0.0, 1.0, 1e-5)), "clip"),
        (MergePlan(privacy=Privacy(1.0, 0.0, 1e-5)), "noise"),
        (MergePlan(privacy=Privacy(1.0, -1.0, 1e-5)), "noise"),
        (MergePlan(privacy=Privacy(1.0, 1.0, 0.0)), "delta"),
        (MergePlan(privacy=Privacy(1.0, 1.0, 1.0)), "delta"),
        (MergePlan(privacy=Privacy(1.0, 1.0, 1e-5, 0.0)), "budget"),
    ],
)
def test_a_private_merge_takes_nothing_that_makes_it_void(plan: MergePlan, problem: str) -> None:
    with pytest.raises(MergePlanInvalid, match=problem):
        choose(plan)


def test_a_private_merge_counts_all_the_same_and_steps_by_any_optimizer() -> None:
    chosen = choose(MergePlan(optimizer="fedadam", mixing="none", privacy=PRIVATE))
    assert (chosen.weights, chosen.rule) == (Weighting.EQUAL, Rule.MEAN)
    assert chosen.privacy == UserLevel(0.5, 1.0)
    with pytest.raises(MergePlanInvalid, match="weights"):
        choose(MergePlan(privacy=PRIVATE), weighting=Weighting.ADJUSTED)


def test_another_optimizer_leaves_the_merge_private(tmp_path: Path) -> None:
    (tmp_path / "task.toml").write_text("[merge]\nclip = 0.5\nnoise = 1\ndelta = 1e-5\n")
    found = merge_of(tmp_path, None, None, "fedavgm", None)
    assert found is not None and found.privacy == PRIVATE


def test_a_ledger_reads_back_as_it_was_written(tmp_path: Path) -> None:
    assert read_ledger(tmp_path) is None
    line = (PastMerge(TaskId(2), 0.0, None, None), PastMerge(TaskId(7), 1.5, 0.5, 12))
    write_ledger(tmp_path, line)
    assert read_ledger(tmp_path) == line


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"format": "decentralml/privacy@1", "merges": []}',
        '{"format": "decentralml/privacy@1", "merges": 7}',
        '{"format": "decentralml/privacy@2", "merges": [{}]}',
        '{"format": "decentralml/privacy@1", "merges": [3]}',
        '{"format": "decentralml/privacy@1", "merges":'
        ' [{"task": 1, "noise": -1, "clip": null, "contributors": null}]}',
        '{"format": "decentralml/privacy@1", "merges":'
        ' [{"task": 1, "noise": NaN, "clip": null, "contributors": null}]}',
        '{"format": "decentralml/privacy@1", "merges":'
        ' [{"task": 1, "noise": 1, "clip": 1, "contributors": 0}]}',
    ],
)
def test_a_malformed_ledger_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "privacy.json").write_text(text)
    with pytest.raises(ManifestError, match=r"privacy\.json"):
        read_ledger(tmp_path)


def test_claims_count_only_where_the_mean_is_plain_or_it_is_asked_for() -> None:
    assert choose(MergePlan()).weights is Weighting.EXAMPLES
    assert choose(MergePlan("median")).weights is Weighting.EQUAL
    assert choose(MergePlan("median"), weighting=Weighting.EXAMPLES).weights is Weighting.EXAMPLES
    assert [word for word in Weighting if word.claimed] == [Weighting.EXAMPLES, Weighting.ADJUSTED]


def test_what_is_asked_for_comes_before_what_the_bundle_pins(tmp_path: Path) -> None:
    (tmp_path / "task.toml").write_text('[merge]\noptimizer = "FedAdam"\ndecay = 0.5\n')
    plan = merge_of(tmp_path, "krum", None, None, 0.2)
    assert plan is not None
    chosen = choose(plan)
    assert (chosen.rule, chosen.optimizer.name) == (Rule.KRUM, Method.FEDADAM)
    assert (chosen.optimizer.decay, chosen.optimizer.learning_rate) == (0.5, 0.2)
    other = merge_of(tmp_path, None, None, "fedyogi", None)
    assert other is not None
    assert choose(other).optimizer.decay == 0.99, "another optimizer has its own settings"
    assert merge_of(tmp_path, None, None, None, None) is None


def test_training_reads_back_as_it_was_written(tmp_path: Path) -> None:
    asked = LocalTraining(Algorithm.FEDSGD, 3, 2, 0.5, 16, 0.1)
    asked.write(tmp_path)
    assert read_training(tmp_path) == asked
    LocalTraining().write(tmp_path)
    assert read_training(tmp_path) == LocalTraining()
    (tmp_path / "training.json").unlink()
    assert read_training(tmp_path) is None


@pytest.mark.parametrize(
    "document",
    [
        {"epochs": 0},
        {"learning_rate": -1},
        {"learning_rate": 0},
        {"proximal": -0.1},
        {"batch": 0},
        {"algorithm": "fedprox"},
        {"more": 1},
    ],
)
def test_malformed_training_is_refused(tmp_path: Path, document: dict[str, object]) -> None:
    LocalTraining().write(tmp_path)
    usual = json.loads((tmp_path / "training.json").read_text())
    (tmp_path / "training.json").write_text(json.dumps(usual | document))
    with pytest.raises(ManifestError):
        read_training(tmp_path)


@pytest.mark.parametrize(
    "asked",
    [
        LocalTraining(epochs=0),
        LocalTraining(batch=-1),
        LocalTraining(learning_rate=0.0),
        LocalTraining(proximal=-1.0),
        LocalTraining(proximal=float("nan")),
    ],
)
def test_training_that_cannot_be_is_refused_before_it_is_written(asked: LocalTraining) -> None:
    with pytest.raises(ManifestError, match="must be"):
        asked.check()


def test_a_script_trains_as_the_round_asks(tmp_path: Path) -> None:
    usual = TrainingSettings(epochs=5, learning_rate=0.01, seed=7)
    assert local_settings(tmp_path, usual) == usual
    LocalTraining(round=3, epochs=1, proximal=0.5).write(tmp_path)
    found = local_settings(tmp_path, usual)
    assert (found.epochs, found.proximal, found.learning_rate) == (1, 0.5, 0.01)
    assert found.seed == 9, "each round has an order of its own"
    LocalTraining(Algorithm.FEDSGD).write(tmp_path)
    assert local_settings(tmp_path, usual).method is Local.FEDSGD
