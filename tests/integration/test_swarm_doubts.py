"""What may keep the others from a node's files, as the node itself finds it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from swarm_files_support import Peer, Register, new_identity

from decentralml.chain.swarm.words import SwarmId
from decentralml.errors import ChainError
from decentralml.swarm.files.doubts import doubts
from decentralml.types import Address


@dataclass
class Elsewhere:
    """A provider as the chain has it."""

    account: Address
    address: str


@pytest.fixture
def register(tmp_path: Path) -> Iterator[Register]:
    made = Register(tmp_path)
    yield made
    made.close()


@pytest.fixture
def alice(register: Register) -> Peer:
    return register.join("alice")


def found(peer: Peer, own: Elsewhere | None = None, *others: Elsewhere) -> list[str]:
    return doubts(own or Elsewhere(peer.account, peer.address), others, peer.identity, peer.members)


def test_a_sound_node_has_none(register: Register, alice: Peer) -> None:
    assert found(alice) == []
    assert found(alice, None, Elsewhere(Address("5bob"), "127.0.0.1:9")) == []


def test_a_server_that_does_not_run_at_its_address_is_found(alice: Peer) -> None:
    alice.server.stop()
    (line,) = found(alice)
    assert f"this node's file server does not answer at {alice.address}" in line
    assert "connection refused" in line and "swarm join 7 --address HOST:PORT" in line


def test_another_nodes_address_is_found(register: Register, alice: Peer) -> None:
    bob = register.join("bob")
    (line,) = found(alice, Elsewhere(alice.account, bob.address))
    assert "shows the certificate of somebody else" in line


def test_an_address_of_this_machine_is_found_once_others_are_elsewhere(alice: Peer) -> None:
    far = Elsewhere(Address("5far"), "192.0.2.7:7443")
    (line,) = found(alice, None, far)
    assert line.startswith(f"the registered address {alice.address} is of this machine only")


def test_an_end_that_is_near_is_told(register: Register, alice: Peer) -> None:
    alice.identity = new_identity(register.folder / "short", alice.account, days=3)
    alice.server.use(alice.identity)
    register.renew()
    (line,) = found(alice)
    assert "the certificate expires at" in line and "swarm identity" in line


def test_a_certificate_that_the_others_refuse_is_told(register: Register, alice: Peer) -> None:
    alice.identity = new_identity(register.folder / "other", alice.account, SwarmId(8))
    register.renew()
    (line,) = found(alice)
    assert "no other node takes this one's certificate" in line and "swarm 8" in line


def test_a_chain_that_is_away_is_told(alice: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> None:
        raise ChainError("the node is away")

    monkeypatch.setattr(alice.members, "_read", away)
    with pytest.raises(ChainError):
        alice.members.refresh()
    assert found(alice) == [
        "the chain cannot be read (the node is away); members are those of before"
    ]
