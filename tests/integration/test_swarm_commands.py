"""``decentralml swarm`` as people type it: every command, its table, its JSON, its mistakes."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest
from chain_support import BOB
from cli_support import Run, ask, error
from rpc_support import free_port
from swarm_support import SPECS, write_model

from decentralml.cli import swarm as cli_swarm
from decentralml.service.stopping import Stop, Stopped
from decentralml.swarm.config import SwarmConfig


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_model(tmp_path / "model.safetensors", 0.0)


@pytest.fixture
def swarm(run: Run, model: Path) -> int:
    """A swarm of Alice's that sells seats for two tokens."""
    words = ("--min-peers", 2, "--max-peers", 5, "--admission", "sale", "--price", 2)
    made = ask(run, "swarm", "create", "--model", model, *words, "--as", "//Alice")
    return int(made["swarm"])


def test_a_member_from_its_seat_to_its_end(run: Run, swarm: int, tmp_path: Path) -> None:
    listed = run("swarm", "list").stdout
    assert "Sale, 2" in listed and "round 1" in listed
    told = error(run, "swarm", "join", swarm, "--address", "127.0.0.1:7443", "--as", "//Bob")
    assert "it costs 2: decentralml swarm buy" in told["message"]
    run("swarm", "grant", swarm, "//Alice", "--as", "//Alice")
    bought = ask(run, "swarm", "buy", swarm, "--at-most", 2, "--as", "//Bob")
    assert bought["fee"] > 0
    shown = ask(run, "swarm", "identity", swarm, "--as", "//Bob")
    assert shown["registered"] is False and f":{swarm}:" in shown["names"][0]
    at = f"127.0.0.1:{free_port()}"
    heavy = ("swarm", "join", swarm, "--address", at, "--weightage", 7, "--as", "//Bob")
    told = error(run, *heavy)
    assert told["class"] == "WeightageAboveTerms" and "from 1 to 1" in told["message"]
    changed = ask(run, "swarm", "change", swarm, "--max-weightage", 10, "--as", "//Alice")
    assert changed["terms"]["max_weightage"] == 10
    assert "safe is --max-weightage 1" in changed["warnings"][0]
    joined = ask(run, *heavy)
    assert (joined["node"]["address"], joined["node"]["weightage"]) == (at, 7)
    again = ask(run, "swarm", "join", swarm, "--no-lead", "--as", "//Bob")
    assert again["registered"] and not again["node"]["willing"] and again["node"]["address"] == at
    assert not ask(run, "swarm", "join", swarm, "--as", "//Bob")["registered"]
    assert ask(run, "swarm", "identity", swarm, "--as", "//Bob")["registered"] is True
    rotated = ask(run, "swarm", "identity", swarm, "--rotate", "--as", "//Bob")
    assert rotated["sha256"] != shown["sha256"] and rotated["shown"] == shown["sha256"]
    assert ask(run, "swarm", "join", swarm, "--as", "//Bob")["registered"] is True
    run("swarm", "ready", swarm, "--as", "//Bob")
    status = ask(run, "swarm", "status", swarm, "--as", "//Bob")
    assert status["stage"] == "Idle" and "1 of 2 needed are ready" in status["text"]
    assert status["own"]["problem"] == "does not run here"
    assert run("swarm", "status", swarm).stdout.count("Ready") == 1
    run("swarm", "finish", swarm, "active", "--as", "//Bob")
    run("swarm", "leave", swarm, "--yes", "--as", "//Bob")
    assert ask(run, "swarm", "status", swarm)["nodes"] == []


def test_an_owner_changes_revokes_closes_and_clears(run: Run, swarm: int) -> None:
    run("swarm", "grant", swarm, "//Bob", "//Charlie", "--as", "//Alice")
    changed = ask(run, "swarm", "change", swarm, "--min-peers", 3, "--as", "//Alice")
    assert changed["terms"]["min_peers"] == 3
    (revoked,) = ask(run, "swarm", "revoke", swarm, "//Bob", "--yes", "--as", "//Alice")
    assert revoked["account"] == BOB.address
    told = error(run, "swarm", "close", swarm, "--yes", "--as", "//Bob")
    assert "does not own" in told["message"]
    run("swarm", "close", swarm, "--yes", "--as", "//Alice")
    assert "closed" in run("swarm", "status", swarm).stdout
    assert ask(run, "swarm", "clear", swarm, "--as", "//Bob")["seats"] == 1
    assert error(run, "swarm", "status", swarm)["class"] == "UnknownSwarm"


