"""``chainHead_v1``: a follower is told of every block, in order, and may ask about pinned ones."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from devchain_support import (
    UNIT,
    account,
    account_key,
    nonce,
    remark,
    set_code,
    set_storage,
    signed,
    transfer,
)
from fixture_support import unpack
from rpc_support import Client, copy_of, genesis_file, open_chain, post, served

from decentralml.devchain.chain import DevChain
from decentralml.devchain.rpc import chain_head, subscriptions
from decentralml.devchain.rpc.limits import Limits
from decentralml.runtime import blob

ALICE, BOB = account("Alice"), account("Bob")
NOWHERE = "0x" + "11" * 32


@pytest.fixture(scope="module")
def genesis(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return genesis_file(tmp_path_factory.mktemp("chain-head"))


@pytest.fixture
def file(genesis: Path, tmp_path: Path) -> Path:
    return copy_of(genesis, tmp_path)


@pytest.fixture
def chain(file: Path) -> Iterator[DevChain]:
    """Another process's view of the served chain, as far as locks go."""
    with open_chain(file) as chain:
        yield chain


@pytest.fixture
def client(file: Path) -> Iterator[Client]:
    with served(file) as url, Client(url) as client:
        yield client


def named(block: bytes) -> str:
    return "0x" + block.hex()


def follow(client: Client, with_runtime: bool = False) -> tuple[str, dict[str, Any]]:
    """A new follow and its first event."""
    identity = client.result("chainHead_v1_follow", with_runtime)
    first, best = client.told(identity, lambda said: len(said) >= 2)[:2]
    assert first["event"] == "initialized"
    assert best == {"event": "bestBlockChanged", "bestBlockHash": first["finalizedBlockHashes"][-1]}
    return identity, first


def operation(client: Client, identity: str, method: str, *params: Any) -> list[dict[str, Any]]:
    """All events of an operation, once it has ended."""
    started = client.result(method, identity, *params)
    assert started["result"] == "started"
    return finished(client, identity, started["operationId"])


def finished(client: Client, identity: str, number: str) -> list[dict[str, Any]]:
    def of_it(said: list[Any]) -> list[Any]:
        return [event for event in said if event.get("operationId") == number]

    def ended(said: list[Any]) -> bool:
        return any(
            event["event"].endswith(("Done", "operationError", "WaitingForContinue"))
            for event in of_it(said)
        )

    return of_it(client.told(identity, ended))


def test_it_starts_with_the_last_blocks_and_goes_on_with_every_new_one(
    client: Client, chain: DevChain
) -> None:
    chain.advance(20)
    identity, first = follow(client)
    known = [named(chain.block_hash(number) or b"") for number in range(5, 21)]
    assert first == {"event": "initialized", "finalizedBlockHashes": known}
    client.result("author_submitExtrinsic", "0x" + signed(chain, ALICE, 0, remark(b"a")).hex())
    chain.advance(2)  # by another process
    events = client.told(identity, lambda said: len(said) >= 2 + 3 * 3)[2:]
    parent = chain.block_hash(20) or b""
    for number in (21, 22, 23):
        block = chain.block_hash(number) or b""
        name = named(block)
        new, best, final = events[:3]
        assert new == {
            "event": "newBlock",
            "blockHash": name,
            "parentBlockHash": named(parent),
        }
        assert best == {"event": "bestBlockChanged", "bestBlockHash": name}
        assert final == {
            "event": "finalized",
            "finalizedBlockHashes": [name],
            "prunedBlockHashes": [],
        }
        events, parent = events[3:], block


def test_a_new_runtime_is_announced_with_the_block_that_brings_it(tmp_path: Path) -> None:
    file = unpack(tmp_path / "old.sqlite")
    with served(file) as url, Client(url) as client, open_chain(file) as chain:
        identity, first = follow(client, True)
        spec = first["finalizedBlockRuntime"]["spec"]
        assert first["finalizedBlockRuntime"]["type"] == "valid"
        assert (spec["specName"], spec["specVersion"]) == ("decentralml", 1)
        number = nonce(chain, ALICE.public)
        chain.submit(signed(chain, ALICE, number, remark(b"nothing")))
        chain.submit(signed(chain, ALICE, number + 1, set_code(blob())))
        events = client.told(identity, lambda said: len(said) >= 2 + 2 * 3)
        unchanged, new = (event["newRuntime"] for event in events if event["event"] == "newBlock")
        assert unchanged is None
        assert new["spec"]["specVersion"] == chain.runtime_version.spec_version > 1
        assert new["spec"]["apis"] != spec["apis"]


