"""The server: who may connect, who is told what, and that nobody suffers for another."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import websocket
from devchain_support import (
    UNIT,
    account,
    account_key,
    nonce,
    remark,
    shared_cache,
    signed,
    transfer,
)
from rpc_support import Client, copy_of, genesis_file, open_chain, post, served

from decentralml.devchain.chain import DevChain
from decentralml.devchain.rpc.limits import Limits
from decentralml.devchain.rpc.views import header_json
from decentralml.errors import CannotListen

ALICE, BOB, DAVE = account("Alice"), account("Bob"), account("Dave")


@pytest.fixture(scope="module")
def genesis(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return genesis_file(tmp_path_factory.mktemp("server"))


@pytest.fixture
def file(genesis: Path, tmp_path: Path) -> Path:
    return copy_of(genesis, tmp_path)


@pytest.fixture
def chain(file: Path) -> Iterator[DevChain]:
    """Another process's view of the served chain, as far as locks go."""
    with open_chain(file) as chain:
        yield chain


def pay(chain: DevChain, number: int, tip: int = 0) -> str:
    return "0x" + signed(chain, ALICE, number, transfer(DAVE.public, UNIT), tip).hex()


def at_least(count: int) -> Any:
    return lambda said: len(said) >= count


def is_final(said: list[Any]) -> bool:
    return bool(said) and "finalized" in said[-1]


# -- subscriptions


def test_heads_are_announced_whichever_process_makes_them(file: Path, chain: DevChain) -> None:
    with served(file) as url, Client(url) as client:
        subscriptions = [
            client.result(f"chain_subscribe{kind}Heads") for kind in ("New", "Finalized", "All")
        ]
        chain.submit(bytes.fromhex(pay(chain, 0)[2:]))
        client.result("author_submitExtrinsic", pay(chain, 1))
        for subscription in subscriptions:
            said = client.told(subscription, at_least(3))
            assert [int(header["number"], 16) for header in said] == [0, 1, 2]
        header = chain.header()
        assert header is not None
        assert said[-1] == header_json(header)
        kinds = {message["method"] for message in client.notifications}
        assert kinds == {"chain_newHead", "chain_finalizedHead", "chain_allHead"}
        assert client.result("chain_unsubscribeNewHeads", subscriptions[0]) is True
        assert client.result("chain_unsubscribeNewHeads", subscriptions[0]) is False


def test_storage_is_announced_when_it_changes_and_only_then(file: Path, chain: DevChain) -> None:
    key = "0x" + account_key(DAVE.public).hex()
    with served(file) as url, Client(url) as client:
        subscription = client.result("state_subscribeStorage", [key, "0x00"])
        client.result("engine_createBlock", True, False)
        client.result("author_submitExtrinsic", pay(chain, 0))
        first, second = client.told(subscription, at_least(2))
        assert [pair[0] for pair in first["changes"]] == [key, "0x00"]
        assert second == {
            "block": "0x" + chain.head.hex(),
            "changes": [[key, "0x" + (chain.storage(account_key(DAVE.public)) or b"").hex()]],
        }


def test_the_runtime_version_is_told_once_while_it_stays(file: Path) -> None:
    with served(file) as url, Client(url) as client:
        subscription = client.result("state_subscribeRuntimeVersion")
        (version,) = client.told(subscription, at_least(1))
        assert version == client.result("state_getRuntimeVersion")
        client.result("engine_createBlock", True)
        client.result("system_health")
        assert len(client.told(subscription, at_least(1))) == 1


def test_a_watched_transaction_is_followed_until_it_is_final(file: Path, chain: DevChain) -> None:
    with served(file) as url, Client(url) as client:
        waiting = pay(chain, 1)
        later = client.result("author_submitAndWatchExtrinsic", waiting)
        assert client.told(later, at_least(1)) == ["future"]
        assert client.result("author_pendingExtrinsics") == [waiting]
        sooner = client.result("author_submitAndWatchExtrinsic", pay(chain, 0))
        for subscription, first in ((sooner, []), (later, ["future"])):
            said = client.told(subscription, is_final)
            block = said[-1]["finalized"]
            assert said == [*first, "ready", {"inBlock": block}, {"finalized": block}]
        assert nonce(chain, ALICE.public) == 2


def test_a_waiting_transaction_follows_a_predecessor_that_another_process_sealed(
    file: Path, chain: DevChain
) -> None:
    with served(file) as url, Client(url) as client:
        watched = client.result("author_submitAndWatchExtrinsic", pay(chain, 1))
        chain.submit(bytes.fromhex(pay(chain, 0)[2:]))
        said = client.told(watched, is_final)
        assert said[0] == "future"


def test_empty_blocks_come_at_an_interval_if_asked_for(file: Path) -> None:
    with served(file, block_time=0.05) as url, Client(url) as client:
        subscription = client.result("chain_subscribeNewHeads")
        client.told(subscription, at_least(3))


# -- several writers


def test_two_servers_and_a_process_write_one_chain(file: Path, chain: DevChain) -> None:
    """Nothing is lost, nothing doubled, and everybody sees all blocks."""
    each, failures = 15, list[BaseException]()

    def write(url: str, name: str) -> None:
        try:
            with Client(url) as client:
                for number in range(each):
                    extrinsic = signed(chain, account(name), number, remark(name.encode()))
                    client.result("author_submitExtrinsic", "0x" + extrinsic.hex())
        except BaseException as error:
            failures.append(error)

    with served(file) as one, served(file) as two:
        writers = [
            threading.Thread(target=write, args=pair)
            for pair in ((one, "Alice"), (two, "Bob"), (one, "Charlie"))
        ]
        for writer in writers:
            writer.start()
        for number in range(each):
            chain.submit(signed(chain, DAVE, number, remark(b"Dave")))
        for writer in writers:
            writer.join(60)
        assert not failures, failures
        names = ("Alice", "Bob", "Charlie", "Dave")
        assert [nonce(chain, account(name).public) for name in names] == [each] * 4
        with Client(one) as first, Client(two) as second:
            height = chain.height
            hashes = first.result("chain_getBlockHash", list(range(height + 1)))
            assert hashes == second.result("chain_getBlockHash", list(range(height + 1)))
            bodies = [first.result("chain_getBlock", block)["block"] for block in hashes]
            assert sum(len(body["extrinsics"]) - 1 for body in bodies[1:]) == 4 * each
            assert [body["header"]["parentHash"] for body in bodies[1:]] == hashes[:-1]