def test_the_configuration_is_in_storage_and_in_a_file(
    run: Run, model: Path, tmp_path: Path
) -> None:
    made = ask(
        run, "swarm", "create", "--model", model, "--min-peers", 1, "--sync-frequency", 16,
        "--update-limit", 5000, "--as", "//Alice",
    )  # fmt: skip
    config = SwarmConfig.read(Path(made["file"]))
    assert (config.update_bytes, config.training) == (5000, {"sync_frequency": 16})
    assert config.tensors == SPECS
    words = ("--min-peers", 1, "--as", "//Alice")
    again = ask(run, "swarm", "create", "--config", made["file"], *words)
    assert again["config"] == made["config"] and again["swarm"] == made["swarm"] + 1


def test_terms_that_let_both_sides_of_a_split_network_merge_are_warned_of(
    run: Run, model: Path
) -> None:
    words = ("swarm", "create", "--model", model, "--max-peers", 5, "--as", "//Alice")
    made = run(*words, "--min-peers", 2)
    assert "safe is --min-peers 3, or --max-peers 3" in made.stderr
    assert "decentralml swarm grant 0 ACCOUNT" in made.stdout
    (warning,) = ask(run, *words, "--min-peers", 2)["warnings"]
    assert warning in made.stderr
    assert "safe is" not in run(*words, "--min-peers", 3).stderr
    change = ("swarm", "change", 0, "--as", "//Alice")
    assert "safe is" not in run(*change, "--min-peers", 3).stderr
    assert "--max-peers 5" in run(*change, "--max-peers", 6).stderr
    assert "safe is" not in run(*change, "--quorum-wait", "5s").stderr, "said already"


def test_who_has_no_seat_is_not_asked_whether_to_give_it_up(run: Run, swarm: int) -> None:
    found = error(run, "swarm", "leave", swarm, "--as", "//Charlie")
    assert found["class"] == "NoSeat"
    assert error(run, "swarm", "leave", 99, "--as", "//Charlie")["class"] == "UnknownSwarm"
    run("swarm", "grant", swarm, "//Charlie", "--as", "//Alice")
    found = error(run, "swarm", "leave", swarm, "--as", "//Charlie")
    assert found["class"] == "ConfirmationNeeded"


def test_a_status_names_who_got_no_file_and_why(
    run: Run, swarm: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("swarm", "grant", swarm, "//Bob", "--as", "//Alice")
    run("swarm", "join", swarm, "--address", "127.0.0.1:7443", "--as", "//Bob")
    refused = [
        {"who": f"192.0.2.{n}", "reason": "TLS failed", "times": n, "last": 1_700_000_000_000}
        for n in range(9, 0, -1)
    ]
    refused[0]["who"] = BOB.address
    told = {
        "waits": "all is well",
        "model": "/shelf/model",
        "members_read": 1_700_000_000_000,
        "members_fault": "the chain is away",
        "distrusted": {BOB.address: "it expired"},
        "refused": refused,
        "damaged": ["bafy"],
    }
    monkeypatch.setattr(cli_swarm, "ask_own", lambda home: told)
    shown = run("swarm", "status", swarm, "--as", "//Bob").stdout
    for line in (
        "own node   all is well",
        "own model  /shelf/model",
        "lets in    members as of 2023-11-14 22:13:20Z: the chain cannot be read (the chain is",
        "distrusts  //Bob: it expired",
        "disk       damaged bafy",
        "and 1 more: --json has them",
    ):
        assert line in shown
    assert ["//Bob", "9", "2023-11-14"] in [row.split()[:3] for row in shown.splitlines()]
    assert ask(run, "swarm", "status", swarm, "--as", "//Bob")["own"] == told


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--min-peers", 6, "--max-peers", 5), "no round would ever end"),
        (("--min-peers", 1, "--merge", "average"), "'average' is not one of"),
        (("--min-peers", 0), "0 is not in the range"),
        (("--min-peers", 1, "--price", 3), "--price goes with --admission sale"),
        (("--min-peers", 1, "--admission", "sale"), "--price goes with --admission sale"),
        (("--min-peers", 1, "--spread", 1000), "is not in the range"),
        (("--min-peers", 1, "--quorum-wait", "soon"), "is not a duration"),
    ],
)
def test_terms_that_make_no_sense_are_named(
    run: Run, model: Path, words: tuple[object, ...], told: str
) -> None:
    found = run("swarm", "create", "--model", model, *words, "--as", "//Alice", code=2)
    assert told in found.stderr and "Traceback" not in found.stderr


