"""A script of more than a hundred calls: the embedded chain answers as a real Parity node does.

The node starts on a specification that was exported here and has the same genesis; its blocks
replay here to the same state roots; then both are asked the same of the same blocks.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from calls_support import CALLS, run, transactions
from chain_support import node_process
from devchain_support import account, batch, remark, set_storage, signed, transfer
from rpc_support import (
    Client,
    copy_of,
    free_port,
    genesis_file,
    header_of,
    open_chain,
    served,
    wait_for,
)

from decentralml.devchain.chain import DevChain

pytestmark = [pytest.mark.node, pytest.mark.timeout(300)]

BLOCK_MILLISECONDS = 200
DEADLINE_SECONDS = 60

DIFFERENCES: dict[str, str] = {}
"""Where the embedded chain deliberately says something else than the node, and why."""


@dataclass(frozen=True)
class Peers:
    node: dict[str, Any]
    ours: dict[str, Any]


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hundred-calls")
    return copy_of(genesis_file(folder), folder)


@pytest.fixture(scope="module")
def node(file: Path) -> Iterator[str]:
    """A node that keeps every state, on the specification of our chain."""
    home = file.parent
    with open_chain(file) as chain:
        (home / "spec.json").write_text(json.dumps(chain.export_spec()))
    archive = ("--state-pruning", "archive", "--blocks-pruning", "archive")
    with node_process(home, free_port(), BLOCK_MILLISECONDS, more=archive) as url:
        wait_for(url)
        yield url


@pytest.fixture(scope="module")
def peers(node: str, file: Path) -> Peers:
    with open_chain(file) as chain, Client(node) as client:
        last = work(client, chain)
        for number in range(1, last + 1):
            replay(client, chain, number)
        assert chain.height == last
        names = {
            "GENESIS": "0x" + chain.genesis.hex(),
            "LAST": "0x" + chain.head.hex(),
            **transactions(chain),
        }
    with served(file) as ours:
        return Peers(run(node, names), run(ours, names))


def work(client: Client, chain: DevChain) -> int:
    """Have the node make blocks with all kinds of changes; the number of the last one."""
    bob, alice = account("Bob"), account("Alice")
    sent = [
        signed(chain, bob, 0, transfer(account("New").public, 10**13)),
        signed(chain, bob, 1, transfer(account("Newer").public, 2**100)),
        signed(chain, bob, 2, batch([remark(b"one"), remark(b"two" * 50)]), tip=7),
        signed(chain, alice, 0, set_storage({b"a": b"short", b"ab": b"long" * 50, b"abc": b""})),
        signed(chain, alice, 1, set_storage({b"ab": b"shorter"})),
    ]
    for extrinsic in sent:
        client.result("author_submitExtrinsic", "0x" + extrinsic.hex())
    wanted = {"0x" + extrinsic.hex() for extrinsic in sent}
    number, end = 0, time.monotonic() + DEADLINE_SECONDS
    while wanted:
        assert time.monotonic() < end, "the node does not include them"
        name = client.result("chain_getBlockHash", number + 1)
        if name is None:
            time.sleep(BLOCK_MILLISECONDS / 1000)
            continue
        number += 1
        wanted -= set(client.result("chain_getBlock", name)["block"]["extrinsics"])
    return number


def replay(client: Client, chain: DevChain, number: int) -> None:
    """Execute one of its blocks here: ``BlockRefused`` if its state root is not ours."""
    name = client.result("chain_getBlockHash", number)
    block = client.result("chain_getBlock", name)["block"]
    body = [bytes.fromhex(extrinsic[2:]) for extrinsic in block["extrinsics"]]
    assert "0x" + chain.execute_block(header_of(block["header"]), body).hex() == name


def test_a_node_on_our_exported_specification_has_our_genesis_and_name(
    node: str, file: Path
) -> None:
    with open_chain(file) as chain, Client(node) as client:
        assert client.result("chain_getBlockHash", 0) == "0x" + chain.genesis.hex()
        assert client.result("system_chain") == chain.name
        assert client.result("system_properties") == chain.properties


@pytest.mark.parametrize("label", CALLS)
def test_the_answer_is_the_node_s(peers: Peers, label: str) -> None:
    if label in DIFFERENCES:
        assert peers.ours[label] != peers.node[label], "they agree now: strike it from the list"
    else:
        assert peers.ours[label] == peers.node[label]


def test_no_difference_is_listed_that_is_not_asked() -> None:
    assert set(DIFFERENCES) <= set(CALLS)
    assert len(CALLS) >= 100
