"""A node that dies, forgets or refuses at the worst moment: what is sent takes effect once."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from chain_support import ALICE, BOB
from fake_node_support import (
    WATCH,
    FakeNode,
    HangUp,
)
from remote_support import bobs_balance, client, hang_up, silent

from decentralml.chain import calls, errors
from decentralml.chain.keys import Key
from decentralml.devchain.rpc.errors import RpcError
from decentralml.errors import (
    NodeFault,
    NodeTimeout,
    TransactionInvalid,
    TransactionLost,
)
from decentralml.types import UNIT, TaskId

GIFT = calls.Transfer(BOB.address, UNIT)


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
