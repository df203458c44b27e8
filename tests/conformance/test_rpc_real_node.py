"""A real Parity node on the same runtime: the same genesis, the same answers, and its blocks,
executed here, give the same state roots. ``DECENTRALML_NODE`` names the program."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from chain_support import (
    ALICE,
    BOB,
    CHARLIE,
    connect_patiently,
    elect,
    free_port,
    node_process,
    terms,
)
from devchain_support import account, new_chain, nonce, signed
from rpc_support import copy_of, genesis_file, header_of, open_chain, post, served

from decentralml.chain import calls
from decentralml.chain.api import Chain
from decentralml.chain.substrate.client import SubstrateChain
from decentralml.chain.substrate.embedded import EmbeddedTransport
from decentralml.devchain.chain import DevChain
from decentralml.devchain.codec import compact
from decentralml.devchain.hashes import storage_prefix
from decentralml.devchain.rpc.views import to_hex
from decentralml.types import UNIT, Cid, Seal, TaskId

pytestmark = [pytest.mark.node, pytest.mark.timeout(600)]

BLOCKS = 200
BLOCK_MILLISECONDS = 100
ASSETS = 8
RESULT = Cid("bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy")
SEAL = Seal(b"\x08" * 32, b"\x09" * 32)


@dataclass(frozen=True)
class Node:
    url: str
    chain: Chain


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    home = tmp_path_factory.mktemp("node")
    with (
        node_process(home, free_port(), BLOCK_MILLISECONDS) as url,
        connect_patiently(home, url) as chain,
    ):
        yield Node(url, chain)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("embedded")
    return copy_of(genesis_file(folder), folder)


def ask(url: str, method: str, *params: Any) -> dict[str, Any]:
    request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
    answer: dict[str, Any] = json.loads(post(url, json.dumps(request).encode())[1])
    return answer


def asset(call: int, *arguments: bytes) -> bytes:
    return bytes((ASSETS, call)) + b"".join(arguments)


def send_assets(url: str, chain: DevChain) -> None:
    """Eve makes an asset, mints it, sends half of it; then tries to send more than there is."""
    eve, number = account("Eve"), compact(9)
    to = b"\0" + account("Ferdie").public
    made = (
        asset(0, number, b"\0" + eve.public, (1).to_bytes(16, "little")),
        asset(6, number, b"\0" + eve.public, compact(1000)),
        asset(8, number, to, compact(500)),
        asset(8, number, to, compact(5000)),
    )
    first = ask(url, "system_accountNextIndex", "5HGjWAeFDfFCWPsjFQdVV2Msvz2XtMktvgocEZcCj68kUMaw")
    for index, call in enumerate(made):
        extrinsic = signed(chain, eve, first["result"] + index, call)
        answer = ask(url, "author_submitExtrinsic", "0x" + extrinsic.hex())
        assert "result" in answer, answer


def work(chain: Chain) -> None:
    """One task of each policy; Bob and Charlie work, one gives up."""
    from decentralml.types import ValidationStrategy

    for policy in ValidationStrategy:
        made = chain.submit(calls.CreateTask(terms(chain, strategy=policy)), ALICE)
        task = chain.tasks(1)[0].id
        assert made.events
        for key in (BOB, CHARLIE):
            chain.submit(calls.AcceptTask(task), key)
        chain.submit(calls.SubmitResult(task, RESULT, b"\x07" * 32, SEAL), BOB)
        chain.submit(calls.Abandon(task), CHARLIE)
        chain.submit(calls.Batch((calls.Transfer(BOB.address, UNIT),)), ALICE)


def test_the_node_has_our_genesis_and_its_blocks_have_our_state_roots(
    node: Node, file: Path
) -> None:
    with open_chain(file) as ours:
        genesis = ask(node.url, "chain_getBlockHash", 0)["result"]
        assert genesis == "0x" + ours.genesis.hex()
        elect(node.chain)
        send_assets(node.url, ours)
        node.chain.wait_block(10)
        work(node.chain)
        node.chain.wait_block(BLOCKS)
        height = int(ask(node.url, "chain_getHeader")["result"]["number"], 16)
        started = time.perf_counter()
        extrinsics = 0
        for number in range(1, height + 1):
            name = ask(node.url, "chain_getBlockHash", number)["result"]
            block = ask(node.url, "chain_getBlock", name)["result"]["block"]
            body = [bytes.fromhex(extrinsic[2:]) for extrinsic in block["extrinsics"]]
            # BlockRefused here means that a state root differs.
            assert "0x" + ours.execute_block(header_of(block["header"]), body).hex() == name
            extrinsics += len(body)
        seconds = time.perf_counter() - started
        print(f"{height} blocks, {extrinsics} extrinsics in {seconds:.1f} s")
        assert height >= BLOCKS
        for pallet, item in (
            ("Market", "Tasks"),
            ("Market", "Submissions"),
            ("Assets", "Account"),
            ("Elections", "Members"),
        ):
            assert ours.keys(storage_prefix(pallet, item), 1), f"no {pallet}.{item} in the blocks"
        check_receipts(node.chain, SubstrateChain(EmbeddedTransport(ours, str(file))))


def check_receipts(there: Chain, here: Chain) -> None:
    """What was shown there holds here, and the other way round; the proofs are the same bytes."""
    for index in (0, 1):
        history = here.history(TaskId(0), index)
        assert history.stored == (index == 0), "the second slot was given back"
        evidence = here.evidence(history)
        assert evidence == there.evidence(history)
        for chain in (here, there):
            assert chain.proven(TaskId(0), index, history.until, evidence) == history


@pytest.fixture(scope="module")
def ours(file: Path) -> Iterator[str]:
    with served(file) as url:
        yield url


@pytest.mark.parametrize(
    "method", ["payment_queryInfo", "payment_queryFeeDetails", "system_dryRun"]
)
def test_prices_and_dry_runs_are_the_node_s(
    node: Node, ours: str, file: Path, tmp_path: Path, method: str
) -> None:
    genesis = ask(node.url, "chain_getBlockHash", 0)["result"]
    with open_chain(file) as served_chain:  # so that genesis is an older block there as well
        served_chain.seal()
    with new_chain(tmp_path / "chain.sqlite") as chain:
        extrinsic = "0x" + signed(chain, account("One"), 0, b"\0\0\x0c" + b"abc").hex()
    assert ask(ours, method, extrinsic, genesis) == ask(node.url, method, extrinsic, genesis)


INVALID, BANNED, STILL_KNOWN = 1010, 1012, 1013
SETTLING_SECONDS = 60.0


@pytest.mark.parametrize("fault", ["signature", "nonce", "money", "rubbish"])
def test_the_pool_refuses_what_the_node_refuses(
    node: Node, ours: str, tmp_path: Path, fault: str
) -> None:
    """With the same code, message and explanation; ours bans what can never be valid.

    A node's pool works on its own time: its ban comes with the second attempt or later, and what
    it has pruned from its blocks it may have banned already.
    """
    with new_chain(tmp_path / "chain.sqlite") as chain:
        who = account("Nobody" if fault == "money" else "Alice")
        extrinsic = signed(chain, who, nonce(chain, who.public), b"\0\0\x0c" + b"abc")
    if fault == "signature":
        extrinsic = extrinsic[:80] + bytes((extrinsic[80] ^ 1,)) + extrinsic[81:]
    elif fault == "nonce":
        for url in (ours, node.url):
            ask(url, "author_submitExtrinsic", "0x" + extrinsic.hex())
            _until_used(url, who.public)
    elif fault == "rubbish":
        extrinsic = b"\x10\x84\x00\x00\x00"
    here, there = (_refusal(url, extrinsic) for url in (ours, node.url))
    assert here["code"] == there["code"] or (fault, there["code"]) == ("nonce", BANNED)
    if here["code"] == there["code"] >= INVALID:
        assert here == there
    here_again, there_again = (_refusal(url, extrinsic) for url in (ours, node.url))
    if fault == "nonce":
        assert here_again == here
    else:
        assert here_again["code"] == BANNED
    assert there_again["code"] in (there["code"], BANNED)
    if there_again["code"] == here_again["code"] >= INVALID:
        assert here_again == there_again


def _refusal(url: str, extrinsic: bytes) -> dict[str, Any]:
    """Why an extrinsic is refused, once the pool has forgotten the one it had."""
    end = time.monotonic() + SETTLING_SECONDS
    while True:
        error: dict[str, Any] = ask(url, "author_submitExtrinsic", "0x" + extrinsic.hex())["error"]
        if error["code"] != STILL_KNOWN:
            return error
        assert time.monotonic() < end, error
        time.sleep(0.1)


def _until_used(url: str, who: bytes) -> None:
    """Wait until the first nonce of an account is used up in a block."""
    end = time.monotonic() + SETTLING_SECONDS
    while not any(
        bytes.fromhex(
            ask(url, "state_call", "AccountNonceApi_account_nonce", to_hex(who))["result"][2:]
        )
    ):
        assert time.monotonic() < end, "the extrinsic is in no block"
        time.sleep(0.1)
