"""A small stage for the marketplace's tests: a chain with elected aggregators and a toy bundle.

The toy model is one matrix of 2 x 2; a "contributor" hands in whatever the test put into its data
folder, so that a test decides what a result is. Everything else is real: chain, store, sandbox.
"""

from __future__ import annotations

import atexit
import functools
import json
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file
from sandbox_support import need_sandbox

from decentralml.config import Config
from decentralml.market import elections
from decentralml.market.contributing.contributor import accept_task
from decentralml.market.contributing.running import run_task
from decentralml.market.contributing.sending import Sent, send_results
from decentralml.market.creating.creator import Created, create_task
from decentralml.market.creating.offer import HOUR, Offer
from decentralml.market.exchange.fetch import fetch_result, fetch_task
from decentralml.market.judging.review import Validation, validate_task_results
from decentralml.market.node import advance
from decentralml.market.session import Session
from decentralml.types import UNIT, ModelType, TaskId, TaskType, ValidationStrategy

CREATOR = "//Alice"
CONTRIBUTORS = ("//Bob", "//Charlie")
AGGREGATORS = ("//Dave", "//Eve", "//Ferdie")
GOOD = np.array([[4.0, -4.0], [-4.0, 4.0]], np.float32)
"""Right on every example."""
WEAK = np.array([[1.0, -1.0], [1.0, -1.0]], np.float32)
"""The base model: right on about half."""
STRUCTURE = {"class": "Toy", "arguments": {}}
BY_CHANCE = "bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy"
"""A CID of nothing that there is."""

START = """\
set -eu
out="$DML_OUTPUT/toy_$DML_CONTRIBUTOR"
mkdir "$out"
cp "$DML_DATA"/* "$out"
echo "trained"
"""
PREDICT = """\
import os
from pathlib import Path
import numpy as np
from safetensors.numpy import load_file, save_file
inputs = load_file(Path(os.environ["DML_DATA"], "inputs.safetensors"))["inputs"]
weight = load_file(Path(os.environ["DML_MODEL"], "model.safetensors"))["weight"]
assert not Path(os.environ["DML_DATA"], "labels.safetensors").exists()
scores = (inputs @ weight).astype(np.float32)
save_file({"predictions": scores}, Path(os.environ["DML_OUTPUT"], "predictions.safetensors"))
"""
VALIDATOR = """\
import json, os
from pathlib import Path
from safetensors.numpy import load_file
weight = load_file(Path(os.environ["DML_MODEL"], "model.safetensors"))["weight"]
good = bool(weight[0, 0] > weight[0, 1])
verdict = {"verdict": "pass" if good else "fail", "score": float(good), "reason": "looked at it"}
Path(os.environ["DML_OUTPUT"], "verdict.json").write_text(json.dumps(verdict))
"""


def write_model(folder: Path, weight: Any = WEAK) -> Path:
    """A saved model; ``weight`` may be anything that a hostile contributor would think of."""
    folder.mkdir(parents=True, exist_ok=True)
    save_file({"weight": np.asarray(weight)}, folder / "model.safetensors")
    (folder / "structure.json").write_text(json.dumps(STRUCTURE))
    return folder


def write_work(folder: Path, weight: Any = GOOD, examples: int = 10) -> Path:
    """A contributor's data folder: the toy script copies it into its result."""
    write_model(folder, weight)
    (folder / "result.json").write_text(json.dumps({"examples": examples, "metrics": {}}))
    return folder


def write_validation_set(folder: Path, count: int = 40) -> Path:
    """Points of the plane, labelled by which coordinate is larger."""
    folder.mkdir(parents=True)
    inputs = np.random.default_rng(1).normal(size=(count, 2)).astype(np.float32)
    labels = (inputs[:, 1] > inputs[:, 0]).astype(np.int64)
    save_file({"inputs": inputs}, folder / "inputs.safetensors")
    save_file({"labels": labels}, folder / "labels.safetensors")
    return folder