def test_a_pinned_block_answers_until_it_is_unpinned(client: Client, chain: DevChain) -> None:
    chain.submit(signed(chain, ALICE, 0, transfer(BOB.public, UNIT)))
    identity, first = follow(client)
    old, new = first["finalizedBlockHashes"]
    assert client.result("chainHead_v1_header", identity, new) == named(chain.header() or b"")
    block = chain.block()
    assert block is not None
    (body,) = operation(client, identity, "chainHead_v1_body", new)
    assert body["value"] == [named(extrinsic) for extrinsic in block.extrinsics]
    assert client.error("chainHead_v1_unpin", identity, [old, old])["code"] == -32804
    assert client.error("chainHead_v1_unpin", identity, [old, NOWHERE])["code"] == -32801
    assert client.result("chainHead_v1_header", identity, old) is not None  # nothing was unpinned
    assert client.result("chainHead_v1_unpin", identity, [old, new]) is None
    for method in ("header", "body", "unpin"):
        assert client.error(f"chainHead_v1_{method}", identity, old)["code"] == -32801
    query = [{"key": "0x11", "type": "value"}]
    assert client.error("chainHead_v1_storage", identity, new, query)["code"] == -32801
    assert client.error("chainHead_v1_call", identity, new, "Core_version", "0x")["code"] == -32801


def test_calls_need_a_follow_that_knows_the_runtime(client: Client, chain: DevChain) -> None:
    head = named(chain.head)
    blind, _ = follow(client)
    error = client.error("chainHead_v1_call", blind, head, "Core_version", "0x")
    assert error["code"] == -32802
    seeing, _ = follow(client, True)
    (done,) = operation(client, seeing, "chainHead_v1_call", head, "Core_version", "0x")
    assert done["output"] == named(chain.call("Core_version"))
    (failed,) = operation(client, seeing, "chainHead_v1_call", head, "Nope_nope", "0x")
    assert failed["error"] == "Execution failed: Other: Exported method Nope_nope is not found"


def test_storage_is_read_at_the_block_that_was_asked_for(client: Client, chain: DevChain) -> None:
    key = named(account_key(BOB.public))
    identity, first = follow(client)
    (old,) = first["finalizedBlockHashes"]
    chain.submit(signed(chain, ALICE, 0, transfer(BOB.public, UNIT)))
    client.told(identity, lambda said: len(said) >= 5)
    new = named(chain.head)
    found = {}
    kinds = ("value", "hash", "closestDescendantMerkleValue", "descendantsValues")
    for block in (old, new):
        for kind in kinds:
            items, done = operation(
                client, identity, "chainHead_v1_storage", block, [{"key": key, "type": kind}]
            )
            assert done["event"] == "operationStorageDone"
            found[block, kind] = items["items"]
    for kind in kinds:
        assert found[old, kind] != found[new, kind]
        assert found[new, kind] == [{"key": key, **found[new, kind][0]}]
    assert found[old, "value"] == found[old, "descendantsValues"]
    nothing = operation(
        client, identity, "chainHead_v1_storage", new, [{"key": "0x11", "type": "value"}]
    )
    assert [event["event"] for event in nothing] == ["operationStorageDone"]


