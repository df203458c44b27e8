"""A node that is absent, mute, slow, or another one."""

from __future__ import annotations

import json
import socket
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from chain_support import ALICE, BOB, free_port
from fake_node_support import (
    FakeNode,
    frame,
    read_frame,
    shake_hands,
)
from remote_support import client, hang_up, listening, silent

from decentralml.chain import calls
from decentralml.chain.connect import connect
from decentralml.chain.keystore import KeyStore
from decentralml.chain.substrate.node import Node
from decentralml.config import Config
from decentralml.errors import (
    CannotPayFee,
    ConfigError,
    EmbeddedOnly,
    NodeFault,
    NodeTimeout,
    NodeUnreachable,
    NotDevelopmentChain,
    RuntimeMismatch,
    TransactionInvalid,
    WrongGenesis,
)
from decentralml.types import UNIT, TaskId

GIFT = calls.Transfer(BOB.address, UNIT)


def test_an_absent_node_is_said_to_be_absent_at_once(tmp_path: Path) -> None:
    began = time.monotonic()
    url = f"ws://127.0.0.1:{free_port()}"
    with pytest.raises(NodeUnreachable, match="refused") as absent:
        connect(Config(tmp_path, chain=url))
    assert absent.value.url == url
    assert "--chain" in str(absent.value)
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("url", ["http://127.0.0.1:9944", "nowhere", "ws:/x"])
def test_an_address_that_is_none_is_a_setting_to_correct(tmp_path: Path, url: str) -> None:
    with pytest.raises(ConfigError, match="ws://"):
        connect(Config(tmp_path, chain=url))


@pytest.mark.parametrize("url", ["ws://", "ws://[", "ws://no-such-host.invalid:1"])
def test_an_address_that_leads_nowhere_is_unreachable(tmp_path: Path, url: str) -> None:
    with pytest.raises(NodeUnreachable):
        connect(Config(tmp_path, chain=url))


def test_a_web_server_that_is_no_node_is_unreachable(tmp_path: Path) -> None:
    def refuse(peer: socket.socket) -> None:
        peer.sendall(b"HTTP/1.1 404 Not Found\r\n\r\n")

    with listening(refuse) as url, pytest.raises(NodeUnreachable):
        connect(Config(tmp_path, chain=url))


def test_who_accepts_and_says_nothing_is_given_up_at_the_deadline() -> None:
    with listening(lambda peer: peer.recv(1 << 16)) as url:
        began = time.monotonic()
        with pytest.raises(NodeTimeout):
            Node(url, request_seconds=0.5)
        assert time.monotonic() - began < 3


def test_a_node_that_never_answers_is_given_up_at_the_deadline(node: FakeNode) -> None:
    with client(node, request_seconds=0.5) as chain:
        node.answers["state_getStorage"] = silent
        began = time.monotonic()
        with pytest.raises(NodeTimeout, match="state_getStorage") as mute:
            chain.total_issuance()
        assert 0.4 < time.monotonic() - began < 3
        assert mute.value.extrinsic_hash is None
        del node.answers["state_getStorage"]
        assert chain.total_issuance() > 0


def test_a_node_that_drips_its_answer_is_given_up_at_the_deadline() -> None:
    def drip(peer: socket.socket) -> None:
        shake_hands(peer)
        request = json.loads(read_frame(peer))
        for byte in frame(json.dumps({"jsonrpc": "2.0", "id": request["id"], "result": "x" * 90})):
            peer.sendall(bytes([byte]))
            time.sleep(0.1)

    with listening(drip) as url:
        node = Node(url, request_seconds=0.6)
        began = time.monotonic()
        with pytest.raises(NodeTimeout):
            node.request("system_chain")
        assert time.monotonic() - began < 3


def test_a_node_that_talks_of_other_things_is_given_up_at_the_deadline() -> None:
    def chatter(peer: socket.socket) -> None:
        shake_hands(peer)
        read_frame(peer)
        other = {"jsonrpc": "2.0", "method": "m", "params": {"subscription": "x", "result": 1}}
        while True:
            peer.sendall(frame(json.dumps(other)))
            time.sleep(0.05)

    with listening(chatter) as url:
        node = Node(url, request_seconds=0.6)
        began = time.monotonic()
        with pytest.raises(NodeTimeout):
            node.request("system_chain")
        assert time.monotonic() - began < 3


@pytest.mark.parametrize("answer", ["not json", "[]", "7", '{"id": 1}', '{"id":1,"error":"no"}'])
def test_an_answer_that_is_none_is_the_nodes_fault(answer: str) -> None:
    def babble(peer: socket.socket) -> None:
        shake_hands(peer)
        read_frame(peer)
        peer.sendall(frame(answer))
        peer.recv(1)

    with listening(babble) as url, pytest.raises((NodeFault, NodeTimeout)):
        Node(url, request_seconds=1).request("system_chain")


