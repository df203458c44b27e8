"""What is wrong with a request is said in JSON-RPC's own words, over every transport."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from devchain_support import account, signed, transfer
from rpc_support import Client, copy_of, genesis_file, open_chain, post, served

from decentralml.devchain.chain import DevChain
from decentralml.devchain.rpc import handlers, state_methods
from decentralml.devchain.rpc.errors import RpcError
from decentralml.devchain.rpc.handlers import Handlers
from decentralml.devchain.rpc.registry import METHODS
from decentralml.errors import ChainBusy

NOWHERE = "0x" + "11" * 32
CHILD = "0x" + b":child_storage:default:x".hex()


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("errors")
    return copy_of(genesis_file(folder), folder)


@pytest.fixture(scope="module")
def url(file: Path) -> Iterator[str]:
    with served(file) as url:
        yield url


@pytest.fixture(scope="module")
def client(url: str) -> Iterator[Client]:
    with Client(url) as client:
        yield client


@pytest.fixture(scope="module")
def chain(file: Path) -> Iterator[DevChain]:
    with open_chain(file) as chain:
        yield chain


ENVELOPES: list[tuple[str, Any, int]] = [
    ("{", None, -32700),
    ("", None, -32700),
    ('{"jsonrpc":"2.0","id":1,"method":"system_name",}', None, -32700),
    ('{"jsonrpc":"2.0","id":NaN,"method":"system_name"}', None, -32700),
    ("[" * 100_000, None, -32700),
    ('{"jsonrpc":"2.0","id":' + "9" * 10_000 + "}", None, -32700),
    ("5", None, -32600),
    ("null", None, -32600),
    ("[]", None, -32600),
    ('{"jsonrpc":"2.0","id":7}', 7, -32600),
    ('{"jsonrpc":"1.0","id":7,"method":"system_name"}', 7, -32600),
    ('{"id":"a","method":"system_name"}', "a", -32600),
    ('{"jsonrpc":"2.0","id":[7],"method":"system_name"}', None, -32600),
    ('{"jsonrpc":"2.0","id":true,"method":"system_name"}', None, -32600),
    ('{"jsonrpc":"2.0","id":7,"method":["system_name"]}', 7, -32600),
    ('{"jsonrpc":"2.0","id":7,"method":"system_nome"}', 7, -32601),
    ('{"jsonrpc":"2.0","id":7,"method":"__init__"}', 7, -32601),
    ('{"jsonrpc":"2.0","id":7,"method":"system_name","params":5}', 7, -32602),
]


@pytest.mark.parametrize(("text", "identity", "code"), ENVELOPES)
def test_a_malformed_request_gets_its_error_and_the_connection_lives(
    client: Client, url: str, text: str, identity: Any, code: int
) -> None:
    answers = [client.send(text)] if text else []
    status, body = post(url, text.encode())
    assert status == 200
    for answer in [*answers, json.loads(body)]:
        assert answer["jsonrpc"] == "2.0"
        assert answer["id"] == identity
        assert answer["error"]["code"] == code, answer
    assert client.result("system_health")["peers"] == 0


def test_bytes_that_are_no_text_are_a_parse_error(client: Client, url: str) -> None:
    client.socket.send_binary(b"\xff\xfe{}")
    assert json.loads(client.socket.recv())["error"]["code"] == -32700
    assert json.loads(post(url, b"\xff\xfe{}")[1])["error"]["code"] == -32700


WRONG_PARAMS: list[tuple[str, list[Any]]] = [
    ("state_getStorage", []),
    ("state_getStorage", ["zz"]),
    ("state_getStorage", ["0x1"]),
    ("state_getStorage", ["0x 1"]),
    ("state_getStorage", [5]),
    ("state_getStorage", ["0x11", "0x11"]),
    ("state_getStorage", ["0x11", 5]),
    ("state_getKeysPaged", ["0x", "many"]),
    ("state_getKeysPaged", ["0x", -1]),
    ("state_getKeysPaged", ["0x", True]),
    ("state_queryStorageAt", ["0x11"]),
    ("state_queryStorageAt", [["0x11"] * 5000]),
    ("state_call", ["Core_version", "zz"]),
    ("state_call", [["Core_version"], "0x"]),
    ("chain_getBlockHash", [-1]),
    ("chain_getBlockHash", ["zz"]),
    ("chain_getBlockHash", [1.5]),
    ("chain_getBlockHash", [2**40]),
    ("chain_getBlockHash", [[0, "zz"]]),
    ("chain_getHeader", ["latest"]),
    ("author_submitExtrinsic", []),
    ("author_submitExtrinsic", ["zz"]),
    ("author_submitAndWatchExtrinsic", [{"extrinsic": "0x00"}]),
    ("author_removeExtrinsic", ["0x11"]),
    ("state_subscribeStorage", []),
    ("state_subscribeStorage", [["zz"]]),
    ("system_accountNextIndex", ["5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQ0"]),
    ("system_accountNextIndex", ["5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQX"]),
    ("system_accountNextIndex", ["1" * 4000]),
    ("engine_createBlock", ["yes"]),
]


@pytest.mark.parametrize(("method", "params"), WRONG_PARAMS)
def test_wrong_parameters_are_named_as_such(client: Client, method: str, params: list[Any]) -> None:
    error = client.error(method, *params)
    assert (error["code"], error["message"]) == (-32602, "Invalid params")
    assert error["data"]


UNANSWERABLE: list[tuple[str, list[Any], int]] = [
    ("state_getStorage", ["0x11", NOWHERE], 4003),
    ("state_getMetadata", [NOWHERE], 4003),
    ("state_getRuntimeVersion", [NOWHERE], 4003),
    ("state_call", ["Nope_nope", "0x"], 4003),
    ("state_call", ["AccountNonceApi_account_nonce", "0x00"], 4003),
    ("state_call", ["Core_version", "0x", NOWHERE], 4003),
    ("state_getKeysPaged", ["0x", 5000], 4002),
    ("state_queryStorage", [["0x11"], NOWHERE], 4001),
    ("childstate_getStorage", ["0x11", "0x11"], 4003),
    ("childstate_getKeysPaged", [CHILD, "0x", 5000], 4002),
    ("payment_queryInfo", ["0x00"], 1),
    ("payment_queryInfo", ["0x1000000000"], 1),
    ("payment_queryFeeDetails", ["0x10"], 2),
    ("system_dryRun", ["0x10"], 1),
    ("author_submitExtrinsic", ["0x"], 1001),
    ("author_submitExtrinsic", ["0x10"], 1001),
    ("author_submitExtrinsic", ["0x1000000000"], 1002),
    ("author_submitAndWatchExtrinsic", ["0x140000000000"], 1002),
    ("author_insertKey", ["aura", "//Alice", "0x11"], 1030),
    ("author_rotateKeys", [], 1030),
    ("engine_createBlock", [False], 20000),
]


@pytest.mark.parametrize(("method", "params", "code"), UNANSWERABLE)
def test_what_the_chain_cannot_answer_has_a_node_s_code(
    client: Client, method: str, params: list[Any], code: int
) -> None:
    assert client.error(method, *params)["code"] == code


def test_a_block_that_is_not_there_is_null_not_an_error(client: Client) -> None:
    assert client.result("chain_getHeader", NOWHERE) is None
    assert client.result("chain_getBlock", NOWHERE) is None
    assert client.result("chain_getBlockHash", 99_999) is None
    assert client.result("chain_getBlockHash", [0, "0x5", 7])[1:] == [None, None]


def test_listings_without_pages_are_bounded(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert client.result("state_getPairs", "0x")
    monkeypatch.setattr(state_methods, "PAGE_LIMIT", 3)
    for method in ("state_getPairs", "state_getKeys"):
        error = client.error(method, "0x")
        assert error["code"] == -32008
        assert "state_getKeysPaged" in error["data"]


def test_a_bad_signature_is_refused_with_the_reason(client: Client, chain: DevChain) -> None:
    good = signed(chain, account("Alice"), 0, transfer(account("Bob").public, 1))
    bad = "0x" + (good[:80] + bytes((good[80] ^ 1,)) + good[81:]).hex()
    error = client.error("author_submitAndWatchExtrinsic", bad)
    assert error["code"] == 1010
    assert error["message"] == "Invalid Transaction"
    assert error["data"] == "Transaction has a bad signature"
    assert client.error("author_submitExtrinsic", bad)["code"] == 1012


def test_a_batch_is_answered_in_order_and_in_part(url: str, client: Client) -> None:
    requests = [
        1,
        {"jsonrpc": "2.0", "id": 1, "method": "system_chain"},
        {"jsonrpc": "2.0", "method": "system_chain"},
        {"jsonrpc": "2.0", "id": 2, "method": "nope"},
    ]
    for answers in (client.send(json.dumps(requests)), json.loads(post(url, _dump(requests))[1])):
        assert [answer["id"] for answer in answers] == [None, 1, 2]
        assert answers[0]["error"]["code"] == -32600
        assert answers[1]["result"]
        assert answers[2]["error"]["code"] == -32601


def test_a_batch_has_a_limit(client: Client) -> None:
    one = {"jsonrpc": "2.0", "id": 1, "method": "system_chain"}
    assert len(client.send(json.dumps([one] * 256))) == 256
    assert client.send(json.dumps([one] * 257))["error"]["code"] == -32010


def test_a_notification_gets_no_answer(client: Client, url: str) -> None:
    client.socket.send('{"jsonrpc":"2.0","method":"system_chain"}')
    assert client.ask("system_name")["result"]
    assert post(url, b'{"jsonrpc":"2.0","method":"system_chain"}') == (200, "")


def test_parameters_may_be_named(client: Client) -> None:
    answer = client.send(
        '{"jsonrpc":"2.0","id":5,"method":"chain_getBlockHash","params":{"hash":0}}'
    )
    assert answer["result"] == client.result("chainSpec_v1_genesisHash")


def test_http_refuses_what_is_no_json_rpc(url: str) -> None:
    body = b'{"jsonrpc":"2.0","id":1,"method":"system_chain"}'
    assert post(url, body, **{"Content-Type": "text/plain"})[0] == 415
    assert post(url, body)[0] == 200


def test_a_subscription_over_http_says_what_it_needs(url: str) -> None:
    body = b'{"jsonrpc":"2.0","id":1,"method":"chain_subscribeNewHeads"}'
    error = json.loads(post(url, body)[1])["error"]
    assert (error["code"], error["data"]) == (
        -32601,
        "subscriptions need a WebSocket connection",
    )


def test_every_listed_method_exists_and_takes_rubbish_without_breaking(client: Client) -> None:
    for method in client.result("rpc_methods")["methods"]:
        for rubbish in ([], [{}], ["0x" + "00" * 40], [[[]]], [0, 0, 0, 0], [None] * 9):
            answer = client.ask(method, *rubbish)
            code = answer.get("error", {}).get("code")
            assert code != -32603, (method, rubbish, answer)


def test_no_fault_of_ours_escapes_as_anything_but_an_internal_error(
    chain: DevChain, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    answers = Handlers(chain)

    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(DevChain, "header", fail)
    with pytest.raises(RpcError) as caught:
        answers.request("chain_getHeader")
    assert (caught.value.code, caught.value.data) == (-32603, "ZeroDivisionError")

    def busy(*_: object) -> None:
        raise ChainBusy(tmp_path, "somebody", 60)

    monkeypatch.setattr(DevChain, "header", busy)
    with pytest.raises(RpcError) as caught:
        answers.request("chain_getHeader")
    assert caught.value.code == -32009
    assert "somebody" in caught.value.data


def test_the_handlers_need_no_server() -> None:
    import subprocess
    import sys

    code = (
        "import sys, decentralml.devchain.rpc.handlers as h;"
        "print([m for m in ('asyncio', 'aiohttp', 'websockets', 'wasmtime') if m in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
    assert handlers.executes("author_submitExtrinsic")
    assert not handlers.executes("state_getStorage")
    assert METHODS


def _dump(value: Any) -> bytes:
    return json.dumps(value).encode()
