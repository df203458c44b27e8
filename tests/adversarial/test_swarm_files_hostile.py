"""Members whose servers lie, stall or send without end: nobody hangs, nothing wrong is kept."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path

import pytest
from swarm_files_support import Peer, Register, new_identity, write_file

from decentralml.errors import (
    FetchFailed,
    FileDamaged,
    FileTooLarge,
    FileUnavailable,
    StoreUnwritable,
)
from decentralml.storage.unixfs import cid_of
from decentralml.swarm.files import fetch as fetching
from decentralml.swarm.files import pool as pooling
from decentralml.swarm.identity.members import Member
from decentralml.swarm.identity.own import Identity
from decentralml.types import Address, Cid

SIZE = 700_000
LIMIT = 1_000_000
Script = Callable[["Liar", ssl.SSLSocket, str], None]


@dataclass
class Liar:
    """A member's server that does with each request what its script says."""

    account: Address
    identity: Identity
    script: Script
    content: bytes
    context: Callable[[], ssl.SSLContext]
    requests: list[str] = field(default_factory=list)
    listener: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))
    sent: int = 0

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.listener.getsockname()[1]}"

    def start(self) -> None:
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with (
            contextlib.suppress(OSError),
            connection,
            self.context().wrap_socket(connection, server_side=True) as tls,
        ):
            request = b""
            while not request.endswith(b"\r\n\r\n"):
                piece = tls.recv(4096)
                if not piece:
                    return
                request += piece
            self.requests.append(request.decode())
            self.script(self, tls, request.decode())

    def answer(self, tls: ssl.SSLSocket, first: str, *headers: str, body: bytes = b"") -> None:
        tls.sendall("\r\n".join([f"HTTP/1.1 {first}", *headers, "", ""]).encode() + body)


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Patience of tests."""
    monkeypatch.setattr(fetching, "SILENCE_SECONDS", 1.0)
    monkeypatch.setattr(fetching, "ROUNDS", 2)
    monkeypatch.setattr(fetching, "LEAST_RATE", 1 << 20)
    monkeypatch.setattr(fetching, "PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(pooling, "CONNECT_SECONDS", 3.0)


@pytest.fixture
def register(tmp_path: Path) -> Iterator[Register]:
    made = Register(tmp_path)
    yield made
    made.close()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write_file(tmp_path / "file", SIZE)


@pytest.fixture
def cid(file: Path) -> Cid:
    return cid_of(file)


@pytest.fixture
def bob(register: Register) -> Peer:
    return register.join("bob")


@pytest.fixture
def honest(register: Register, bob: Peer, file: Path) -> Peer:
    peer = register.join("honest")
    peer.shelf.put(file)
    return peer


@pytest.fixture
def lie(register: Register, bob: Peer, file: Path) -> Iterator[Callable[[Script], Liar]]:
    made: list[Liar] = []

    def new(script: Script) -> Liar:
        account = Address(f"5liar{len(made)}")
        identity = new_identity(register.folder / account, account)
        liar = Liar(
            account,
            identity,
            script,
            file.read_bytes(),
            lambda: bob.members.server_context(identity),
        )
        made.append(liar)
        register.others.append(Member(account, identity.certificate))
        register.renew()
        liar.start()
        return liar

    yield new
    for liar in made:
        liar.listener.close()


def assert_clean(peer: Peer) -> None:
    assert list((peer.shelf.folder / "parts").iterdir()) == []
    assert peer.shelf.held() == []


# -- what the scripts do


def send_other_bytes(liar: Liar, tls: ssl.SSLSocket, request: str) -> None:
    liar.answer(tls, "200 OK", f"Content-Length: {SIZE}", body=bytes(SIZE))


def send_no_end(liar: Liar, tls: ssl.SSLSocket, request: str) -> None:
    liar.answer(tls, "200 OK", f"Content-Length: {1 << 50}")
    while True:
        tls.sendall(bytes(65536))
        liar.sent += 65536


def send_more_than_said(liar: Liar, tls: ssl.SSLSocket, request: str) -> None:
    liar.answer(tls, "200 OK", f"Content-Length: {SIZE - 1}", body=liar.content)


def send_less_than_said(liar: Liar, tls: ssl.SSLSocket, request: str) -> None:
    liar.answer(tls, "200 OK", f"Content-Length: {SIZE + 1}", body=liar.content)


def send_half_as_if_it_was_all(liar: Liar, tls: ssl.SSLSocket, request: str) -> None:
    half = liar.content[: SIZE // 2]
    liar.answer(tls, "200 OK", f"Content-Length: {len(half)}", body=half)


def stall_before_the_head(liar: Liar, tls: ssl.SSLSocket, request: str) -> None:
    tls.recv(1)


def stall_in_the_body(liar: Liar, tls: ssl.SSLSocket, request: str) -> None:
    liar.answer(tls, "200 OK", f"Content-Length: {SIZE}", body=liar.content[:100])
    tls.recv(1)


def trickle_the_head(liar: Liar, tls: ssl.SSLSocket, request: str) -> None:
    for byte in b"HTTP/1.1 200 OK\r\nX: " + b"y" * 1000:
        tls.sendall(bytes([byte]))
        time.sleep(0.05)


def trickle_the_body(liar: Liar, tls: ssl.SSLSocket, request: str) -> None:
    liar.answer(tls, "200 OK", f"Content-Length: {SIZE}")
    for byte in liar.content:
        tls.sendall(bytes([byte]))
        time.sleep(0.05)


def send_a_huge_head(liar: Liar, tls: ssl.SSLSocket, request: str) -> None:
    liar.answer(tls, "200 OK", "X: " + "y" * 100_000)


def send_chunks(liar: Liar, tls: ssl.SSLSocket, request: str) -> None:
    liar.answer(tls, "200 OK", "Transfer-Encoding: chunked", body=b"5\r\nhello\r\n0\r\n\r\n")


def send_a_nonsense_length(liar: Liar, tls: ssl.SSLSocket, request: str) -> None:
    liar.answer(tls, "200 OK", "Content-Length: -5")


def redirect(liar: Liar, tls: ssl.SSLSocket, request: str) -> None:
    liar.answer(tls, "302 Found", "Location: http://127.0.0.1/", "Content-Length: 0")


def speak_something_else(liar: Liar, tls: ssl.SSLSocket, request: str) -> None:
    tls.sendall(b"220 ESMTP ready\r\n\r\n")


def hang_up(liar: Liar, tls: ssl.SSLSocket, request: str) -> None:
    pass


def send_a_part_unasked(liar: Liar, tls: ssl.SSLSocket, request: str) -> None:
    said = f"Content-Range: bytes 5-{SIZE - 1}/{SIZE}"
    liar.answer(tls, "206 P", f"Content-Length: {SIZE - 5}", said, body=liar.content[5:])


def refuse_any_range(liar: Liar, tls: ssl.SSLSocket, request: str) -> None:
    liar.answer(tls, "416 No", "Content-Length: 0")


@pytest.mark.parametrize(
    ("script", "kind", "reason"),
    [
        (send_other_bytes, FileDamaged, "it sent other bytes than the CID names"),
        (send_no_end, FileTooLarge, f"it says that the file has {1 << 50} bytes"),
        (send_more_than_said, FileDamaged, "other bytes"),
        (send_less_than_said, FileUnavailable, "it broke off"),
        (send_half_as_if_it_was_all, FileDamaged, "other bytes"),
        (stall_before_the_head, FileUnavailable, "it fell silent"),
        (stall_in_the_body, FileUnavailable, "it fell silent"),
        (trickle_the_head, FileUnavailable, "it fell silent"),
        (trickle_the_body, FileUnavailable, "it fell silent"),
        (send_a_huge_head, FileUnavailable, "its head is longer than 8192 bytes"),
        (send_chunks, FileUnavailable, "does not say how long"),
        (send_a_nonsense_length, FileUnavailable, "its Content-Length is no number"),
        (redirect, FileUnavailable, "it answered 302"),
        (speak_something_else, FileUnavailable, "it does not speak HTTP/1.1"),
        (hang_up, FileUnavailable, "it hung up"),
        (send_a_part_unasked, FileUnavailable, "it answered 206"),
        (refuse_any_range, FileUnavailable, "it answered 416"),
    ],
)
def test_a_lying_provider_is_named_and_an_honest_one_is_asked_next(
    lie: Callable[[Script], Liar],
    bob: Peer,
    honest: Peer,
    cid: Cid,
    script: Script,
    kind: type[FetchFailed],
    reason: str,
) -> None:
    liar = lie(script)
    with pytest.raises(kind) as caught:
        bob.fetch(cid, liar, limit=LIMIT)
    assert type(caught.value) is kind
    assert reason in caught.value.reasons[liar.account]
    assert_clean(bob)
    assert cid_of(bob.fetch(cid, liar, honest, limit=LIMIT)) == cid


def test_of_an_endless_answer_next_to_nothing_is_taken(
    lie: Callable[[Script], Liar], bob: Peer, cid: Cid
) -> None:
    liar = lie(send_no_end)
    with pytest.raises(FileTooLarge, match="larger than the 1000000 bytes that this swarm agreed"):
        bob.fetch(cid, liar, limit=LIMIT)
    assert liar.sent < 32 << 20  # what lay in the sockets' buffers
    assert len(liar.requests) == 1  # it is not asked again


def test_a_liars_beginning_does_not_spoil_what_an_honest_one_sends(
    lie: Callable[[Script], Liar], bob: Peer, honest: Peer, cid: Cid
) -> None:
    def begin_wrongly(liar: Liar, tls: ssl.SSLSocket, request: str) -> None:
        liar.answer(tls, "200 OK", f"Content-Length: {SIZE}", body=bytes(300_000))

    liar = lie(begin_wrongly)
    assert cid_of(bob.fetch(cid, liar, honest)) == cid


def test_a_liars_length_does_not_spoil_what_an_honest_one_sends(
    lie: Callable[[Script], Liar], bob: Peer, honest: Peer, cid: Cid
) -> None:
    for wrong in (SIZE - 1, SIZE + 1, 400_000):

        def begin_wrongly(liar: Liar, tls: ssl.SSLSocket, request: str, wrong: int = wrong) -> None:
            liar.answer(tls, "200 OK", f"Content-Length: {wrong}", body=bytes(399_999))

        bob.shelf.keep([])
        assert cid_of(bob.fetch(cid, lie(begin_wrongly), honest)) == cid


def test_who_breaks_off_after_every_few_bytes_is_not_asked_forever(
    lie: Callable[[Script], Liar], bob: Peer, cid: Cid
) -> None:
    def drip(liar: Liar, tls: ssl.SSLSocket, request: str) -> None:
        begin = int(request.split("bytes=")[1].split("-")[0]) if "bytes=" in request else 0
        said = f"Content-Range: bytes {begin}-{SIZE - 1}/{SIZE}"
        body = liar.content[begin : begin + 10]
        first = "206 Partial Content" if begin else "200 OK"
        liar.answer(tls, first, f"Content-Length: {SIZE - begin}", said, body=body)

    liar = lie(drip)
    with pytest.raises(FileUnavailable, match="it broke off"):
        bob.fetch(cid, liar)
    assert len(liar.requests) <= fetching.ROUNDS * (fetching.RESUMES + 1)


def test_contradictions_without_end_come_to_an_end(
    lie: Callable[[Script], Liar], bob: Peer, cid: Cid
) -> None:
    def contradict(liar: Liar, tls: ssl.SSLSocket, request: str) -> None:
        if "bytes=" not in request:
            liar.answer(tls, "200 OK", f"Content-Length: {SIZE}", body=bytes(1000))
            return
        begin = int(request.split("bytes=")[1].split("-")[0])
        total = SIZE + len(liar.requests)
        said = f"Content-Range: bytes {begin}-{total - 1}/{total}"
        liar.answer(tls, "206 P", f"Content-Length: {total - begin}", said)

    liar = lie(contradict)
    with pytest.raises(FetchFailed):
        bob.fetch(cid, liar)
    assert len(liar.requests) < 200


def test_a_members_address_may_not_be_answered_by_another_member(
    register: Register, lie: Callable[[Script], Liar], bob: Peer, honest: Peer, cid: Cid
) -> None:
    liar = lie(send_other_bytes)

    @dataclass
    class Lured:
        account: Address = honest.account
        address: str = liar.address

    with pytest.raises(FetchFailed, match="shows the certificate of somebody else"):
        bob.fetch(cid, Lured())
    assert liar.requests == []


def test_a_server_that_is_no_members_is_not_asked_for_anything(
    register: Register, lie: Callable[[Script], Liar], bob: Peer, honest: Peer, cid: Cid
) -> None:
    liar = lie(send_other_bytes)
    liar.identity = new_identity(register.folder / "forged", liar.account)
    liar.context = lambda: bob.members.server_context(liar.identity)
    with pytest.raises(FetchFailed, match="its certificate is no member's"):
        bob.fetch(cid, liar)
    register.others.clear()
    bob.members.refresh()
    with pytest.raises(FetchFailed, match="it is no member of this swarm"):
        bob.fetch(cid, liar)
    assert liar.requests == []


def test_an_expired_server_is_not_asked_for_anything(
    register: Register, lie: Callable[[Script], Liar], bob: Peer, cid: Cid
) -> None:
    liar = lie(send_other_bytes)
    liar.identity = new_identity(register.folder / "old", liar.account, days=0)
    liar.context = lambda: bob.members.server_context(liar.identity)
    register.others[:] = [Member(liar.account, liar.identity.certificate)]
    register.renew()
    with pytest.raises(FetchFailed, match="its certificate expired at"):
        bob.fetch(cid, liar)
    assert liar.requests == []


def test_who_takes_connections_and_says_nothing_is_given_up_on(
    register: Register, lie: Callable[[Script], Liar], bob: Peer, honest: Peer, cid: Cid
) -> None:
    liar = lie(send_other_bytes)
    with socket.create_server(("127.0.0.1", 0)) as silent:

        @dataclass
        class Silent:
            account: Address = liar.account
            address: str = f"127.0.0.1:{silent.getsockname()[1]}"

        started = time.monotonic()
        assert cid_of(bob.fetch(cid, Silent(), honest)) == cid
        assert time.monotonic() - started < 15


@pytest.mark.parametrize("address", ["nonsense", "127.0.0.1:99999", "no-such-host.invalid:1"])
def test_a_members_nonsense_address_is_passed_over(
    lie: Callable[[Script], Liar], bob: Peer, honest: Peer, cid: Cid, address: str
) -> None:
    liar = lie(send_other_bytes)

    @dataclass
    class Nowhere:
        account: Address = liar.account

        @property
        def address(self) -> str:
            return address

    assert cid_of(bob.fetch(cid, Nowhere(), honest)) == cid


def test_the_deadline_holds_whatever_they_do(
    lie: Callable[[Script], Liar], bob: Peer, cid: Cid, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "SILENCE_SECONDS", 60.0)
    liars = [lie(script) for script in (stall_in_the_body, trickle_the_head, trickle_the_body)]
    started = time.monotonic()
    with pytest.raises(FileUnavailable) as caught:
        bob.fetch(cid, *liars, seconds=0.5)
    assert time.monotonic() - started < 10
    assert caught.value.reasons[liars[2].account] == "time was up"


def test_a_full_disk_is_said_at_once_and_leaves_no_part(
    bob: Peer, honest: Peer, cid: Cid, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full(FileIO):
        def write(self, data: memoryview) -> int:  # type: ignore[override]
            if self.tell() + len(data) > 300_000:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return super().write(data)

    monkeypatch.setattr(fetching, "FileIO", Full)
    with pytest.raises(StoreUnwritable, match="the disk is full; free some space"):
        bob.fetch(cid, honest)
    assert_clean(bob)
    monkeypatch.undo()
    assert cid_of(bob.fetch(cid, honest)) == cid  # once there is room again
