"""polkadot.js from Node.js, as it is, against ``decentralml chain serve``."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from devchain_support import shared_cache
from js_support import node_js, run_script

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    node_js()
    home = tmp_path_factory.mktemp("polkadot-js")
    (home / "cache").symlink_to(shared_cache())
    # An hour: no blocks but those that are asked for.
    command = [sys.executable, "-m", "decentralml", "chain", "serve", "--home", str(home)]
    command += ["--port", "0", "--block-time", "1h", "--json"]
    server = subprocess.Popen(
        command, cwd=Path(__file__).parents[2], stdout=subprocess.PIPE, text=True
    )
    try:
        assert server.stdout is not None
        yield json.loads("".join(server.stdout.readline() for _ in range(3)))["url"]
    finally:
        server.send_signal(signal.SIGINT)
        server.communicate(timeout=30)


@pytest.fixture(scope="module")
def seen(url: str) -> dict[str, Any]:
    return run_script("polkadot_js.mjs", url)


def names(result: dict[str, Any]) -> list[str]:
    return [event["name"] for event in result["events"]]


def told(result: dict[str, Any]) -> list[str]:
    """Its statuses; where it is in a block that is final at once, polkadot.js may leave one out."""
    return [status for status in result["statuses"] if status != "InBlock"]


def test_it_connects_and_knows_the_runtime(seen: dict[str, Any]) -> None:
    assert seen["chain"] == "DecentralML Development"
    assert seen["runtime"] == "decentralml"
    assert {"Balances", "Assets", "Elections", "Aggregators", "Market"} <= set(seen["pallets"])
    assert seen["accounts"] >= 6


def test_mortal_and_immortal_transactions_are_included_and_say_what_they_did(
    seen: dict[str, Any],
) -> None:
    assert told(seen["mortal"]) == ["Ready", "Finalized"]
    assert {"balances.Transfer", "system.ExtrinsicSuccess"} <= set(names(seen["mortal"]))
    assert seen["mortal"]["error"] is None
    assert "system.ExtrinsicFailed" in names(seen["failing"])
    assert json.loads(seen["failing"]["error"]) == {"arithmetic": "Underflow"}
    assert names(seen["batch"]).count("utility.ItemCompleted") == 2
    assert int(seen["moved"]) == 12345 + 5
    assert 0 < int(seen["fee"]) < 10**12


def test_a_transaction_ahead_of_its_nonce_waits_for_its_predecessor(seen: dict[str, Any]) -> None:
    assert told(seen["waited"]) == ["Future", "Ready", "Finalized"]


def test_who_cannot_pay_is_refused(seen: dict[str, Any]) -> None:
    assert "Inability to pay some fees" in seen["refused"]


def test_heads_balances_and_events_are_subscribed_to(seen: dict[str, Any]) -> None:
    for numbers in (seen["heads"], seen["finalized"]):
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        assert len(numbers) >= 4
    assert len(seen["balances"]) >= 3  # how it stood, and after each transfer
    assert seen["events"].count("balances.Transfer") == 2


def test_headers_hash_to_what_the_chain_says_and_old_states_are_read(seen: dict[str, Any]) -> None:
    assert seen["headHash"] == seen["headHashTold"]
    assert seen["numberAtOne"] == 1


def test_a_task_is_created_accepted_submitted_judged_and_paid(url: str) -> None:
    done = run_script("market.mjs", url)
    assert done["status"] == "Completed"
    assert "Accepted" in done["submission"]["state"]
    assert int(done["earned"]) > 5 * 10**12  # the reward, and what it had deposited
    assert done["twice"] == "market.TaskCompleted"
    heard = done["heard"]
    stages = ["TaskCreated", "TaskAccepted", "ResultSubmitted", "CommitteeDrawn", "KeyHanded"]
    stages += ["Committed"] * 3 + ["Revealed"] * 3 + ["ResultValidated", "KeyReleased"]
    assert [name for name in heard if name in stages] == stages
    assert heard.count("FeePaid") == 3