@pytest.mark.parametrize(
    ("method", "nonsense"),
    [
        *(("chain_getHeader", {}), ("chain_getHeader", None), ("chain_getHeader", {"number": "x"})),
        *(("state_getRuntimeVersion", {}), ("state_getMetadata", 7), ("state_getMetadata", "0xzz")),
    ],
)
def test_an_answer_without_sense_is_the_nodes_fault(
    node: FakeNode, method: str, nonsense: Any
) -> None:
    with client(node) as chain:
        node.answers[method] = lambda params: nonsense
        with pytest.raises((NodeFault, RuntimeMismatch)):
            chain.info()
        with pytest.raises((NodeFault, RuntimeMismatch, TransactionInvalid)):
            chain.submit(GIFT, ALICE)


@pytest.mark.parametrize(
    ("method", "nonsense"),
    [
        *(("state_queryStorageAt", answer) for answer in (None, 7, [1], [{}], [{"changes": [1]}])),
        *(("state_getKeysPaged", answer) for answer in (None, 7, [1], ["x"])),
        *(("system_accountNextIndex", answer) for answer in (None, {}, [1], "0x")),
    ],
)
def test_nonsense_where_a_list_or_number_is_asked_for_is_the_nodes_fault(
    node: FakeNode, method: str, nonsense: Any
) -> None:
    with client(node) as chain:
        node.answers[method] = lambda params: nonsense
        with pytest.raises(NodeFault):
            chain.election()
            chain.profiles()
            chain.submit(GIFT, ALICE)


def test_reading_goes_on_after_a_connection_breaks(node: FakeNode) -> None:
    with client(node) as chain:
        node.answers["state_getStorage"] = hang_up
        threading.Timer(0.3, node.answers.clear).start()
        node.stop()
        threading.Timer(0.5, node.start).start()
        assert chain.total_issuance() > 0


def test_a_node_that_does_not_come_back_is_unreachable(node: FakeNode) -> None:
    with client(node, patience=0.5) as chain:
        node.stop()
        with pytest.raises(NodeUnreachable):
            chain.total_issuance()


# Another chain, another runtime.


def test_a_chain_of_another_genesis_is_refused(node: FakeNode, tmp_path: Path) -> None:
    genesis = "0x" + node.chain.genesis.hex()
    with connect(Config(tmp_path, chain=node.url, genesis=genesis.upper().replace("X", "x"))):
        pass
    with pytest.raises(WrongGenesis) as wrong:
        connect(Config(tmp_path, chain=node.url, genesis="0x" + "00" * 32))
    assert wrong.value.actual == genesis


def test_a_chain_that_was_reset_under_way_is_noticed(node: FakeNode) -> None:
    with client(node) as chain:
        node.stop()
        node.answers["chain_getBlockHash"] = lambda params: "0x" + "11" * 32
        node.start()
        with pytest.raises(WrongGenesis):
            chain.total_issuance()


def version_of(node: FakeNode, **changes: Any) -> dict[str, Any]:
    found: dict[str, Any] = node.handlers.request("state_getRuntimeVersion", [])
    return {**found, **changes}


def test_a_chain_of_another_kind_is_refused_by_its_name(node: FakeNode) -> None:
    node.answers["state_getRuntimeVersion"] = lambda p: version_of(node, specName="polkadot")
    with client(node) as chain, pytest.raises(RuntimeMismatch, match="polkadot"):
        chain.tasks()


def test_a_runtime_that_changed_between_commands_is_read_anew(node: FakeNode) -> None:
    with client(node) as chain:
        chain.submit(GIFT, ALICE)
        asked = [method for method, _ in node.seen].count("state_getMetadata")
        assert asked == 1
        node.answers["state_getRuntimeVersion"] = lambda p: version_of(node, specVersion=9)
        # The fake only says so: what is signed for version 9 is a bad proof to what it is.
        with pytest.raises(TransactionInvalid) as refused:
            chain.submit(GIFT, ALICE)
        assert refused.value.reason == "BadProof"
        assert [method for method, _ in node.seen].count("state_getMetadata") == 2


def test_a_runtime_whose_records_look_otherwise_is_a_mismatch(node: FakeNode) -> None:
    with client(node) as chain:
        node.answers["state_getStorage"] = lambda params: "0x0102"
        with pytest.raises(RuntimeMismatch, match="Market"):
            chain.task(TaskId(0))


def test_development_keys_are_refused_elsewhere(node: FakeNode, tmp_path: Path) -> None:
    node.answers["system_chainType"] = lambda params: "Live"
    own = KeyStore(tmp_path).new("ann", None)[0]
    with client(node) as chain:
        assert not chain.info().development
        with pytest.raises(NotDevelopmentChain, match="keys new"):
            chain.submit(GIFT, ALICE)
        assert node.sent() == []
        with pytest.raises(CannotPayFee) as unpaid:
            chain.submit(GIFT, own)
        assert unpaid.value.address == own.address


def test_a_nodes_clock_cannot_be_moved(node: FakeNode) -> None:
    with client(node) as chain, pytest.raises(EmbeddedOnly):
        chain.advance(blocks=1)
