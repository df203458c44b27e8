"""The same use cases against `decentralml chain serve`: another machine's view of the chain."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from market_support import (
    AGGREGATORS,
    CONTRIBUTORS,
    CREATOR,
    Stage,
)

from decentralml.market.contributing.contributor import accept_task
from decentralml.market.contributing.running import run_task
from decentralml.market.contributing.sending import send_results
from decentralml.market.creating.creator import create_task
from decentralml.market.judging.review import validate_task_results
from decentralml.market.merging.federation import federate
from decentralml.market.session import Session
from decentralml.types import SubmissionStatus

ROOT = Path(__file__).parents[2]


@pytest.fixture
def url(stage: Stage) -> Iterator[str]:
    command = [sys.executable, "-m", "decentralml", "chain", "serve", "--home", str(stage.home)]
    server = subprocess.Popen(
        [*command, "--port", "0", "--block-time", "200ms", "--json"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stdout is not None
        yield json.loads("".join(server.stdout.readline() for _ in range(3)))["url"]
    finally:
        server.send_signal(signal.SIGINT)
        server.communicate(timeout=30)


def test_a_task_lives_its_whole_life_over_a_socket(
    stage: Stage,
    url: str,
    tmp_path: Path,
) -> None:
    def remote(name: str) -> Session:
        session = Session(replace(stage.as_(name).config, chain=url))
        stage.sessions.append(session)
        return session

    creator, contributor = remote(CREATOR), remote(CONTRIBUTORS[0])
    task = create_task(creator, stage.bundle, stage.offer(committee=1)).task
    accept_task(contributor, task)
    run_task(contributor, task, stage.work(CONTRIBUTORS[0]))
    send_results(contributor, task)
    for name in AGGREGATORS:
        validate_task_results(remote(name), task)
    assert creator.chain.submission(task, 0).status is SubmissionStatus.ACCEPTED
    merged = federate(creator, task, tmp_path / "next")
    assert creator.chain.task(task).published == merged.cid
    assert create_task(creator, stage.bundle, stage.offer(committee=1)).task == task + 1
