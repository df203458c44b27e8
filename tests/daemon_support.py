"""Workers and aggregators of a stage, in this process and as processes of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from market_support import (
    AGGREGATORS,
    Stage,
    write_work,
)

from decentralml.market.daemons.aggregator import Aggregator
from decentralml.market.daemons.policy import WorkerPolicy
from decentralml.market.daemons.worker import Worker
from decentralml.market.session import Session
from decentralml.service.log import Quiet
from decentralml.service.stopping import Stop

ROOT = Path(__file__).parents[1]


class Ear(Quiet):
    """Remembers what it is told."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, dict[str, Any]]] = []

    def event(self, name: str, text: str, **facts: Any) -> None:
        self.heard.append((name, facts | {"text": text}))

    def names(self) -> list[str]:
        return [name for name, _ in self.heard]


def worker(stage: Stage, data: Path | None = None, **policy: Any) -> Worker:
    if data is None:
        data = write_work(stage.root / "own")
    return Worker(WorkerPolicy(data, **policy), Ear(), Stop())


def heard(daemon: Worker | Aggregator) -> list[str]:
    assert isinstance(daemon.log, Ear)
    return daemon.log.names()


def until_idle(daemon: Worker | Aggregator, session: Session) -> None:
    for _ in range(20):
        if not daemon.visit(session):
            return
    raise AssertionError("it never comes to rest")


def aggregators(stage: Stage) -> list[tuple[Aggregator, Session]]:
    return [(Aggregator(Ear(), Stop()), stage.as_(name)) for name in AGGREGATORS]


def begin(stage: Stage, line: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "decentralml", *line.split(), "--every", "50ms", "--log-json"],
        cwd=ROOT,
        env=os.environ | {"DECENTRALML_HOME": str(stage.home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def events(process: subprocess.Popen[str]) -> Iterator[dict[str, Any]]:
    assert process.stdout is not None
    for line in process.stdout:
        yield json.loads(line)


def wait_for(process: subprocess.Popen[str], name: str) -> dict[str, Any]:
    for event in events(process):
        if event["event"] == name:
            return event
    assert process.stderr is not None
    raise AssertionError(f"no {name}: {process.stderr.read()}")
