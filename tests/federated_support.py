"""Federated runs on a stage: a small plan, one step, and a round that is served."""

from __future__ import annotations

from typing import Any

from market_support import CREATOR, GOOD, Stage

from decentralml.market.rounds.plan import RunPlan
from decentralml.market.rounds.run import Progress, advance_run
from decentralml.types import TaskId


def plan(stage: Stage, rounds: int = 2, **other: Any) -> RunPlan:
    own = {f: other.pop(f) for f in list(other) if f in RunPlan.__dataclass_fields__}
    terms: dict[str, Any] = {"results": 2, "minimum_gain": None, "committee": 1} | other
    return RunPlan(stage.bundle, stage.offer(**terms), rounds, **({"name": "run"} | own))


def step(stage: Stage, wanted: RunPlan) -> Progress:
    return advance_run(stage.as_(CREATOR), wanted)


def task_of(progress: Progress) -> TaskId:
    assert progress.waiting is not None
    return progress.waiting.task


def serve(stage: Stage, task: TaskId, **weights: Any) -> None:
    """Contributors send their results, and aggregators bring them to their end."""
    for who in weights or dict.fromkeys(("Bob", "Charlie"), GOOD):
        stage.contribute(f"//{who}", task, weights.get(who, GOOD))
    stage.conclude(task)
