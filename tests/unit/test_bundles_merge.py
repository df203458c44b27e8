"""``[merge]`` in task.toml and in a manifest; ``training.json``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from decentralml.bundles.fields import Fields
from decentralml.bundles.merge import MergePlan, Weighting, read_merge
from decentralml.bundles.settings import read_settings
from decentralml.bundles.training import Algorithm, LocalTraining, read_training
from decentralml.errors import ManifestError, MergePlanInvalid
from decentralml.learning.local import local_settings
from decentralml.learning.optimizers import Method
from decentralml.learning.robust.rules import Rule
from decentralml.learning.train import Local, TrainingSettings
from decentralml.market.merging.plan import choose
from decentralml.market.rounds.plan import merge_of


def read(**section: object) -> MergePlan | None:
    return read_merge(Fields("task.toml", "merge", section))


def test_a_plan_reads_back_as_it_was_written() -> None:
    plan = MergePlan("krum", Weighting.SCORE, 2, "bucketing", "fedadam", {"learning_rate": 0.1})
    assert read(**json.loads(json.dumps(plan.to_document()))) == plan
    assert read(**MergePlan().to_document()) == MergePlan()


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
