"""A node that is absent, mute, slow, another one, or dies at the worst moment."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from chain_support import ALICE, BOB, free_port
from fake_node_support import (
    WATCH,
    FakeNode,
    HangUp,
    Silence,
    frame,
    read_frame,
    shake_hands,
)
from rpc_support import copy_of, genesis_file, open_chain

from decentralml.chain import calls, errors
from decentralml.chain.connect import connect
from decentralml.chain.keys import Key
from decentralml.chain.keystore import KeyStore
from decentralml.chain.substrate.client import SubstrateChain
from decentralml.chain.substrate.node import Node
from decentralml.chain.substrate.remote import RemoteTransport
from decentralml.config import Config
from decentralml.devchain.rpc.errors import RpcError
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
    TransactionLost,
    WrongGenesis,
)
from decentralml.types import UNIT, TaskId

GIFT = calls.Transfer(BOB.address, UNIT)


@pytest.fixture(scope="module")
def genesis(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return genesis_file(tmp_path_factory.mktemp("genesis"))


@pytest.fixture
def node(genesis: Path, tmp_path: Path) -> Iterator[FakeNode]:
    with open_chain(copy_of(genesis, tmp_path)) as chain:
        fake = FakeNode(chain)
        yield fake
        fake.stop()


@contextmanager
def client(
    node: FakeNode, request_seconds: float = 5, patience: float = 5, submit_seconds: float = 10
) -> Iterator[SubstrateChain]:
    wire = Node(node.url, request_seconds=request_seconds, patience_seconds=patience)
    with SubstrateChain(RemoteTransport(node.url, wire, submit_seconds)) as chain:
        yield chain


def bobs_balance(node: FakeNode) -> int:
    with client(node) as chain:
        return chain.balance(BOB.address).free


# Absent, mute, slow.


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


# Dying at the worst moment.


def test_a_transaction_included_while_the_line_broke_is_found_and_sent_once(
    node: FakeNode,
) -> None:
    before = bobs_balance(node)

    def include_and_die(params: list[Any]) -> Any:
        node.include(params[0])
        raise HangUp

    node.answers[WATCH] = include_and_die
    with client(node) as chain:
        receipt = chain.submit(GIFT, ALICE)
        assert chain.balance(BOB.address).free == before + UNIT
    assert receipt.block == node.chain.height
    assert len(node.sent()) == 1


def test_a_transaction_that_never_arrived_is_sent_again_as_the_same_bytes(node: FakeNode) -> None:
    before = bobs_balance(node)
    node.answers[WATCH] = hang_up
    with client(node) as chain:
        chain.submit(GIFT, ALICE)
    first, *more = node.sent()
    assert more == [first]
    assert bobs_balance(node) == before + UNIT


def test_a_node_that_is_away_for_a_while_is_waited_for(node: FakeNode) -> None:
    before = bobs_balance(node)

    def die(params: list[Any]) -> Any:
        node.include(params[0])
        node.stop()
        threading.Timer(0.8, node.start).start()
        raise HangUp

    node.answers[WATCH] = die
    with client(node) as chain:
        chain.submit(GIFT, ALICE)
    assert bobs_balance(node) == before + UNIT
    assert len(node.sent()) == 1


def test_a_pending_transaction_is_waited_for_and_not_sent_again(node: FakeNode) -> None:
    pending: list[str] = []

    def keep_and_die(params: list[Any]) -> Any:
        pending.append(params[0])
        threading.Timer(1.0, lambda: node.include(pending.pop())).start()
        raise HangUp

    node.answers[WATCH] = keep_and_die
    node.answers["author_pendingExtrinsics"] = lambda params: list(pending)
    with client(node) as chain:
        chain.submit(GIFT, ALICE)
    assert len(node.sent()) == 1


def test_a_transaction_whose_place_was_taken_is_lost_for_certain(node: FakeNode) -> None:
    def take_its_place(params: list[Any]) -> Any:
        del node.answers[WATCH]
        with client(node) as other:
            other.submit(calls.Transfer(BOB.address, 7), ALICE)
        raise HangUp

    node.answers[WATCH] = take_its_place
    with client(node) as chain, pytest.raises(TransactionLost, match="safe"):
        chain.submit(GIFT, ALICE)


def test_a_transaction_whose_time_is_over_is_lost_for_certain(node: FakeNode) -> None:
    def forget(params: list[Any]) -> Any:
        node.chain.advance(blocks=70)
        raise HangUp

    node.answers[WATCH] = forget
    with client(node) as chain, pytest.raises(TransactionLost, match="its time was over"):
        chain.submit(GIFT, ALICE)
    assert len(node.sent()) == 1


def test_what_nobody_can_know_is_said_with_the_transactions_name_and_end(node: FakeNode) -> None:
    def die(params: list[Any]) -> Any:
        node.stop()
        raise HangUp

    node.answers[WATCH] = die
    with client(node, patience=0.5) as chain, pytest.raises(NodeTimeout) as unknown:
        chain.submit(GIFT, ALICE)
    assert unknown.value.extrinsic_hash is not None
    assert unknown.value.expires == node.chain.height + 63
    assert "may still be included" in str(unknown.value)


def test_a_node_that_keeps_a_transaction_waiting_is_given_up_at_the_deadline(
    node: FakeNode,
) -> None:
    node.answers[WATCH] = silent
    with client(node, submit_seconds=0.5) as chain, pytest.raises(NodeTimeout) as unknown:
        chain.submit(GIFT, ALICE)
    assert unknown.value.extrinsic_hash is not None


@pytest.mark.parametrize(
    "refusal",
    [
        RpcError(1010, "Invalid Transaction", "Transaction is outdated"),
        RpcError(1014, "Priority is too low: (1 vs 1)", "already in the pool"),
        RpcError(1010, "Invalid Transaction", "Transaction has an ancient birth block"),
    ],
    ids=["outdated", "priority", "ancient"],
)
def test_what_a_new_signature_mends_is_signed_again(node: FakeNode, refusal: RpcError) -> None:
    before = bobs_balance(node)

    def refuse_once(params: list[Any]) -> Any:
        del node.answers[WATCH]
        raise refusal

    node.answers[WATCH] = refuse_once
    with client(node) as chain:
        chain.submit(GIFT, ALICE)
    assert bobs_balance(node) == before + UNIT


def test_a_transaction_is_never_born_in_the_newest_block(node: FakeNode) -> None:
    # A node's pool that is a block behind would take it for one of an era long over.
    with client(node) as chain:
        for blocks, birth in ((0, 0), (1, 0), (1, 0), (1, 1), (7, 8)):
            if blocks:
                node.chain.advance(blocks=blocks)
            assert chain.transport.birth().number == birth


def test_a_transaction_the_node_knows_already_is_looked_for(node: FakeNode) -> None:
    def include_and_deny(params: list[Any]) -> Any:
        node.include(params[0])
        raise RpcError(1013, "Transaction Already Imported")

    node.answers[WATCH] = include_and_deny
    with client(node) as chain:
        receipt = chain.submit(GIFT, ALICE)
    assert receipt.block == node.chain.height


def test_a_block_that_was_replaced_is_not_taken_for_the_transactions(node: FakeNode) -> None:
    node.named = "0x" + "22" * 32
    with client(node) as chain:
        receipt = chain.submit(GIFT, ALICE)
    assert receipt.block_hash == "0x" + node.chain.head.hex()
    assert len(node.sent()) == 1


def test_a_block_without_the_transaction_that_it_is_said_to_hold_is_the_nodes_fault(
    node: FakeNode,
) -> None:
    node.named = "0x" + node.chain.head.hex()
    with client(node) as chain, pytest.raises(NodeFault, match="does not hold"):
        chain.submit(GIFT, ALICE)


@pytest.mark.parametrize(
    ("refusal", "reason"),
    [
        (RpcError(1010, "Invalid Transaction", "Transaction has a bad signature"), "BadProof"),
        (RpcError(1010, "Invalid Transaction", "Custom error: 7"), "Invalid"),
        (RpcError(1016, "Immediately Dropped"), "Dropped"),
        (RpcError(-32007, "too large"), "Refused"),
    ],
    ids=lambda part: part if isinstance(part, str) else "",
)
def test_a_refusal_is_told_by_its_reason_and_not_repeated(
    node: FakeNode, refusal: RpcError, reason: str
) -> None:
    def refuse(params: list[Any]) -> Any:
        raise refusal

    node.answers[WATCH] = refuse
    with client(node) as chain, pytest.raises(TransactionInvalid) as refused:
        chain.submit(GIFT, ALICE)
    assert refused.value.reason == reason
    assert len(node.sent()) == 1


def test_a_refused_call_costs_its_fee_and_says_so(node: FakeNode) -> None:
    with client(node) as chain:
        before = chain.balance(BOB.address).total
        with pytest.raises(errors.UnknownTask) as refused:
            chain.submit(calls.AcceptTask(TaskId(3)), BOB)
        assert chain.balance(BOB.address).total == before - refused.value.facts()["fee"]


def test_two_with_one_key_at_once_both_succeed(node: FakeNode) -> None:
    before = bobs_balance(node)
    failures: list[BaseException] = []

    def give(key: Key) -> None:
        try:
            with client(node) as chain:
                for _ in range(5):
                    chain.submit(GIFT, key)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=give, args=(ALICE,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert bobs_balance(node) == before + 10 * UNIT


def silent(params: list[Any]) -> Any:
    raise Silence


def hang_up(params: list[Any]) -> Any:
    raise HangUp


@contextmanager
def listening(behave: Any) -> Iterator[str]:
    """Someone on a port who behaves in a way of his own."""
    over = threading.Event()

    def serve() -> None:
        peer, _ = listener.accept()
        with peer:
            try:
                behave(peer)
                over.wait(20)
            except (OSError, EOFError):
                pass

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"ws://127.0.0.1:{listener.getsockname()[1]}"
        over.set()
