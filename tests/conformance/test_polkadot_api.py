"""polkadot-api from Node.js, as it is, over the groups ``chainHead_v1``, ``chainSpec_v1`` and
``transaction_v1``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from js_support import node_js, run_script
from rpc_support import copy_of, genesis_file, open_chain, served

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("polkadot-api")
    return copy_of(genesis_file(folder), folder)


@pytest.fixture(scope="module")
def seen(file: Path) -> Iterator[dict[str, Any]]:
    node_js()
    with served(file) as url:
        yield run_script("polkadot_api.mjs", url)


def test_it_connects_and_reads_what_the_chain_is(seen: dict[str, Any], file: Path) -> None:
    with open_chain(file) as chain:
        assert seen["spec"] == {
            "name": chain.name,
            "genesisHash": "0x" + chain.genesis.hex(),
            "properties": chain.properties,
        }
    assert seen["version"] == "decentralml"


def test_a_transaction_is_broadcast_included_and_final(seen: dict[str, Any], file: Path) -> None:
    assert seen["statuses"] == ["signed", "broadcasted", "txBestBlocksState", "finalized"]
    assert seen["ok"]
    assert {"Balances.Transfer", "System.ExtrinsicSuccess"} <= set(seen["events"])
    assert int(seen["moved"]) == 12345 + 5
    assert seen["nonce"] == 3
    with open_chain(file) as chain:
        block = chain.block(bytes.fromhex(seen["inBlock"]["hash"][2:]))
        assert block is not None
        assert block.number == seen["inBlock"]["number"] == seen["past"]
        assert len(block.extrinsics) == 2 == seen["body"]


def test_a_call_that_fails_and_one_that_cannot_be_paid_say_why(seen: dict[str, Any]) -> None:
    assert seen["failing"] == {"ok": False, "error": "Arithmetic"}
    assert seen["refused"] == {"type": "Invalid", "value": {"type": "Payment"}}
    # Fees of three transactions were burned, each about what was foreseen.
    assert int(seen["burned"]) == pytest.approx(3 * int(seen["fee"]), rel=0.1)


def test_finalized_blocks_and_changing_entries_are_watched(seen: dict[str, Any]) -> None:
    assert seen["finalized"] == [0, 1, 2, 3]
    assert seen["block"]["number"] == seen["header"] == 3
    first, *changes = seen["entries"]
    assert len(first) == seen["accounts"] >= 6
    alice, bob = seen["addresses"]
    assert [sorted(changed) for changed in changes] == [
        sorted((alice, bob)),
        sorted((alice, bob)),
        [alice],  # the failing one only paid
    ]