@pytest.mark.parametrize(
    ("words", "kind", "told"),
    [
        (("--weightage", 101), "BadWeightage", "from 1 to 100"),
        (("--weightage", 0), "BadWeightage", "from 1 to 100"),
        (("--address", "nowhere"), "EndpointInvalid", "no address of a file server"),
        (("--address", "a:99999"), "EndpointInvalid", "port"),
    ],
)
def test_a_node_that_makes_no_sense_is_named(
    run: Run, swarm: int, words: tuple[object, ...], kind: str, told: str
) -> None:
    words = words if "--address" in words else ("--address", "127.0.0.1:1", *words)
    found = error(run, "swarm", "join", swarm, *words, "--as", "//Alice")
    assert found["class"] == kind and told in found["message"]


def test_what_is_not_there_is_named(run: Run, swarm: int, tmp_path: Path, model: Path) -> None:
    assert error(run, "swarm", "status", 99)["class"] == "UnknownSwarm"
    assert "has no node in swarm" in run("swarm", "run", swarm, "--as", "//Bob", code=1).stderr
    run("swarm", "create", "--min-peers", 1, "--as", "//Alice", code=2)
    run("swarm", "change", swarm, "--as", "//Alice", code=2)
    run("swarm", "join", swarm, "--as", "//Alice", code=2)
    run("swarm", "identity", swarm, "--certificate", model, "--as", "//Alice", code=2)
    bad = error(run, "swarm", "create", "--config", model, "--min-peers", 1, "--as", "//Alice")
    assert bad["class"] == "SwarmConfigInvalid"
    text = tmp_path / "no.safetensors"
    text.write_text(json.dumps({}))
    bad = error(run, "swarm", "create", "--model", text, "--min-peers", 1, "--as", "//Alice")
    assert bad["class"] == "DamagedTensors"


def test_an_address_in_use_is_named_before_anything_begins(run: Run, swarm: int) -> None:
    run("swarm", "grant", swarm, "//Alice", "--as", "//Alice")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        at = f"127.0.0.1:{taken.getsockname()[1]}"
        run("swarm", "join", swarm, "--address", at, "--as", "//Alice")
        found = run("swarm", "run", swarm, "--as", "//Alice", code=1)
    assert f"cannot listen on {at}: the address is in use" in found.stderr


def test_a_node_that_waits_for_its_chain_is_stopped_without_a_fuss(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def sleep(stop: Stop, seconds: float) -> None:
        raise Stopped

    monkeypatch.setattr(Stop, "sleep", sleep)
    away = ("--chain", f"ws://127.0.0.1:{free_port()}")
    found = run(*away, "swarm", "run", 0, "--as", "//Alice", code=0)
    assert "no node answers" in found.stderr + found.stdout
    assert (found.stderr + found.stdout).rstrip().endswith("stopped")


def test_certificates_for_another_swarm_are_refused_by_name(run: Run, swarm: int) -> None:
    run("swarm", "grant", swarm, "//Alice", "--as", "//Alice")
    other = ask(run, "swarm", "identity", swarm + 1, "--as", "//Alice")
    own = ("--certificate", other["certificate"], "--key-file", other["key"])
    found = error(run, "swarm", "join", swarm, "--address", "a:1", *own, "--as", "//Alice")
    assert found["class"] == "CertificateForeign"
    assert f"swarm {swarm + 1}" in found["message"]
    found = error(run, "swarm", "identity", swarm, *own, "--as", "//Alice")
    assert found["class"] == "CertificateForeign"
    assert f":{swarm}:" in ask(run, "swarm", "identity", swarm, "--as", "//Alice")["names"][0]
