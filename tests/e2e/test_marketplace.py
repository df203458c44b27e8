"""The main job, as a user does it: `decentralml` processes on the embedded chain, real digits.

The same commands as `scripts/demo`, on less data; and what the demo does not show: several
commands at once, Ctrl-C in the middle, a chain behind `chain serve`.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sandbox_support import need_sandbox

pytest.importorskip("mlxtend", reason="the extra 'examples' is not installed")

pytestmark = pytest.mark.timeout(900)
ROOT = Path(__file__).parents[2]
ASSETS = ROOT / "assets"
CONTRIBUTORS = ("carol", "dan")
AGGREGATORS = ("ann", "bob", "cleo")
CAST = ("hospital", *CONTRIBUTORS, *AGGREGATORS, "vic", "vera")
SHARD = 200
"""Images that each contributor keeps of its shard, so that training takes a moment."""


class Actors:
    """Runs `decentralml` as this or that person, in one home."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.environment = {
            name: value for name, value in os.environ.items() if not name.startswith("DECENTRALML_")
        } | {
            "DECENTRALML_HOME": str(home),
            "DECENTRALML_PASSPHRASE": "a test",
            "PYTHONPATH": str(ROOT),
        }

    def start(self, *words: object, who: str | None = None) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "decentralml", *(["--as", who] if who else [])]
        return subprocess.Popen(
            [*command, *map(str, words)],
            env=self.environment,
            cwd=self.home.parent,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def ask(self, *words: object, who: str | None = None) -> Any:
        return self.finish(self.start(*words, "--json", who=who))

    def finish(self, process: subprocess.Popen[str]) -> Any:
        out, err = process.communicate(timeout=240)
        assert process.returncode == 0, f"{process.args}: {err}"
        assert err == "", f"with --json nothing but errors goes to standard error: {err}"
        return json.loads(out)

    def fail(self, *words: object, who: str | None = None) -> Any:
        process = self.start(*words, "--json", who=who)
        out, err = process.communicate(timeout=240)
        assert process.returncode == 1
        assert out == ""
        return json.loads(err)


@pytest.fixture(scope="module")
def actors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Actors]:
    need_sandbox()
    found = Actors(tmp_path_factory.mktemp("market") / "home")
    for name in CAST:
        found.ask("keys", "new", name)
        found.ask("transfer", name, 1000, who="//Alice")
    data = found.home.parent / "data"
    found.ask("example-data", "mnist", "--parts", 2, "--out", data)
    from decentralml.learning.examples import read_examples, write_examples

    for part in ("contributor-1", "contributor-2"):
        write_examples(read_examples(data / part)[np.arange(SHARD)], data / part)
    yield found


def create(actors: Actors, policy: str, results: int, *more: object) -> tuple[object, ...]:
    folder = actors.home.parent
    return (
        "create-task", ASSETS / "model_contributor", "--base-model", folder / "first",
        "--policy", policy, "--type", "ModelContributor", "--model-type", "Vision",
        "--reward", 40, "--fee", 2, "--results", results, "--committee", 3,
        "--expires", "2h", "--working-time", "1h", "--review-time", "1h",
        "--validation-path", folder / "data" / "validation", *more,
    )  # fmt: skip


def total(actors: Actors, name: str) -> int:
    return int(actors.ask("balance", name)["total"])


