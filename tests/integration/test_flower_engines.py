"""The strategy and the server command in Flower's own engines: simulated, and as processes."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("flwr", reason="the extra 'flower' is not installed")

from decentralml.db.artifacts import get_latest_models_by_type, load_model_from_artifact
from decentralml.db.engine import Database

ROOT = Path(__file__).parents[2]
PROGRAMS = Path(sys.executable).parent

SIMULATION = """
import numpy as np
from flwr.app import Array, ArrayRecord
from flwr.serverapp import ServerApp
from flwr.simulation import run_simulation

from decentralml.db.engine import session_factory
from decentralml.flower.strategy import create_db_integrated_strategy
from flower_clients import app

server = ServerApp()

@server.main()
def main(grid, context):
    strategy = create_db_integrated_strategy(session_factory(), "hybrid", min_fit_clients=3)
    zeros = {"weight": np.zeros((2, 2), "f4"), "bias": np.zeros(2, "f4")}
    arrays = ArrayRecord({name: Array(values) for name, values in zeros.items()})
    result = strategy.start(grid, arrays, num_rounds=2)
    print("WEIGHT", result.arrays["weight"].numpy().tolist())
    print("APART", strategy.rounds[2].apart)
    print("LOSS", result.evaluate_metrics_clientapp[2]["loss"])

resources = {"client_resources": {"num_cpus": 1, "num_gpus": 0}, "init_args": {"num_cpus": 1}}
run_simulation(server, app, 3, backend_config=resources)
"""
# Both Vision clients have the factor 1.35. The old one, which is chosen, counts twice for its 10
# examples, the new one once for its 30: (20 · 1 + 30 · 5) / 50 = 3.4 a round.
STEP = 3.4


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Flower and the database keep to the test's folder; nothing leaves the machine."""
    path = os.pathsep.join([str(ROOT), str(ROOT / "tests"), os.environ.get("PYTHONPATH", "")])
    return os.environ | {
        "PATH": f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": path,
        "HOME": str(tmp_path),
        "DECENTRALML_HOME": str(tmp_path / "home"),
        "DATABASE_URL": f"sqlite:///{tmp_path / 'federation.sqlite'}",
        "FLWR_HOME": str(tmp_path / "flower"),
        "FLWR_TELEMETRY_ENABLED": "0",
        "FLWR_DISABLE_UPDATE_CHECK": "1",
        "RAY_USAGE_STATS_ENABLED": "0",
    }


@pytest.mark.timeout(600)
def test_a_simulated_federation(tmp_path: Path, environment: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SIMULATION],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=500,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert "Round 1: Target LLM type = Vision (auto-detected)" in said
    assert "Selected aggregator: old (hybrid score: " in said
    assert "APART {'text': 'Text'}" in said
    weight = json.loads(next(x for x in said.splitlines() if x.startswith("WEIGHT"))[7:])
    assert [x for row in weight for x in row] == pytest.approx([2 * STEP] * 4)
    loss = float(next(x for x in said.splitlines() if x.startswith("LOSS"))[5:])
    assert loss == pytest.approx(2 * STEP)
    with Database(environment["DATABASE_URL"]) as database:
        models = get_latest_models_by_type("Vision", db_session_factory=database.sessions)
        assert [model.name for model in models] == ["round-2.safetensors", "round-1.safetensors"]


@contextlib.contextmanager
def node(number: int, port: int, client: str, environment: dict[str, str]) -> Iterator[None]:
    """A SuperNode whose operator has chosen a client."""
    own = environment | {"FLWR_HOME": f"{environment['FLWR_HOME']}-{number}"}
    command = [
        *(str(PROGRAMS / "flower-supernode"), "--insecure"),
        *("--superlink", f"127.0.0.1:{port}", "--port", str(free_port())),
        *("--node-config", f'client="{client}"'),
    ]
    log = Path(environment["HOME"], f"node-{number}.log")
    with log.open("wb") as stream:
        process = subprocess.Popen(command, env=own, stdout=stream, stderr=stream)
        try:
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(20)
            process.kill()
            process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.timeout(900)
def test_a_deployed_federation(tmp_path: Path, environment: dict[str, str]) -> None:
    port = free_port()
    command = [
        *(sys.executable, "-m", "decentralml", "flower-server", "--json"),
        *("--num-rounds", "1", "--min-clients", "2", "--port", str(port)),
        *("--strategy", "hybrid", "--use-type-based-aggregation"),
        *("--out", str(tmp_path / "out")),
    ]
    with (
        node(1, port, "flower_clients:client_fn", environment),
        node(2, port, "flower_clients:new", environment),
    ):
        done = subprocess.run(
            command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=800
        )
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout)
    (told,) = found["rounds"]
    assert (told["target"], told["aggregator"]) == ("Vision", "old")
    assert told["clients"]["old"]["weight"] == pytest.approx(27)
    assert told["clients"]["new"]["weight"] == pytest.approx(40.5)
    assert Path(found["model"]).is_file()
    with Database(environment["DATABASE_URL"]) as database:
        (model,) = get_latest_models_by_type("Vision", db_session_factory=database.sessions)
        tensors = load_model_from_artifact(model.artifact_id, db_session_factory=database.sessions)
        # The old-style client gave the model to begin from, whose arrays have no names.
        assert tensors["0"].flatten().tolist() == pytest.approx([STEP] * 4)
        assert tensors["1"].tolist() == pytest.approx([STEP] * 2)


def test_a_port_that_is_taken_is_named(tmp_path: Path, environment: dict[str, str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        command = [sys.executable, "-m", "decentralml", "flower-server", "--port", str(port)]
        done = subprocess.run(
            command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=120
        )
    assert done.returncode == 1
    assert f"error: cannot listen on 127.0.0.1:{port}: Address already in use" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--strategy", "pfc_centric"), "needs --pfc-node-id"),
        (("--strategy", "random"), "'random' is not one of"),
        (("--target-llm-type", "Beauty"), "'Beauty' is not one of"),
        (("--aggregator-weight-multiplier", "4"), "4.0 is not in the range 1.5<=x<=3.0"),
        (("--certificate", __file__), "belong together"),
    ],
)
def test_options_that_make_no_sense_are_a_usage_error(
    options: tuple[str, ...], words: str, environment: dict[str, str]
) -> None:
    command = [sys.executable, "-m", "decentralml", "flower-server", *options]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 2 and words in done.stderr
