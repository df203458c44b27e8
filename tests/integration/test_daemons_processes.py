"""Workers and aggregators as processes: signals, kills, nodes that go away."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from daemon_support import aggregators, begin, until_idle, wait_for
from market_support import (
    AGGREGATORS,
    CONTRIBUTORS,
    CREATOR,
    START,
    Stage,
    write_work,
)

ROOT = Path(__file__).parents[2]
BOB = CONTRIBUTORS[0]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_daemon_stops_cleanly_and_there_is_one_for_each_key(
    stage: Stage, number: signal.Signals
) -> None:
    data = write_work(stage.root / "own")
    first = begin(stage, f"worker run --data {data} --as {BOB}")
    try:
        wait_for(first, "started")
        second = begin(stage, f"worker run --data {data} --as {BOB}")
        _, said = second.communicate(timeout=60)
        assert second.returncode == 1
        assert f"process {first.pid}" in said
        first.send_signal(number)
        assert wait_for(first, "stopped")
        assert first.wait(60) == 0
        third = begin(stage, f"worker run --data {data} --as {BOB} --once")
        out, _ = third.communicate(timeout=60)
        assert third.returncode == 0
        events = [json.loads(line)["event"] for line in out.splitlines()]
        assert events == ["warning", "started", "stopped"]  # It takes anybody's tasks.
    finally:
        first.kill()


def test_a_daemon_lives_through_its_chain_being_started_anew(stage: Stage) -> None:
    from decentralml.market.node import reset

    data = write_work(stage.root / "own")
    process = begin(stage, f"worker run --data {data} --as {BOB}")
    try:
        wait_for(process, "started")
        reset(stage.as_(CREATOR).config)
        wait_for(process, "reset")
        wait_for(process, "back")
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    finally:
        process.kill()


def test_a_stop_does_not_wait_for_a_training_nor_leave_it_running(stage: Stage) -> None:
    (stage.bundle / "start_task.sh").write_text("echo deep in thought\nsleep 300\n")
    task = stage.post()
    data = write_work(stage.root / "own")
    process = begin(stage, f"worker run --data {data} --as {BOB}")
    try:
        wait_for(process, "output")
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    finally:
        process.kill()
    bob = stage.as_(BOB)
    assert bob.chain.open_assignment(task, bob.address) == 0, "the next start trains for it"
    attempt = bob.work(task).attempt(0)
    assert not attempt.output.exists()


def test_a_daemon_waits_for_a_node_that_goes_away(stage: Stage) -> None:
    def serve(port: int) -> tuple[subprocess.Popen[str], str]:
        command = [sys.executable, "-m", "decentralml", "chain", "serve"]
        server = subprocess.Popen(
            [
                *command,
                "--home",
                str(stage.home),
                "--port",
                str(port),
                "--block-time",
                "200ms",
                "--json",
            ],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert server.stdout is not None
        return server, json.loads("".join(server.stdout.readline() for _ in range(3)))["url"]

    def end(server: subprocess.Popen[str]) -> None:
        server.send_signal(signal.SIGINT)
        server.communicate(timeout=30)

    server, url = serve(0)
    daemon = begin(stage, f"aggregator run --chain {url} --as {AGGREGATORS[0]}")
    try:
        wait_for(daemon, "started")
        end(server)
        # What was asked at that very moment may be answered by a fault.
        assert wait_for(daemon, "away")["error"] in ("NodeUnreachable", "NodeTimeout", "NodeFault")
        server, _ = serve(int(url.rsplit(":", 1)[1]))
        wait_for(daemon, "back")
        daemon.send_signal(signal.SIGTERM)
        assert daemon.wait(60) == 0
    finally:
        daemon.kill()
        end(server)


def test_processes_that_are_killed_outright_go_on_where_they_were(stage: Stage) -> None:
    """A real creator and a real worker, each killed in the middle of a round, and started again."""
    (stage.bundle / "start_task.sh").write_text("sleep 2\n" + START)
    run = (
        f"train-federated --bundle {stage.bundle} --base-model {stage.model} --rounds 1 --reward 9 "
        f"--participants 1 --fee 1 --committee 1 --name run --every 50ms --as {CREATOR} "
        f"--validation-path {stage.validation_set}"
    )
    work = f"worker run --data {write_work(stage.root / 'own')} --as {BOB}"
    environment = os.environ | {"DECENTRALML_HOME": str(stage.home)}

    def create() -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "decentralml", *run.split()]
        return subprocess.Popen(command, cwd=ROOT, env=environment, text=True)

    worker = begin(stage, f"{work} --once")
    assert worker.wait(120) == 0, "nothing to do yet"
    creator = create()
    chain = stage.as_(BOB).chain
    try:
        for _ in range(600):
            if chain.tasks() or creator.poll() is not None:
                break
            time.sleep(0.1)
        assert chain.tasks(), "nothing was posted"
        creator.kill()
        worker = begin(stage, work)
        wait_for(worker, "training")
        worker.kill()
        worker = begin(stage, work)
        assert wait_for(worker, "sent")["index"] == 0, "the same slot"
        creator = create()
        for _ in range(120):  # Until the creator has shared its validation set, nobody can judge.
            for daemon, session in aggregators(stage):
                until_idle(daemon, session)
            if creator.poll() is not None:
                break
            time.sleep(0.5)
        assert creator.wait(60) == 0
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(60) == 0
    finally:
        creator.kill()
        worker.kill()
    (task,) = chain.tasks()
    assert (task.submissions, task.accepted) == (1, 1) and task.published is not None