def test_the_main_job(actors: Actors) -> None:
    folder = actors.home.parent
    everybody = (*CAST, "treasury")
    before = {name: total(actors, name) for name in everybody}
    issued = actors.ask("chain", "status")["total_issuance"]

    for name in AGGREGATORS:
        actors.ask("aggregators", "apply", "--endpoint", f"https://{name}.example", who=name)
    for name in ("vic", "vera"):
        actors.ask("vote", *AGGREGATORS, "--stake", 200, who=name)
    actors.ask("chain", "advance", "--to-election")
    field = actors.ask("aggregators", "list")
    assert [entry["place"] for entry in field["aggregators"]] == ["in office"] * 3

    actors.ask(
        "train-model", ASSETS / "model_creator",
        "--data", folder / "data" / "creator", "--out", folder / "first",
    )  # fmt: skip
    created = actors.ask(*create(actors, "AutoAccept", 2, "--min-gain", "0.01"), who="hospital")
    task = created["task"]
    assert created["escrow"] == 2 * (40 + 3 * 2) * 10**12

    accepted = [actors.start("accept-task", task, "--json", who=who) for who in CONTRIBUTORS]
    assert sorted(actors.finish(process)["index"] for process in accepted) == [0, 1]
    for number, who in enumerate(CONTRIBUTORS, 1):
        actors.ask("run-task", task, "--data", folder / "data" / f"contributor-{number}", who=who)
        actors.ask("send-results", task, who=who)

    # All three at once, twice: they commit beside each other, and then reveal and release.
    for deeds in ({"committed"}, {"revealed"}):
        judging = [
            actors.start("validate-task-results", task, "--json", who=who) for who in AGGREGATORS
        ]
        for process in judging:
            duties = actors.finish(process)["duties"]
            assert all(deeds & set(duty["done"]) for duty in duties) or deeds == {"revealed"}
    actors.ask("validate-task-results", task, who="ann")
    results = actors.ask("list-task-results", task)
    assert [found["status"] for found in results] == ["Accepted"] * 2

    merged = actors.ask(
        "federate", task, "--out", folder / "next",
        "--validation-path", folder / "data" / "validation", who="hospital",
    )  # fmt: skip
    shown = actors.ask("show-task", task, who="carol")
    assert shown["task"]["published"] == merged["cid"]
    assert shown["task"]["status"] == "Completed"
    assert merged["metrics"]["accuracy"] > max(found["score"] for found in results) / 10**6 - 0.05

    actors.ask("bundles", "get", merged["cid"], "--out", folder / "again")
    scores = [
        actors.ask(
            "evaluate-model", model, "--bundle", ASSETS / "model_contributor",
            "--data", folder / "data" / "test",
        )["metrics"]["accuracy"]
        for model in (folder / "first", folder / "again", shown["work"]["result"])
    ]  # fmt: skip
    assert scores[1] > scores[0]

    after = {name: total(actors, name) for name in everybody}
    burned = issued - actors.ask("chain", "status")["total_issuance"]
    assert sum(after.values()) - sum(before.values()) == -burned
    assert after["carol"] - before["carol"] > 39 * 10**12


def test_ctrl_c_in_a_run_leaves_nothing_behind_and_the_same_command_trains_anew(
    actors: Actors,
) -> None:
    folder = actors.home.parent
    task = actors.ask(*create(actors, "ManualAccept", 1), who="hospital")["task"]
    actors.ask("accept-task", task, who="dan")
    words = ("run-task", task, "--data", folder / "data" / "contributor-2")
    process = actors.start(*words, who="dan")
    assert process.stderr is not None
    assert "running start_task.sh" in process.stderr.readline()
    time.sleep(1)  # into the script; whenever the signal comes, the outcome is the same
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "the same command begins anew" in err
    assert "Traceback" not in err
    work = Path(actors.ask("show-task", task, who="dan")["work"]["bundle"]).parent
    assert not list((work / "attempts").rglob("digits_*"))
    result = Path(actors.ask(*words, who="dan")["result"])
    assert (result / "model.safetensors").is_file()
    assert actors.fail("send-results", task, who="carol")["class"] == "NotAssigned"


def test_the_same_home_is_served_to_other_programs(actors: Actors) -> None:
    server = actors.start("chain", "serve", "--port", 0, "--json")
    try:
        assert server.stdout is not None
        lines = [server.stdout.readline() for _ in range(3)]
        url = json.loads("".join(lines))["url"]
        before = total(actors, "vic")
        actors.ask("transfer", "vic", "1.5", "--chain", url, who="vera")
        assert total(actors, "vic") == before + 1_500_000_000_000
        assert actors.ask("chain", "status", "--chain", url)["kind"] == "remote"
        height = actors.ask("chain", "status", "--chain", url)["block"]
        assert height > 0
        error = actors.fail("chain", "advance", "--blocks", 1, "--chain", url)
        assert error["class"] == "EmbeddedOnly"
    finally:
        server.send_signal(signal.SIGINT)
        server.communicate(timeout=30)
    assert server.returncode == 0
