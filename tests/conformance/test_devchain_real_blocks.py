"""Real blocks, made by a Substrate node of another kind, lead to their recorded state roots.

The vectors are blocks 1 to 3 of a chain with child tries (swanky-node, state version 1), each with
the whole state before it. They are not in this repository.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from devchain_support import shared_cache

from decentralml.devchain.block import Header
from decentralml.devchain.chain import DevChain
from decentralml.devchain.codec import vector
from decentralml.devchain.genesis import Tries
from decentralml.devchain.keys import CODE, DEFAULT_CHILD
from decentralml.devchain.overlay import Overlay
from decentralml.devchain.runtimes import Runtimes
from decentralml.devchain.state import MAIN, MemoryState
from decentralml.devchain.states import HeadState
from decentralml.devchain.store import Store
from decentralml.devchain.trie import EMPTY_ROOT
from decentralml.errors import RuntimeTrapped

VECTORS = Path(__file__).parents[2] / ".." / "shared" / "vectors" / "substrate"
NAMES = ("child-trie-create-one", "child-trie-create-multiple", "child-trie-read-basic")
LAYOUT = 1

pytestmark = pytest.mark.skipif(
    not VECTORS.is_dir(),
    reason="SKIPPED, NOT PASSED: no real blocks at ../shared/vectors/substrate",
)


@pytest.fixture(scope="module")
def runtimes() -> Runtimes:
    return Runtimes(shared_cache())


def _bytes(items: dict[str, str]) -> dict[bytes, bytes]:
    return {bytes.fromhex(k[2:]): bytes.fromhex(v[2:]) for k, v in items.items()}


def _load(name: str) -> tuple[Tries, Header, list[bytes]]:
    vector_: dict[str, Any] = json.loads((VECTORS / f"{name}.json").read_text())
    state, block = vector_["parentStorage"], vector_["block"]
    tries = {MAIN: _bytes(state["mainTrie"])}
    for child, items in state["childTries"].items():
        tries[bytes.fromhex(child[2:])] = _bytes(items)
    body = [bytes.fromhex(extrinsic[2:]) for extrinsic in block["body"]]
    return tries, Header.decode(bytes.fromhex(block["header"][2:])), body


@pytest.mark.parametrize("name", NAMES)
def test_the_block_leads_to_its_state_root(name: str, runtimes: Runtimes) -> None:
    tries, header, body = _load(name)
    overlay = Overlay(MemoryState(tries, LAYOUT))
    executor = runtimes.of(tries[MAIN][CODE])
    executor.call("Core_execute_block", header.encode() + vector(body), overlay)
    assert overlay.root(LAYOUT) == header.state_root


@pytest.mark.parametrize("name", NAMES)
def test_the_block_leads_to_its_state_root_from_a_chain_file(
    name: str, runtimes: Runtimes, tmp_path: Path
) -> None:
    tries, header, body = _load(name)
    spec = {
        "genesis": {
            "raw": {
                "top": {"0x" + k.hex(): "0x" + v.hex() for k, v in tries[MAIN].items()},
                "childrenDefault": {
                    "0x" + trie.hex(): {"0x" + k.hex(): "0x" + v.hex() for k, v in items.items()}
                    for trie, items in tries.items()
                    if trie != MAIN
                },
            }
        }
    }
    path = tmp_path / "chain.sqlite"
    with DevChain.create_from_spec(path, spec, cache=shared_cache()) as chain:
        whole = Header.decode(chain.header() or b"").state_root
        assert whole == MemoryState(tries, LAYOUT).update(MAIN, {}, LAYOUT).root
    store = Store.open(path)
    overlay = Overlay(HeadState(store).at(store.head()))
    executor = runtimes.of(tries[MAIN][CODE])
    executor.call("Core_execute_block", header.encode() + vector(body), overlay)
    assert overlay.root(LAYOUT) == header.state_root
    store.close()


@pytest.mark.parametrize("name", NAMES)
def test_child_roots_are_those_that_the_main_trie_holds(name: str) -> None:
    tries, _, _ = _load(name)
    state = MemoryState(tries, LAYOUT)
    held = {k: v for k, v in tries[MAIN].items() if k.startswith(DEFAULT_CHILD)}
    assert held == {
        DEFAULT_CHILD + child: state.update(child, {}, LAYOUT).root for child in tries if child
    }
    assert EMPTY_ROOT not in held.values()


@pytest.mark.parametrize("part", ["state_root", "extrinsics_root", "body"])
def test_a_block_that_was_tampered_with_is_refused(part: str, runtimes: Runtimes) -> None:
    tries, header, body = _load(NAMES[0])
    roots = {"state_root": header.state_root, "extrinsics_root": header.extrinsics_root}
    if part == "body":
        body = body[:1]
    else:
        roots[part] = bytes(32)
    forged = Header(header.parent, header.number, **roots, digest=header.digest)
    overlay = Overlay(MemoryState(tries, LAYOUT))
    with pytest.raises(RuntimeTrapped):
        runtimes.of(tries[MAIN][CODE]).call(
            "Core_execute_block", forged.encode() + vector(body), overlay
        )
    assert not overlay.changed()
