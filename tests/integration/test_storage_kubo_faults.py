"""A Kubo that is absent, slow, broken or dishonest: one clear error each, nothing kept."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from kubo_daemon import Answer, complain, fake_daemon, free_port, reply

from decentralml.errors import (
    BlockMismatch,
    CarInvalid,
    DaemonTimeout,
    DaemonUnavailable,
    ObjectNotFound,
    StorageError,
)
from decentralml.storage import cid as cids
from decentralml.storage.kubo import Kubo
from decentralml.storage.local import BlockStore
from decentralml.storage.objects import Objects
from decentralml.types import Cid

ABSENT = Cid("bafybeifuawicoc2svb4uqlc2j6p647t335623kihcmpwsarxzrk4mzz7au")
LEAF = Cid("bafkreicufsh3kcifpnoenn5axsxyxdvmhf5o7seftfqoosqpmohkje42ue")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[BlockStore]:
    with BlockStore(tmp_path / "store") as store:
        yield store


def refuse(
    store: BlockStore,
    answer: Answer,
    kind: type[StorageError],
    cid: Cid = ABSENT,
    seconds: float = 5.0,
) -> str:
    """Getting ends with this error, in one line, with nothing written."""
    with (
        fake_daemon(answer) as address,
        Kubo(address, seconds) as kubo,
        pytest.raises(kind) as caught,
    ):
        Objects(store, kubo).get(cid, store.root.parent / "out")
    assert not (store.root.parent / "out").exists()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_no_daemon_is_said_with_its_address(store: BlockStore, tmp_path: Path) -> None:
    address = f"http://127.0.0.1:{free_port()}"
    with Objects(store, Kubo(address)) as objects:
        kept = objects.put_bytes(b"kept")
        for action in (
            lambda: objects.get(ABSENT, tmp_path / "out"),
            lambda: objects.publish(kept),
            lambda: objects.kubo and objects.kubo.version(),
        ):
            with pytest.raises(DaemonUnavailable, match="connection refused") as caught:
                action()
            assert caught.value.address == address
        objects.get(kept, tmp_path / "mine")


def test_a_name_that_does_not_resolve_is_one_line(store: BlockStore, tmp_path: Path) -> None:
    with Objects(store, Kubo("http://no-such-host.invalid:5001")) as objects:
        with pytest.raises(DaemonUnavailable) as caught:
            objects.get(ABSENT, tmp_path / "out")
        assert "\n" not in str(caught.value)


def test_a_daemon_that_accepts_and_stays_silent_is_given_up(store: BlockStore) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}"
        started = time.monotonic()
        with Kubo(address, seconds=0.3) as kubo, pytest.raises(DaemonTimeout) as caught:
            kubo.version()
        assert caught.value.seconds == 0.3
        assert time.monotonic() - started < 10


def test_a_daemon_that_stops_in_the_middle_is_given_up(store: BlockStore) -> None:
    def stop(command: str, argument: str, handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        handler.wfile.write(b"\x3a")
        handler.wfile.flush()
        time.sleep(2)

    refuse(store, stop, DaemonTimeout, seconds=0.3)


def test_a_daemon_that_only_drips_is_given_up(store: BlockStore) -> None:
    def drip(command: str, argument: str, handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        try:
            while True:
                handler.wfile.write(b"1\r\n\xff\r\n")
                handler.wfile.flush()
                time.sleep(0.02)
        except OSError:
            return

    refuse(store, drip, DaemonTimeout, LEAF, seconds=0.3)


def test_a_connection_that_breaks_is_one_line(store: BlockStore) -> None:
    def hang_up(command: str, argument: str, handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        handler.wfile.write(b"\x3a")

    refuse(store, hang_up, StorageError)


def test_a_daemon_without_the_content_is_named(store: BlockStore) -> None:
    message = "block was not found locally (offline): ipld: could not find " + ABSENT
    said = refuse(store, lambda c, a, handler: complain(handler, message), ObjectNotFound)
    assert ABSENT in said


def test_the_daemons_own_words_are_passed_on(store: BlockStore) -> None:
    said = refuse(store, lambda c, a, handler: complain(handler, "disk on fire"), DaemonUnavailable)
    assert "disk on fire" in said


@pytest.mark.parametrize("status", [403, 404, 502])
def test_something_else_on_that_port_is_recognised(store: BlockStore, status: int) -> None:
    refuse(store, lambda c, a, h: reply(h, b"<html>no</html>", status), DaemonUnavailable)


@pytest.mark.parametrize("body", [b"", b"<html>hello</html>", bytes(100), b"\xff" * 100])
def test_answers_that_are_no_car_are_refused(store: BlockStore, body: bytes) -> None:
    refuse(store, lambda c, a, handler: reply(handler, body), CarInvalid)


def test_a_block_that_is_another_is_refused(store: BlockStore) -> None:
    refuse(store, lambda c, a, handler: reply(handler, b"wrong"), BlockMismatch, LEAF)
    assert not store.has(cids.parse(LEAF))


def test_a_block_without_end_is_cut_off(store: BlockStore) -> None:
    def flood(command: str, argument: str, handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        try:
            while True:
                handler.wfile.write(b"10000\r\n" + bytes(0x10000) + b"\r\n")
        except OSError:
            return

    refuse(store, flood, BlockMismatch, LEAF)


def test_an_import_that_is_not_confirmed_is_an_error(store: BlockStore) -> None:
    def import_another(command: str, argument: str, handler: BaseHTTPRequestHandler) -> None:
        if command == "pin/ls":
            complain(handler, f"path '{argument}' is not pinned")
            return
        while handler.rfile.readline().strip() not in (b"0", b""):
            pass  # the body comes in chunks, whose sizes and contents end in line breaks
        reply(handler, b'{"Root":{"Cid":{"/":"' + ABSENT.encode() + b'"},"PinErrorMsg":""}}')

    with fake_daemon(import_another) as address, Kubo(address, 5) as kubo:
        objects = Objects(store, kubo)
        with pytest.raises(DaemonUnavailable):
            objects.publish(objects.put_bytes(b"x"))
