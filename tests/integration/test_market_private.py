"""Private merges on a chain of one's own: noise that repeats itself, ledgers, budgets."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from market_support import CONTRIBUTORS, CREATOR, GOOD, WEAK, Stage
from safetensors.numpy import load_file
from sqlalchemy import select

from decentralml.bundles.merge import MergePlan, Privacy, Weighting
from decentralml.bundles.privacy import PastMerge, read_ledger
from decentralml.cli.main import cli
from decentralml.db.engine import open_database
from decentralml.db.models import ExecutionSession
from decentralml.errors import BudgetSpent, ManifestError, MergePlanInvalid, PrivacyNotInstalled
from decentralml.learning.privacy.accountant import spent
from decentralml.market.merging.federation import Merged, federate
from decentralml.market.rounds.plan import Ending, RunPlan
from decentralml.market.rounds.run import Progress, advance_run
from decentralml.types import TaskId, TaskType

BOB, CHARLIE = CONTRIBUTORS
PRIVATE = MergePlan(privacy=Privacy(clip=2.0, noise=1.0, delta=1e-5))


@pytest.fixture(autouse=True)
def _with_opacus(request: pytest.FixtureRequest) -> None:
    if "without" not in request.node.name:
        pytest.importorskip("opacus", reason="the extra privacy is not installed")


def accepted(stage: Stage, **terms: Any) -> TaskId:
    task = stage.post(results=2, minimum_gain=None, committee=1, **terms)
    serve(stage, task)
    return task


def serve(stage: Stage, task: TaskId) -> None:
    stage.contribute(BOB, task, GOOD, 10)
    stage.contribute(CHARLIE, task, 3 * GOOD, 90)
    stage.conclude(task)


def weight(merged: Merged) -> Any:
    return load_file(merged.model / "model.safetensors")["weight"].astype(np.float64)


def epsilon(*noises: float) -> float:
    return spent(noises, 1e-5).epsilon


def test_a_private_merge_is_clipped_noised_and_the_same_again(stage: Stage) -> None:
    task = accepted(stage, merge=PRIVATE)
    creator = stage.as_(CREATOR)
    merged = federate(creator, task, stage.root / "a", publish=False)
    again = federate(creator, task, stage.root / "b", publish=False)
    assert again.cid == merged.cid
    assert [part.share for part in merged.parts] == [0.5, 0.5], "claims do not count"
    ways = [GOOD - WEAK, 3 * GOOD - WEAK]
    exact = WEAK + sum(2.0 * way / np.linalg.norm(way) for way in ways) / 2
    noise = weight(merged) - exact
    assert np.abs(noise).max() > 0.01, "there is noise"
    assert np.linalg.norm(noise) < 6 * 2.0, "of the length that was asked for"
    assert read_ledger(merged.model) == (PastMerge(task, 1.0, 2.0, 2),)
    found = merged.privacy
    assert found is not None
    assert (found.epsilon, found.accountant, found.merges) == (epsilon(1.0), "rdp", 1)


def test_another_merge_has_another_noise(stage: Stage) -> None:
    """Two merges with the same noise would tell of their difference everything."""
    task = accepted(stage)
    creator = stage.as_(CREATOR)
    seen = []
    for number, (plan, only) in enumerate(
        [(PRIVATE, ()), (PRIVATE, (0,)), (PRIVATE, (1,)), (_plan(clip=2.5), ()), (_plan(1.5), ())]
    ):
        out = stage.root / str(number)
        merged = federate(creator, task, out, plan=plan, only=only, publish=False)
        assert plan.privacy is not None
        chosen = [way for index, way in enumerate((GOOD, 3 * GOOD)) if not only or index in only]
        ways = [w - WEAK for w in chosen]
        clip, noise = plan.privacy.clip, plan.privacy.noise
        exact = WEAK + sum(clip * way / np.linalg.norm(way) for way in ways) / len(ways)
        seen.append((weight(merged) - exact) / (noise * clip / len(ways)))
    for number, one in enumerate(seen):
        for other in seen[:number]:
            assert np.abs(one - other).max() > 0.01


def _plan(noise: float = 1.0, clip: float = 2.0, budget: float | None = None) -> MergePlan:
    return MergePlan(privacy=Privacy(clip, noise, 1e-5, budget))


def test_the_ledger_goes_on_from_task_to_task_and_into_the_database(stage: Stage) -> None:
    first = accepted(stage, merge=PRIVATE)
    creator = stage.as_(CREATOR)
    one = federate(creator, first, stage.root / "one")
    second = accepted(stage, merge=_plan(noise=2.0), base_model=one.model, parent=first)
    two = federate(creator, second, stage.root / "two")
    line = (PastMerge(first, 1.0, 2.0, 2), PastMerge(second, 2.0, 2.0, 2))
    assert read_ledger(two.model) == line
    assert two.privacy is not None and two.privacy.epsilon == epsilon(1.0, 2.0)
    assert creator.chain.task(second).published == two.cid, "the ledger is part of the model"
    federate(creator, second, stage.root / "two")
    with open_database(creator.config) as database, database.sessions() as session:
        rows = list(session.scalars(select(ExecutionSession)))
    found = {row.parameters["task"]: row.metrics for row in rows}
    assert len(rows) == 2, "once for each"
    assert found[second]["epsilon"] == two.privacy.epsilon
    assert (found[second]["accountant"], found[second]["delta"]) == ("rdp", 1e-5)
    # Without its folder beside it, too: the bundle has it.
    bare = accepted(stage, base_model=two.model)
    three = federate(creator, bare, stage.root / "three", publish=False)
    assert read_ledger(three.model) == (*line, PastMerge(bare, 0.0, None, 2))
    assert three.privacy is not None and three.privacy.epsilon is None, "nothing is promised then"


def test_what_was_merged_without_noise_cannot_be_taken_back(stage: Stage) -> None:
    first = accepted(stage)
    creator = stage.as_(CREATOR)
    one = federate(creator, first, stage.root / "one")
    assert one.privacy is None and not (one.model / "privacy.json").exists()
    second = accepted(stage, merge=PRIVATE, base_model=one.model, parent=first)
    two = federate(creator, second, stage.root / "two", publish=False)
    assert two.privacy is not None and two.privacy.epsilon is None
    with pytest.raises(BudgetSpent, match="inf"):
        federate(creator, second, stage.root / "x", plan=_plan(budget=100.0))


def test_a_merge_beyond_the_budget_is_refused_before_anything_is_merged(stage: Stage) -> None:
    small = _plan(budget=epsilon(1.0) - 0.01)
    with pytest.raises(BudgetSpent, match="more noise"):
        stage.post(merge=small)
    assert not stage.as_(CREATOR).chain.tasks(), "nor is anything posted"
    task = accepted(stage)
    with pytest.raises(BudgetSpent, match="more noise"):
        federate(stage.as_(CREATOR), task, stage.root / "a", plan=small)
    assert not (stage.root / "a").exists()
    federate(stage.as_(CREATOR), task, stage.root / "a", plan=_plan(budget=epsilon(1.0) + 0.01))


def test_a_base_model_with_a_damaged_ledger_is_refused_before_anything_is_posted(
    stage: Stage,
) -> None:
    (stage.model / "privacy.json").write_text("{}")
    with pytest.raises(ManifestError, match=r"privacy\.json"):
        stage.post()


def test_what_would_make_it_void_is_refused(stage: Stage) -> None:
    task = accepted(stage, merge=PRIVATE)
    creator = stage.as_(CREATOR)
    with pytest.raises(MergePlanInvalid, match="rule"):
        federate(creator, task, stage.root / "a", rule="median")
    with pytest.raises(MergePlanInvalid, match="weights"):
        federate(creator, task, stage.root / "a", weighting=Weighting.SCORE)
    with pytest.raises(MergePlanInvalid, match="ModelContributor"):
        stage.post(merge=PRIVATE, task_type=TaskType.MODEL_ENGINEER)


def test_a_server_optimizer_steps_after_the_noise(stage: Stage) -> None:
    task = accepted(stage)
    creator = stage.as_(CREATOR)
    plain = federate(creator, task, stage.root / "a", plan=PRIVATE, publish=False)
    half = MergePlan(knobs={"learning_rate": 0.5}, privacy=PRIVATE.privacy)
    stepped = federate(creator, task, stage.root / "b", plan=half, publish=False)
    assert np.allclose(weight(stepped), WEAK + 0.5 * (weight(plain) - WEAK), atol=1e-5)
    assert read_ledger(stepped.model) == read_ledger(plain.model)


def test_without_the_extra_nothing_is_merged(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    task = accepted(stage, merge=PRIVATE)
    monkeypatch.setitem(sys.modules, "opacus.accountants", None)
    with pytest.raises(PrivacyNotInstalled, match=r"pip install 'decentralml\[privacy\]'"):
        federate(stage.as_(CREATOR), task, stage.root / "a")
    assert not (stage.root / "a").exists()
    with pytest.raises(PrivacyNotInstalled):
        advance_run(stage.as_(CREATOR), _run(stage, 2, PRIVATE))
    assert len(stage.as_(CREATOR).chain.tasks()) == 1, "nor is a round posted"


def _run(stage: Stage, rounds: int, merge: MergePlan) -> RunPlan:
    offer = stage.offer(results=2, minimum_gain=None, committee=1, merge=merge)
    return RunPlan(stage.bundle, offer, rounds, name="run")


def test_a_run_ends_before_the_round_that_would_exceed_the_budget(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = _run(stage, 9, _plan(budget=epsilon(1.0, 1.0) + 0.01))
    progress: Progress = advance_run(stage.as_(CREATOR), plan)
    while progress.waiting is not None:
        serve(stage, progress.waiting.task)
        progress = advance_run(stage.as_(CREATOR), plan)
    assert progress.ending is Ending.BUDGET
    assert len(progress.run.finished) == 2 == len(stage.as_(CREATOR).chain.tasks())
    found = [each.privacy and each.privacy.epsilon for each in progress.run.finished]
    assert found == [epsilon(1.0), epsilon(1.0, 1.0)]
    assert advance_run(stage.as_(CREATOR), plan) == progress, "read back as it was written"
    monkeypatch.setenv("DECENTRALML_HOME", str(stage.home))
    shown = CliRunner().invoke(cli, f"runs show run --as {CREATOR}".split())
    assert "privacy: epsilon" in shown.stdout and "over 2 merges (accountant: rdp)" in shown.stdout
    shown = CliRunner().invoke(cli, f"runs show run --json --as {CREATOR}".split())
    document = json.loads(shown.stdout)
    assert document["rounds"][1]["privacy"]["epsilon"] == found[1]


def test_a_budget_that_is_too_small_for_one_round_posts_nothing(stage: Stage) -> None:
    with pytest.raises(BudgetSpent):
        advance_run(stage.as_(CREATOR), _run(stage, 2, _plan(budget=0.5)))
    assert not stage.as_(CREATOR).chain.tasks()


def test_the_command_tells_what_was_spent(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    task = accepted(stage, merge=_plan(budget=8.0))
    monkeypatch.setenv("DECENTRALML_HOME", str(stage.home))

    def ask(more: str, out: Path) -> Any:
        line = f"federate {task} --out {out} --as {CREATOR} --no-publish {more}"
        return CliRunner().invoke(cli, line.split())

    ran = ask("", stage.root / "a")
    assert ran.exit_code == 0, ran.output
    expected = f"privacy: epsilon {epsilon(1.0):.3g} of 8 at delta 1e-05, over 1 merge"
    assert expected in ran.stdout
    document = json.loads(ask("--json", stage.root / "b").stdout)
    assert math.isclose(document["privacy"]["epsilon"], epsilon(1.0))
    assert (document["privacy"]["accountant"], document["privacy"]["budget"]) == ("rdp", 8.0)
