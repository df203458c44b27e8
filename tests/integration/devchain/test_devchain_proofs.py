"""Proofs of the chain's states, old and new, hold against the roots in its headers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from devchain_support import UNIT, account, account_key, new_chain, signed, transfer

from decentralml.devchain.block import Header
from decentralml.devchain.chain import DevChain
from decentralml.devchain.hashes import storage_prefix
from decentralml.devchain.keys import CODE
from decentralml.devchain.proof import by_hash, read
from decentralml.devchain.rpc.errors import RpcError
from decentralml.devchain.rpc.handlers import Handlers

KEYS = [
    account_key(account("Alice").public),
    account_key(account("Newcomer").public),
    storage_prefix("System", "Events"),
    storage_prefix("System", "Number"),
    b"nothing of the kind",
    b"",
]


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevChain]:
    chain = new_chain(tmp_path_factory.mktemp("proofs") / "chain.sqlite")
    alice = account("Alice")
    for nonce, name in enumerate(("Bob", "Newcomer", "Eve", "Newcomer")):
        chain.submit(signed(chain, alice, nonce, transfer(account(name).public, UNIT)))
        chain.advance(blocks=nonce)
    yield chain
    chain.close()


def blocks(chain: DevChain) -> list[bytes]:
    found = [chain.block_hash(number) for number in range(chain.height + 1)]
    return [block for block in found if block is not None]


def root_of(chain: DevChain, block: bytes) -> bytes:
    header = chain.header(block)
    assert header is not None
    return Header.decode(header).state_root


def test_a_proof_of_each_state_shows_what_the_chain_says_of_it(chain: DevChain) -> None:
    changed = set()
    for block in blocks(chain):
        nodes = by_hash(chain.read_proofs({block: KEYS}))
        for key in KEYS:
            value = read(nodes.__getitem__, root_of(chain, block), key)
            assert value == chain.storage(key, block)
            changed.add((key, value))
    assert len([value for key, value in changed if key == KEYS[1]]) == 3, "absent, and two values"


def test_proofs_of_many_states_at_once_are_those_of_each(chain: DevChain) -> None:
    together = chain.read_proofs(dict.fromkeys(blocks(chain), KEYS))
    apart = {node for block in blocks(chain) for node in chain.read_proofs({block: KEYS})}
    assert len(together) == len(set(together))
    assert set(together) == apart


def test_a_long_value_is_in_the_proof_by_itself(chain: DevChain) -> None:
    nodes = chain.read_proofs({chain.head: [CODE]})
    code = chain.storage(CODE)
    assert code in nodes
    assert read(by_hash(nodes).__getitem__, root_of(chain, chain.head), CODE) == code


def test_a_node_of_another_state_does_not_fit(chain: DevChain) -> None:
    first, *_, last = blocks(chain)
    nodes = by_hash(chain.read_proofs({last: KEYS}))
    with pytest.raises(KeyError):
        read(nodes.__getitem__, root_of(chain, first), KEYS[0])


def test_the_server_answers_with_the_block_and_its_nodes(chain: DevChain) -> None:
    handlers = Handlers(chain)
    names = ["0x" + key.hex() for key in KEYS]
    newest = handlers.request("state_getReadProof", [names])
    assert newest["at"] == "0x" + chain.head.hex()
    old = handlers.request("state_getReadProof", [names, "0x" + chain.genesis.hex()])
    assert old["proof"] == ["0x" + node.hex() for node in chain.read_proofs({chain.genesis: KEYS})]
    with pytest.raises(RpcError, match="UnknownBlock"):
        handlers.request("state_getReadProof", [names, "0x" + "11" * 32])