# -- limits


def test_a_client_that_does_not_read_its_answers_delays_nobody(file: Path, chain: DevChain) -> None:
    with served(file) as url, Client(url) as other:
        slow = websocket.create_connection(
            url, timeout=30, sockopt=((socket.SOL_SOCKET, socket.SO_RCVBUF, 4096),)
        )
        # 4 MB each: more than the system's own buffers hold.
        for _ in range(8):
            slow.send(_request("state_getStorage", "0x" + b":code".hex()))
        for number in range(20):
            other.result("author_submitExtrinsic", pay(chain, number))
        assert other.result("system_health")["isSyncing"] is False
        slow.close()


def test_notifications_do_not_pile_up_for_a_client_that_does_not_read(file: Path) -> None:
    limits = Limits(outbox_messages=50)
    with served(file, limits=limits) as url, Client(url) as other:
        slow = websocket.create_connection(
            url, timeout=30, sockopt=((socket.SOL_SOCKET, socket.SO_RCVBUF, 4096),)
        )
        for _ in range(1000):
            slow.send(_request("chain_subscribeNewHeads"))
            slow.recv(), slow.recv()
        end = time.monotonic() + 30
        with pytest.raises((websocket.WebSocketException, OSError)):
            while time.monotonic() < end:
                other.result("engine_createBlock", True)
                slow.send("{}")  # raises once the server has hung up
        assert other.result("system_health")["isSyncing"] is False


def test_connections_subscriptions_and_messages_are_limited(file: Path) -> None:
    limits = Limits(connections=2, subscriptions=2, request_bytes=4096)
    with served(file, limits=limits) as url, Client(url) as client:
        with Client(url) as second:
            with pytest.raises(websocket.WebSocketException):
                Client(url)
            second.socket.send(_request("system_chain" + "x" * 5000))
            opcode, data = second.socket.recv_data()
            assert (opcode, data[:2]) == (websocket.ABNF.OPCODE_CLOSE, (1009).to_bytes(2, "big"))
        for _ in range(2):
            client.result("chain_subscribeNewHeads")
        assert client.error("chain_subscribeNewHeads")["code"] == -32006
        assert client.result("system_chain")
        assert post(url, b" " * 5000)[0] == 413


def test_a_connection_that_asks_nothing_is_ended(file: Path) -> None:
    with served(file, limits=Limits(request_seconds=0.2)) as url:
        host, _, port = url.removeprefix("ws://").partition(":")
        with socket.create_connection((host, int(port)), timeout=30) as silent:
            assert silent.recv(1) == b""


def test_a_response_that_is_too_big_is_an_error(file: Path) -> None:
    with served(file, limits=Limits(response_bytes=100_000)) as url, Client(url) as client:
        assert client.error("state_getMetadata")["code"] == -32008
        assert client.result("system_chain")


# -- who may connect


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("http://localhost:3000", True),
        ("https://polkadot.js.org", True),
        ("https://evil.example", False),
        ("null", False),
    ],
)
def test_pages_of_strangers_may_not_connect(file: Path, origin: str, allowed: bool) -> None:
    with served(file) as url:
        status, _ = post(url, _request("system_chain").encode(), Origin=origin)
        assert status == (200 if allowed else 403)
        if allowed:
            Client(url, origin=origin).socket.close()
        else:
            with pytest.raises(websocket.WebSocketException):
                Client(url, origin=origin)


def test_a_foreign_host_name_that_points_here_is_refused(file: Path) -> None:
    with served(file) as url:
        assert post(url, _request("system_chain").encode(), Host="rebound.example")[0] == 403


def test_a_port_in_use_is_one_clear_error(file: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        program = _program(file, port)
        ended = subprocess.run(program, capture_output=True, text=True, timeout=60)
    assert CannotListen.__name__ in ended.stderr
    assert f"127.0.0.1:{port} (it is in use)" in ended.stderr


# -- ending


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_server_cleanly_with_clients_connected(
    file: Path, chain: DevChain, number: signal.Signals
) -> None:
    server = subprocess.Popen(
        _program(file, 0), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert server.stdout is not None
    url = server.stdout.readline().strip()
    with Client(url) as client:
        client.result("chain_subscribeNewHeads")
        client.result("author_submitExtrinsic", pay(chain, 0))
        server.send_signal(number)
        with pytest.raises((websocket.WebSocketException, OSError, ValueError)):
            while True:
                json.loads(client.socket.recv())
    _, errors = server.communicate(timeout=30)
    assert (server.returncode, errors) == (0, "")
    assert nonce(chain, ALICE.public) == 1


def _request(method: str, *params: Any) -> str:
    return json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)})


def _program(file: Path, port: int) -> list[str]:
    code = (
        "from pathlib import Path\n"
        "from decentralml.devchain.rpc.server import serve_forever\n"
        f"serve_forever(Path({os.fspath(file)!r}), port={port}, "
        f"cache=Path({os.fspath(shared_cache())!r}), ready=lambda url: print(url, flush=True))"
    )
    return [sys.executable, "-c", code]