def test_many_items_come_when_the_client_asks_for_more(
    client: Client, chain: DevChain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chain_head, "ITEMS_AT_ONCE", 100)
    many = {b"many" + bytes((index // 256, index % 256)): b"\1" for index in range(450)}
    chain.submit(signed(chain, ALICE, 0, set_storage(many)))
    identity, _ = follow(client)
    query = [{"key": named(b"many"), "type": "descendantsValues"}]
    started = client.result("chainHead_v1_storage", identity, named(chain.head), query)
    number = started["operationId"]
    keys: list[str] = []
    while True:
        events = finished(client, identity, number)
        keys += [item["key"] for event in events for item in event.get("items", [])]
        client.notifications.clear()
        if events[-1]["event"] == "operationStorageDone":
            break
        assert events[-1]["event"] == "operationWaitingForContinue"
        assert client.result("chainHead_v1_continue", identity, number) is None
    assert keys == [named(key) for key in sorted(many)]


def test_an_operation_that_is_stopped_says_no_more_and_frees_its_place(
    client: Client, chain: DevChain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chain_head, "ITEMS_AT_ONCE", 1)
    monkeypatch.setattr(chain_head, "MOST_OPERATIONS", 2)
    chain.submit(signed(chain, ALICE, 0, set_storage({bytes((1, n)): b"\1" for n in range(200)})))
    identity, _ = follow(client)
    question = (identity, named(chain.head), [{"key": "0x01", "type": "descendantsHashes"}])
    first, second = (client.result("chainHead_v1_storage", *question) for _ in range(2))
    assert client.result("chainHead_v1_storage", *question) == {"result": "limitReached"}
    assert client.result("chainHead_v1_body", *question[:2]) == {"result": "limitReached"}
    finished(client, identity, first["operationId"])
    client.result("chainHead_v1_stopOperation", identity, first["operationId"])
    client.notifications.clear()
    assert client.result("chainHead_v1_continue", identity, first["operationId"]) is None
    (body,) = operation(client, identity, "chainHead_v1_body", named(chain.head))
    assert body["event"] == "operationBodyDone"
    about = {note["params"]["result"].get("operationId") for note in client.notifications}
    assert first["operationId"] not in about
    client.result("chainHead_v1_stopOperation", identity, second["operationId"])


def test_continue_needs_an_operation_that_waits(
    client: Client, chain: DevChain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chain_head, "ITEMS_AT_ONCE", 1)
    chain.submit(signed(chain, ALICE, 0, set_storage({bytes((1, n)): b"\1" for n in range(200)})))
    identity, _ = follow(client)
    query = [{"key": "0x01", "type": "descendantsHashes"}]
    number = client.result("chainHead_v1_storage", identity, named(chain.head), query)[
        "operationId"
    ]
    finished(client, identity, number)
    batch = [
        {"jsonrpc": "2.0", "id": n, "method": "chainHead_v1_continue", "params": [identity, number]}
        for n in (71, 72)
    ]
    answers = client.send(json.dumps(batch))
    assert answers[0]["result"] is None
    assert answers[1]["error"]["code"] == -32803
    assert client.result("chainHead_v1_continue", identity, "no such") is None


def test_one_connection_has_four_follows_and_an_ended_one_is_silent(
    client: Client, chain: DevChain
) -> None:
    follows = [follow(client)[0] for _ in range(4)]
    assert client.error("chainHead_v1_follow", False)["code"] == -32800
    assert client.result("chainHead_v1_unfollow", follows[0]) is True
    assert client.result("chainHead_v1_unfollow", follows[0]) is False
    assert client.result("chainHead_v1_header", follows[0], named(chain.head)) is None
    fifth, _ = follow(client)
    client.notifications.clear()
    chain.advance()
    for identity in (*follows[1:], fifth):
        client.told(identity, lambda said: len(said) >= 3)
    assert follows[0] not in {note["params"]["subscription"] for note in client.notifications}


def test_who_unpins_nothing_is_stopped(
    client: Client, chain: DevChain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chain_head, "MOST_PINNED", 3)
    identity, _ = follow(client)
    chain.advance(5)
    events = client.told(identity, lambda said: said[-1]["event"] == "stop")
    assert [event["event"] for event in events].count("newBlock") == 2
    assert client.result("chainHead_v1_unfollow", identity) is False


def test_who_cannot_be_told_of_every_block_is_stopped(
    client: Client, chain: DevChain, monkeypatch: pytest.MonkeyPatch
) -> None:
    identity, _ = follow(client)
    monkeypatch.setattr(subscriptions, "CATCH_UP", 2)
    chain.advance(20)
    events = client.told(identity, lambda said: said[-1]["event"] == "stop")
    heard = [event["parentBlockHash"] for event in events if event["event"] == "newBlock"]
    heads = [named(chain.block_hash(number) or b"") for number in range(21)]
    assert heard == heads[: len(heard)]


def test_a_slow_client_is_not_read_ahead_of(file: Path, chain: DevChain) -> None:
    """More than its outbox and the sockets hold, and it is not disconnected: the server reads on
    when the client does."""
    big = {b"big" + bytes((index,)): b"\1" * 60_000 for index in range(25)}
    chain.submit(signed(chain, ALICE, 0, set_storage(big)))
    limits = Limits(outbox_bytes=1 << 20, outbox_messages=20)
    with served(file, limits=limits) as url, Client(url) as client, Client(url) as other:
        identity, _ = follow(client)
        query = [{"key": named(b"big"), "type": "descendantsValues"}] * 10
        number = client.result("chainHead_v1_storage", identity, named(chain.head), query)[
            "operationId"
        ]
        for _ in range(300):  # time for the server to run ahead
            other.result("system_health")
        events = finished(client, identity, number)
        assert sum(len(event.get("items", [])) for event in events) == 10 * len(big)


def test_it_needs_a_connection(file: Path) -> None:
    with served(file) as url:
        request = b'{"jsonrpc":"2.0","id":1,"method":"chainHead_v1_follow","params":[true]}'
        assert '"subscriptions need a WebSocket connection"' in post(url, request)[1]