def write_bundle(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "start_task.sh").write_text(START)
    (folder / "predict.py").write_text(PREDICT)
    (folder / "validator.py").write_text(VALIDATOR)
    return folder


def opened(session: Session, task: TaskId, index: int = 0) -> Path:
    """The folder of a result, for who can open it."""
    found = fetch_task(session, session.chain.task(task))
    return fetch_result(session, found, session.chain.submission(task, index)).folder


def elect(home: Path) -> None:
    """Put the aggregators into office on a new chain."""
    for name in AGGREGATORS:
        with Session(Config(home, key=name)) as session:
            elections.apply(session, f"https://{name.strip('/').lower()}.example")
    with Session(Config(home, key=CREATOR)) as session:
        addresses = [session.resolve(name) for name in AGGREGATORS]
        elections.vote(session, addresses, 100 * UNIT)
        advance(session, to_election=True)
        assert set(session.chain.election().members) == set(addresses)


@dataclass
class Stage:
    """One test's own home, chain and folders."""

    root: Path
    sessions: list[Session] = field(default_factory=list)

    @property
    def home(self) -> Path:
        return self.root / "home"

    def as_(self, name: str) -> Session:
        """A session of one actor, closed with the stage."""
        session = Session(Config(self.home, key=name))
        self.sessions.append(session)
        return session

    @property
    def bundle(self) -> Path:
        return self.root / "toy"

    @property
    def model(self) -> Path:
        return self.root / "base"

    @property
    def validation_set(self) -> Path:
        return self.root / "validation"

    def offer(self, **terms: Any) -> Offer:
        usual: dict[str, Any] = {
            "reward": 10 * UNIT,
            "fee": UNIT,
            "committee": 3,
            "expires_in": 10 * HOUR,
            "working_time": HOUR,
            "review_time": HOUR,
            "task_type": TaskType.MODEL_CONTRIBUTOR,
            "strategy": ValidationStrategy.AUTO_ACCEPT,
            "model_type": ModelType.VISION,
            "base_model": self.model,
            "validation_set": self.validation_set,
            "minimum_gain": 10_000,
        }
        return Offer(**(usual | terms))

    def post(self, **terms: Any) -> TaskId:
        return self.create(**terms).task

    def create(self, **terms: Any) -> Created:
        return create_task(self.as_(CREATOR), self.bundle, self.offer(**terms))

    def work(self, who: str, weight: Any = GOOD, examples: int = 10) -> Path:
        folder = self.root / "data" / f"{who.strip('/')}-{len(self.sessions)}"
        return write_work(folder, weight, examples)

    def contribute(self, who: str, task: TaskId, weight: Any = GOOD, examples: int = 10) -> Sent:
        """Accept, run and send, as one contributor."""
        session = self.as_(who)
        accept_task(session, task)
        run_task(session, task, self.work(who, weight, examples))
        return send_results(session, task)

    def validate(self, task: TaskId, *names: str) -> list[Validation]:
        """One visit of each aggregator, in turn."""
        return [validate_task_results(self.as_(name), task) for name in names or AGGREGATORS]

    def conclude(self, task: TaskId) -> list[Validation]:
        """Two visits of each: all commit, then all reveal, and the last releases what passed."""
        return [*self.validate(task), *self.validate(task)]

    def close(self) -> None:
        for session in self.sessions:
            session.close()


@functools.cache
def template() -> Path:
    """A home with an elected chain, made once in a test run and copied for each test."""
    folder = Path(tempfile.mkdtemp(prefix="decentralml-stage-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    elect(folder / "home")
    return folder / "home"


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """A stage of one test's own."""
    need_sandbox()
    shutil.copytree(template(), tmp_path / "home", symlinks=True)
    write_bundle(tmp_path / "toy")
    write_model(tmp_path / "base")
    write_validation_set(tmp_path / "validation")
    made = Stage(tmp_path)
    yield made
    made.close()
