"""FLTrust in the marketplace: who merges brings an update of its own, and attackers count nothing.

The toy script "trains" by copying its data, so what is trusted is a folder like a contributor's.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from daemon_support import Ear, until_idle
from federated_support import plan, serve, step, task_of
from market_support import (
    AGGREGATORS,
    CONTRIBUTORS,
    CREATOR,
    GOOD,
    WEAK,
    Stage,
    write_model,
    write_work,
)
from safetensors.numpy import load_file

from decentralml.bundles.merge import MergePlan
from decentralml.cli.main import cli
from decentralml.errors import (
    AllUpdatesRejected,
    MergePlanInvalid,
    NotAModel,
    ReferenceNeeded,
    RunInvalid,
)
from decentralml.market.creating.creator import create_task
from decentralml.market.daemons.aggregator import Aggregator
from decentralml.market.merging.federation import Merged, federate
from decentralml.market.node import advance
from decentralml.market.rounds.plan import Ending
from decentralml.service.stopping import Stop
from decentralml.types import TaskId, TaskType

BOB, CHARLIE = CONTRIBUTORS
DAVE = AGGREGATORS[0]
FLTRUST = MergePlan("fltrust")
AWAY = (WEAK - 1e6 * (GOOD - WEAK)).astype(np.float32)
"""A giant leap against what the honest learn."""


HALF = (WEAK + 0.5 * (GOOD - WEAK)).astype(np.float32)


def trusted(stage: Stage, weight: Any = HALF) -> Path:
    return write_work(stage.root / "own", weight)


def attacked(stage: Stage, **terms: Any) -> TaskId:
    """Two of three accepted results are attacks: nothing is measured that would refuse them."""
    wanted = {"results": 2, "minimum_gain": None, "committee": 1, "merge": FLTRUST} | terms
    task = stage.post(**wanted)
    stage.contribute(BOB, task, GOOD)
    stage.contribute(CHARLIE, task, AWAY)
    stage.conclude(task)
    return task


def weight(merged: Merged) -> Any:
    return load_file(merged.model / "model.safetensors")["weight"]


def test_attackers_move_the_model_nowhere_and_nobody_is_paid_in_vain(stage: Stage) -> None:
    task, own, creator = attacked(stage), trusted(stage), stage.as_(CREATOR)
    merged = federate(creator, task, stage.root / "next", trusted=own)
    assert creator.chain.task(task).published == merged.cid
    honest, attacker = merged.parts
    assert attacker.coefficient == 0 and honest.coefficient == pytest.approx(0.5)
    np.testing.assert_allclose(weight(merged), HALF, rtol=1e-6)
    mean = federate(creator, task, stage.root / "mean", rule="mean", publish=False)
    assert np.abs(weight(mean)).max() > 1e6, "the attack would have worked"
    (kept,) = (creator.work(task).root / "references").glob("*/model")
    assert "of whoever merged" in merged.reason
    given = federate(creator, task, stage.root / "given", reference=kept, publish=False)
    assert (given.cid, given.reason) == (merged.cid, merged.reason)


def test_what_was_trained_on_trusted_data_is_kept_for_a_merge_that_is_repeated(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    from decentralml.market.merging import reference

    task, own, creator = attacked(stage), trusted(stage), stage.as_(CREATOR)
    first = federate(creator, task, stage.root / "next", trusted=own)
    monkeypatch.delattr(reference, "run_script")
    assert federate(creator, task, stage.root / "next", trusted=own).cid == first.cid


def test_what_cannot_be_compared_is_said_before_anything_is_merged(stage: Stage) -> None:
    task, own, creator = attacked(stage), trusted(stage), stage.as_(CREATOR)
    out = stage.root / "next"
    with pytest.raises(ReferenceNeeded, match="--trusted-path DATA"):
        federate(creator, task, out)
    with pytest.raises(MergePlanInvalid, match="--rule fltrust"):
        federate(creator, task, out, rule="median", trusted=own)
    with pytest.raises(MergePlanInvalid, match="one of --reference and --trusted-path"):
        federate(creator, task, out, trusted=own, reference=stage.model)
    with pytest.raises(NotAModel):
        federate(creator, task, out, reference=stage.validation_set)
    against = write_model(stage.root / "against", (WEAK - GOOD).astype(np.float32))
    with pytest.raises(AllUpdatesRejected, match="way of the reference"):
        federate(creator, task, out, only=[0], reference=against)
    assert not out.exists() and creator.chain.task(task).published is None


def test_a_rule_that_measures_from_a_base_model_is_refused_where_there_is_none(
    stage: Stage,
) -> None:
    (stage.bundle / "task.toml").write_text('[merge]\nrule = "fltrust"\n')
    with pytest.raises(MergePlanInvalid, match="this task has none"):
        stage.post(task_type=TaskType.MODEL_ENGINEER, base_model=None, minimum_gain=None)
    assert not stage.as_(CREATOR).chain.tasks()


def test_a_run_compares_each_round_with_what_its_creator_trains(stage: Stage) -> None:
    wanted = plan(stage, 2, merge=FLTRUST, trusted=trusted(stage))
    serve(stage, task_of(step(stage, wanted)), Bob=GOOD, Charlie=AWAY)
    second = task_of(step(stage, wanted))
    trusted(stage, 1.5 * GOOD)  # The toy's training copies what it finds.
    serve(stage, second, Bob=2 * GOOD, Charlie=AWAY)
    progress = step(stage, wanted)
    assert progress.ending is Ending.ROUNDS
    assert [each.rule for each in progress.run.rounds] == ["fltrust"] * 2
    assert all((each.score or 0) >= 900_000 for each in progress.run.rounds)


def test_a_run_whose_creator_trusts_nothing_is_refused_before_it_costs_anything(
    stage: Stage,
) -> None:
    own, free = trusted(stage), stage.as_(CREATOR).chain.balance
    before = free(stage.as_(CREATOR).address)
    for wanted, why in (
        (plan(stage, merge=FLTRUST), "name data that you trust"),
        (plan(stage, trusted=own), "is for the rule fltrust"),
        (plan(stage, merge=FLTRUST, trusted=own, merger=stage.as_(DAVE).address), "merger"),
    ):
        with pytest.raises(RunInvalid, match=why):
            step(stage, wanted)
    assert free(stage.as_(CREATOR).address) == before


def test_an_appointed_merger_merges_with_data_of_its_own(stage: Stage) -> None:
    found = create_task(
        stage.as_(CREATOR),
        stage.bundle,
        stage.offer(
            results=2,
            minimum_gain=None,
            committee=1,
            merge=FLTRUST,
            merger=stage.as_(DAVE).address,
        ),
    )
    assert any("ask it first" in text for text in found.warnings)
    stage.contribute(BOB, found.task, GOOD)
    stage.contribute(CHARLIE, found.task, AWAY)
    stage.conclude(found.task)
    advance(stage.as_(CREATOR), milliseconds=25 * 3_600_000)
    ear = Ear()
    chain = stage.as_(CREATOR).chain
    until_idle(Aggregator(ear, Stop(), settles=False), stage.as_(DAVE))
    assert chain.task(found.task).published is None
    assert any("--trusted-path" in facts["text"] for _, facts in ear.heard)
    daemon = Aggregator(Ear(), Stop(), settles=False, trusted=trusted(stage))
    until_idle(daemon, stage.as_(DAVE))
    assert chain.task(found.task).published is not None


def test_a_replayable_training_takes_no_data_of_ones_own(stage: Stage) -> None:
    from decentralml.market.merging.reference import require_trainable

    with pytest.raises(MergePlanInvalid, match="federate --reference"):
        require_trainable(replayed=True)


def test_the_command_says_what_the_models_were_compared_with(stage: Stage) -> None:
    task, own = attacked(stage), trusted(stage)
    words = ["federate", str(task), "--out", str(stage.root / "next"), "--as", CREATOR]
    words += ["--home", str(stage.home)]
    refused = CliRunner().invoke(cli, words)
    assert refused.exit_code == 1 and "--trusted-path" in refused.output
    told = CliRunner().invoke(cli, [*words, "--trusted-path", str(own), "--json"])
    assert told.exit_code == 0, told.output
    document = json.loads(told.stdout)
    assert document["rule"] == "fltrust" and "compared with the update b" in document["reason"]
