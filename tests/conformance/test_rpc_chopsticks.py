"""chopsticks and the embedded chain: the same state after the same block, and the same answers to
a script of more than a hundred calls, but for what is listed in ``chopsticks_support``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from calls_support import CALLS, Names, run, transactions
from chopsticks_support import DEVIATIONS, FATAL
from devchain_support import UNIT, account, batch, remark, set_storage, signed, transfer
from js_support import chopsticks, node_js
from rpc_support import Client, copy_of, genesis_file, header_of, open_chain, served

from decentralml.devchain.chain import DevChain
from decentralml.devchain.trie import ordered_root, root_of

pytestmark = pytest.mark.timeout(180)

PAGE = 1000
LAYOUT = 1
"""State version of the runtime; extrinsics roots are still made in version 0."""


@dataclass(frozen=True)
class Peers:
    theirs: dict[str, Any]
    ours: dict[str, Any]
    our_root: bytes
    their_root: bytes


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    node_js()
    folder = tmp_path_factory.mktemp("chopsticks")
    return copy_of(genesis_file(folder), folder)


@pytest.fixture(scope="module")
def peers(file: Path) -> Iterator[Peers]:
    """Both after one block that chopsticks made on the head of the embedded chain."""
    with served(file) as ours, open_chain(file) as chain:
        chain.submit(signed(chain, account("Bob"), 0, transfer(account("Charlie").public, UNIT)))
        with chopsticks(file.parent, f"--endpoint={ours}") as theirs, Client(theirs) as client:
            for extrinsic in work(chain):
                client.result("author_submitExtrinsic", "0x" + extrinsic.hex())
            their_last = client.result("dev_newBlock", {"count": 1})
            root = root_of(state(client, their_last), LAYOUT)
            execute(client, chain, their_last, root)
            names = {"GENESIS": "0x" + chain.genesis.hex(), **transactions(chain)}
            our_last = "0x" + chain.head.hex()
            yield Peers(
                answers(theirs, names, their_last),
                answers(ours, names, our_last),
                chain.merkle_value(b"") or b"",
                root,
            )


def work(chain: DevChain) -> list[bytes]:
    """Transactions of many kinds: one fails, one changes storage from one layout to another."""
    alice, bob = account("Alice"), account("Bob")
    return [
        signed(chain, alice, 0, transfer(account("New").public, 10**13)),
        signed(chain, alice, 1, transfer(account("Newer").public, 2**100)),
        signed(chain, alice, 2, batch([remark(b"one"), remark(b"two" * 50)]), tip=7),
        signed(chain, alice, 3, set_storage({b"a": b"short", b"ab": b"long" * 50, b"abc": b""})),
        signed(chain, alice, 4, set_storage({b"ab": b"shorter"})),
        signed(chain, bob, 1, transfer(account("Alice").public, UNIT)),
    ]


def state(client: Client, block: str) -> dict[bytes, bytes]:
    """All keys and values."""
    keys: list[str] = []
    while True:
        page = client.result("state_getKeysPaged", "0x", PAGE, keys[-1] if keys else None, block)
        keys += page
        if len(page) < PAGE:
            break
    values = ((key, client.result("state_getStorage", key, block)) for key in keys)
    return {bytes.fromhex(key[2:]): bytes.fromhex(value[2:]) for key, value in values}


def execute(client: Client, chain: DevChain, name: str, root: bytes) -> None:
    """Have our runtime execute a block of chopsticks. Its header lacks the roots: with that of its
    whole state put in, ``BlockRefused`` if ours is another."""
    block = client.result("chain_getBlock", name)["block"]
    body = [bytes.fromhex(extrinsic[2:]) for extrinsic in block["extrinsics"]]
    roots = {"stateRoot": root, "extrinsicsRoot": ordered_root(body, 0)}
    header = block["header"] | {name: "0x" + value.hex() for name, value in roots.items()}
    assert len(body) == len(work(chain)) + 1
    chain.execute_block(header_of(header), body)


def answers(url: str, names: Names, last: str) -> dict[str, Any]:
    """With the hash of the last block, which is each server's own, under one name."""
    question = names["VALIDATE"][: -len(last) + 2] + last[2:]
    said = run(url, {**names, "LAST": last, "VALIDATE": question}, without=FATAL)
    told: dict[str, Any] = json.loads(json.dumps(said).replace(last, "LAST"))
    return told


def test_after_the_same_block_both_have_the_same_state_root(peers: Peers) -> None:
    assert peers.our_root == peers.their_root


@pytest.mark.parametrize("label", [label for label in CALLS if label not in FATAL])
def test_both_answer_the_same_but_for_what_is_listed(peers: Peers, label: str) -> None:
    reasons = [reason for reason, labels in DEVIATIONS.items() if label in labels]
    if reasons:
        assert peers.ours[label] != peers.theirs[label], f"not so any more: {reasons}"
    else:
        assert peers.ours[label] == peers.theirs[label]


def test_no_deviation_is_listed_that_is_not_asked() -> None:
    listed = [label for labels in DEVIATIONS.values() for label in labels]
    assert set(listed) | FATAL <= set(CALLS)
    assert len(listed) == len(set(listed))


def test_chopsticks_on_the_exported_specification_has_our_state(tmp_path: Path) -> None:
    node_js()
    file, exported = copy_of(genesis_file(tmp_path), tmp_path), tmp_path / "exported.json"
    with open_chain(file) as chain:
        exported.write_text(json.dumps(chain.export_spec()))
        with chopsticks(tmp_path, f"--genesis={exported}") as url, Client(url) as client:
            theirs = state(client, client.result("chain_getBlockHash", 0))
            assert root_of(theirs, LAYOUT) == chain.merkle_value(b"")
            assert client.result("system_properties") == chain.properties
