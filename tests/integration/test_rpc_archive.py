"""``archive_v1``: every block and every state, and what differs between two of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from devchain_support import account, new_chain, set_storage, shared_cache, signed
from rpc_support import Client, copy_of, genesis_file, open_chain, served

from decentralml.devchain.block import Header
from decentralml.devchain.chain import DevChain
from decentralml.devchain.rpc import storage_queries

ALICE = account("Alice")
CHILD = b"a child"


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("archive")
    file = copy_of(genesis_file(folder), folder)
    with open_chain(file) as chain:
        steps: list[dict[bytes, bytes]] = [
            {b"x1": b"one", b"x2": b"two", b"y": b"long" * 20},
            {b"x2": b"too", b"x3": b"three"},
            {b"x2": b"two"},
        ]
        for number, items in enumerate(steps):
            chain.submit(signed(chain, ALICE, number, set_storage(items)))
    return file


@pytest.fixture(scope="module")
def chain(file: Path) -> Iterator[DevChain]:
    with open_chain(file) as chain:
        yield chain


@pytest.fixture
def client(file: Path) -> Iterator[Client]:
    with served(file) as url, Client(url) as client:
        yield client


def named(data: bytes) -> str:
    return "0x" + data.hex()


def said(client: Client, method: str, *params: Any) -> list[dict[str, Any]]:
    """All events of a subscription that ends by itself."""
    identity = client.result(method, *params)
    events = client.told(
        identity, lambda said: bool(said) and said[-1]["event"].endswith(("Done", "Error"))
    )
    return list(events)


def block(chain: DevChain, number: int) -> str:
    return named(chain.block_hash(number) or b"")


def differences(client: Client, *params: Any) -> list[tuple[str, str, str]]:
    *events, last = said(client, "archive_v1_storageDiff", *params)
    assert last == {"event": "storageDiffDone"}
    return [(event["type"], event["key"], event.get("value", "")) for event in events]


def test_blocks_are_found_by_height_and_hash(client: Client, chain: DevChain) -> None:
    assert client.result("archive_v1_genesisHash") == block(chain, 0)
    assert client.result("archive_v1_finalizedHeight") == 3
    for number in range(4):
        (name,) = client.result("archive_v1_hashByHeight", number)
        assert name == block(chain, number)
        header = bytes.fromhex(client.result("archive_v1_header", name)[2:])
        assert Header.decode(header).number == number
        found = chain.block(bytes.fromhex(name[2:]))
        assert found is not None
        body = [named(extrinsic) for extrinsic in found.extrinsics]
        assert client.result("archive_v1_body", name) == body
    assert client.result("archive_v1_hashByHeight", 4) == []


def test_every_state_names_its_parts_as_its_own_root_has_them(
    client: Client, chain: DevChain
) -> None:
    query = [{"key": "0x", "type": "closestDescendantMerkleValue"}]
    for number in range(4):
        item, done = said(client, "archive_v1_storage", block(chain, number), query)
        header = Header.decode(chain.header(chain.block_hash(number)) or b"")
        assert item["closestDescendantMerkleValue"] == named(header.state_root)
        assert done == {"event": "storageDone"}


def test_values_of_every_state_are_read_page_by_page(
    client: Client, chain: DevChain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage_queries, "PAGE_ITEMS", 2)
    expected = [
        [],
        [(b"x1", b"one"), (b"x2", b"two")],
        [(b"x1", b"one"), (b"x2", b"too"), (b"x3", b"three")],
        [(b"x1", b"one"), (b"x2", b"two"), (b"x3", b"three")],
    ]
    for number, items in enumerate(expected):
        query = [{"key": named(b"x"), "type": "descendantsValues"}]
        *events, _ = said(client, "archive_v1_storage", block(chain, number), query)
        assert [(event["key"], event["value"]) for event in events] == [
            (named(key), named(value)) for key, value in items
        ]


def test_differences_are_what_two_states_hold_otherwise(client: Client, chain: DevChain) -> None:
    prefix = [{"key": named(b"x"), "returnType": "value"}]
    one, two, three = (named(key) for key in (b"x1", b"x2", b"x3"))
    assert differences(client, block(chain, 2), prefix) == [
        ("modified", two, named(b"too")),
        ("added", three, named(b"three")),
    ]
    assert differences(client, block(chain, 1), prefix, block(chain, 3)) == [
        ("deleted", three, named(b"three"))
    ]
    # Changed and changed back: no difference.
    assert differences(client, block(chain, 3), prefix, block(chain, 1)) == [
        ("added", three, named(b"three"))
    ]
    everything = differences(client, block(chain, 1), [], block(chain, 0))
    assert ("added", one, named(b"one")) in everything and len(everything) > 5
    assert [key for _, key, _ in everything] == sorted(key for _, key, _ in everything)


def test_overlapping_prefixes_tell_a_key_once_for_each_kind(
    client: Client, chain: DevChain
) -> None:
    items = [
        {"key": named(prefix), "returnType": kind}
        for prefix, kind in ((b"x", "value"), (b"x2", "value"), (b"x2", "hash"))
    ]
    *events, _ = said(client, "archive_v1_storageDiff", block(chain, 2), items)
    assert [(event["key"], "hash" in event) for event in events] == [
        (named(b"x2"), False),
        (named(b"x2"), True),
        (named(b"x3"), False),
    ]


def test_faults_end_a_subscription_with_what_was_wrong(client: Client, chain: DevChain) -> None:
    query = {"key": named(b"x"), "type": "value"}
    (error,) = said(client, "archive_v1_storage", "0x" + "11" * 32, [query])
    assert error["event"] == "storageError" and "UnknownBlock" in error["error"]
    (error,) = said(
        client, "archive_v1_storage", block(chain, 1), [{**query, "paginationStartKey": "0x11"}]
    )
    assert "paginationStartKey is only valid" in error["error"]
    (error,) = said(client, "archive_v1_storageDiff", block(chain, 0), [])
    assert error["event"] == "storageDiffError"
    for method in ("archive_v1_stopStorage", "archive_v1_stopStorageDiff"):
        assert client.result(method, "no such") is False


def test_child_tries_are_read_by_their_names(tmp_path: Path) -> None:
    with new_chain(tmp_path / "plain.sqlite") as plain:
        spec = plain.export_spec()
    items = {named(key): named(b"value of " + key) for key in (b"p", b"q1", b"q2")}
    spec["genesis"]["raw"]["childrenDefault"] = {named(CHILD): items}
    file = tmp_path / "chain.sqlite"
    with DevChain.create_from_spec(file, spec, cache=shared_cache()) as chain:
        genesis = named(chain.genesis)
        root = chain.storage(b":child_storage:default:" + CHILD)
    with served(file) as url, Client(url) as client:
        query = [
            {"key": named(b"q"), "type": "descendantsValues"},
            {"key": "0x", "type": "closestDescendantMerkleValue"},
        ]
        *events, last = said(client, "archive_v1_storage", genesis, query, named(CHILD))
        assert last == {"event": "storageDone"}
        assert [event["childTrieKey"] for event in events] == [named(CHILD)] * 3
        assert [event.get("value") for event in events] == [
            named(b"value of q1"),
            named(b"value of q2"),
            None,
        ]
        assert events[2]["closestDescendantMerkleValue"] == named(root or b"")
