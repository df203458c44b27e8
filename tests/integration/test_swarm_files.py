"""Nodes fetch files from each other's servers, over real TLS on loopback."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest
from swarm_files_support import Peer, Register, new_identity, write_file

from decentralml.errors import CannotServe, CertificateInvalid, ChainError, FileUnavailable
from decentralml.storage.unixfs import cid_of
from decentralml.swarm.files import fetch as fetching
from decentralml.swarm.files import serving
from decentralml.swarm.files.limits import Limits
from decentralml.swarm.files.server import FileServer
from decentralml.swarm.rounds.peers import PeerFiles
from decentralml.types import Cid

SIZE = 1_000_001


@pytest.fixture
def register(tmp_path: Path) -> Iterator[Register]:
    made = Register(tmp_path)
    yield made
    made.close()


@pytest.fixture
def alice(register: Register) -> Peer:
    return register.join("alice")


@pytest.fixture
def bob(register: Register, alice: Peer) -> Peer:
    return register.join("bob")


@pytest.fixture
def cid(tmp_path: Path, alice: Peer) -> Cid:
    return alice.shelf.put(write_file(tmp_path / "file", SIZE))


def ask(peer: Peer, by: Peer, request: str) -> tuple[str, dict[str, str], bytes]:
    """One request, answered until the server has nothing more to say: status, headers, body."""
    context = by.members.client_context(by.identity)
    host, port = peer.address.rsplit(":", 1)
    with (
        socket.create_connection((host, int(port)), 10) as plain,
        context.wrap_socket(plain) as tls,
    ):
        tls.sendall(request.replace("\n", "\r\n").encode() + b"Connection: close\r\n\r\n")
        answer = b"".join(iter(lambda: tls.recv(65536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    return first.split(" ")[1], dict(line.lower().split(": ", 1) for line in lines), body


def test_a_file_is_fetched_verified_and_kept(alice: Peer, bob: Peer, cid: Cid) -> None:
    path = bob.fetch(cid, alice)
    assert path == bob.shelf.path(cid)
    assert cid_of(path) == cid
    assert list((bob.shelf.folder / "parts").iterdir()) == []


@pytest.mark.parametrize("size", [0, 1, serving.CHUNK, serving.CHUNK + 1])
def test_files_of_any_size_arrive(tmp_path: Path, alice: Peer, bob: Peer, size: int) -> None:
    cid = alice.shelf.put(write_file(tmp_path / "other", size))
    assert bob.fetch(cid, alice).stat().st_size == size


def test_what_is_on_the_shelf_is_not_fetched_again(alice: Peer, bob: Peer, cid: Cid) -> None:
    bob.fetch(cid, alice)
    alice.server.stop()
    assert bob.fetch(cid, alice) == bob.shelf.path(cid)


def test_whoever_has_it_gives_it(register: Register, alice: Peer, bob: Peer, cid: Cid) -> None:
    carol = register.join("carol")
    bob.fetch(cid, alice)
    alice.server.stop()
    assert cid_of(carol.fetch(cid, alice, bob)) == cid


@pytest.fixture
def handshakes(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """One entry for each side of each handshake."""
    seen: list[bool] = []
    real = ssl.SSLSocket.do_handshake

    def counted(self: ssl.SSLSocket, block: bool = False) -> None:
        seen.append(self.server_side)
        real(self, block)

    monkeypatch.setattr(ssl.SSLSocket, "do_handshake", counted)
    return seen


def test_several_files_travel_over_one_connection(
    tmp_path: Path, alice: Peer, bob: Peer, handshakes: list[bool]
) -> None:
    for size in range(5):
        bob.fetch(alice.shelf.put(write_file(tmp_path / str(size), size)), alice)
    assert sorted(handshakes) == [False, True]


def test_a_connection_is_kept_when_a_file_is_not_there(
    register: Register, alice: Peer, bob: Peer, cid: Cid, handshakes: list[bool]
) -> None:
    carol = register.join("carol")
    bob.fetch(cid, carol, alice)
    bob.shelf.keep([])
    bob.fetch(cid, carol, alice)
    assert sorted(handshakes) == [False, False, True, True]


def test_an_idle_members_farewell_is_no_refusal(
    register: Register, bob: Peer, tmp_path: Path
) -> None:
    brisk = register.join("brisk", Limits(idle_seconds=0.1))
    carol = register.join("carol")
    cid = brisk.shelf.put(write_file(tmp_path / "other", 10))
    bob.fetch(cid, brisk)
    bob.pool.close()
    carol.fetch(cid, brisk)  # and stays until it is hung up on
    until = time.monotonic() + 30
    while any(thread.name == "swarm-files-guest" for thread in threading.enumerate()):
        assert time.monotonic() < until
        time.sleep(0.01)
    assert not brisk.server.refusals.latest()


def test_a_server_that_was_restarted_is_asked_again_over_a_new_connection(
    tmp_path: Path, alice: Peer, bob: Peer, cid: Cid
) -> None:
    bob.fetch(cid, alice)
    alice.server.stop()
    alice.server.start()
    other = alice.shelf.put(write_file(tmp_path / "other", 7))
    assert bob.fetch(other, alice).stat().st_size == 7


def test_many_fetch_at_once(register: Register, alice: Peer, cid: Cid) -> None:
    peers = [register.join(f"peer{n}") for n in range(6)]
    threads = [threading.Thread(target=peer.fetch, args=(cid, alice)) for peer in peers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(peer.shelf.path(cid) for peer in peers)


def test_a_cut_is_resumed_where_it_was(
    alice: Peer, bob: Peer, cid: Cid, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[int] = []
    real = serving.Wire.send

    def cut(self: serving.Wire, data: bytes | memoryview, seconds: float) -> None:
        if isinstance(data, memoryview):
            sent.append(len(data))
            if len(sent) == 3:
                raise ConnectionError("the cable is pulled")
        real(self, data, seconds)

    monkeypatch.setattr(serving.Wire, "send", cut)
    assert cid_of(bob.fetch(cid, alice)) == cid
    assert sum(sent) - sent[2] == SIZE  # nothing travelled twice


def test_a_file_begun_with_one_is_completed_with_another(
    register: Register, alice: Peer, bob: Peer, cid: Cid, monkeypatch: pytest.MonkeyPatch
) -> None:
    bob.fetch(cid, alice)
    carol = register.join("carol")
    real = FileServer.stop
    dying = threading.Event()

    def die(self: serving.Visit, descriptor: int, begin: int, end: int) -> bool:
        if self._shelf is alice.shelf:
            if dying.is_set():
                return False
            dying.set()
            end = begin + serving.CHUNK
        return stream(self, descriptor, begin, end) and end == SIZE

    stream = serving.Visit._stream
    monkeypatch.setattr(serving.Visit, "_stream", die)
    assert cid_of(carol.fetch(cid, alice, bob)) == cid
    assert dying.is_set()
    real(alice.server)


@pytest.mark.parametrize(
    ("wanted", "status", "begin", "end"),
    [
        ("bytes=0-9", "206", 0, 10),
        ("bytes=10-", "206", 10, SIZE),
        ("bytes=-5", "206", SIZE - 5, SIZE),
        (f"bytes=-{SIZE * 2}", "200", 0, SIZE),
        (f"bytes=5-{10**17}", "206", 5, SIZE),
        ("bytes=0-", "200", 0, SIZE),
        ("rows=1-2", "200", 0, SIZE),
    ],
)
def test_ranges(
    alice: Peer, bob: Peer, cid: Cid, wanted: str, status: str, begin: int, end: int
) -> None:
    got, headers, body = ask(alice, bob, f"GET /{cid} HTTP/1.1\nRange: {wanted}\n")
    path = alice.shelf.path(cid)
    assert path is not None
    assert (got, body) == (status, path.read_bytes()[begin:end])
    if status == "206":
        assert headers["content-range"] == f"bytes {begin}-{end - 1}/{SIZE}"


def test_head_says_the_size_and_sends_nothing(alice: Peer, bob: Peer, cid: Cid) -> None:
    status, headers, body = ask(alice, bob, f"HEAD /{cid} HTTP/1.1\n")
    assert (status, headers["content-length"], body) == ("200", str(SIZE), b"")


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_curl_with_a_members_certificate_is_served(alice: Peer, bob: Peer, cid: Cid) -> None:
    ran = subprocess.run(
        [
            *("curl", "-sk", "--cert", bob.identity.chain, "--key", bob.identity.key),
            *("-r", "3-6", f"https://{alice.address}/{cid}"),
        ],
        capture_output=True,
        timeout=30,
    )
    path = alice.shelf.path(cid)
    assert path is not None and ran.stdout == path.read_bytes()[3:7]


def test_a_node_that_registered_a_moment_ago_is_let_in(register: Register, alice: Peer) -> None:
    alice.members.start()
    bob = register.join("bob")
    bob.identity = new_identity(register.folder / "bob" / "identity", bob.account)  # rotated
    bob.members.refresh()  # alice still trusts the old certificate only
    cid = alice.shelf.put(write_file(register.folder / "file", 10))
    assert bob.fetch(cid, alice).stat().st_size == 10


def test_a_server_goes_on_with_another_certificate_without_a_break(
    register: Register, alice: Peer, bob: Peer, cid: Cid
) -> None:
    alice.identity = new_identity(register.folder / "alice" / "identity", alice.account)
    alice.server.use(alice.identity)
    register.renew()
    assert cid_of(bob.fetch(cid, alice)) == cid


def test_a_node_whose_own_certificate_was_removed_says_so(
    register: Register, alice: Peer, bob: Peer, cid: Cid
) -> None:
    shutil.rmtree(bob.identity.chain.parent)
    with pytest.raises(CertificateInvalid, match=r"can be used no more \(No such file"):
        bob.fetch(cid, alice)
    shutil.rmtree(alice.identity.chain.parent)
    carol = register.join("carol")
    with pytest.raises(FileUnavailable):
        carol.fetch(cid, alice)
    (refusal,) = alice.server.refusals.latest()
    assert refusal.who == "127.0.0.1" and "can be used no more" in refusal.reason


def test_a_node_tells_whom_it_knows_as_of_when_and_who_got_nothing(
    register: Register, alice: Peer, bob: Peer, cid: Cid, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(PeerFiles(bob.identity, bob.members, register.folder / "more")) as files:
        at = files.serve("127.0.0.1", 0)
        before = files.told()
        assert before["members_fault"] is None and before["refused"] == []
        with socket.create_connection(("127.0.0.1", int(at.rsplit(":", 1)[1])), 10) as stranger:
            stranger.sendall(b"GET / HTTP/1.1\r\n\r\n")
            with suppress(OSError):
                stranger.recv(100)
        until = time.monotonic() + 30
        while not (refused := files.told()["refused"]):
            assert time.monotonic() < until
            time.sleep(0.01)
        assert [(each["who"], each["times"]) for each in refused] == [("127.0.0.1", 1)]
        assert refused[0]["reason"] == "TLS failed: http request"

        def away() -> None:
            raise ChainError("the chain is away")

        monkeypatch.setattr(bob.members, "_read", away)
        with pytest.raises(ChainError):
            bob.members.refresh()
        after = files.told()
        assert after["members_fault"] == "the chain is away"
        assert after["members_read"] == before["members_read"] > 1_700_000_000_000


def test_what_a_disk_damaged_is_removed_and_fetched_again(
    tmp_path: Path, alice: Peer, bob: Peer, cid: Cid
) -> None:
    path = bob.fetch(cid, alice)
    assert bob.fetch(cid) == path, "it is here"
    path.chmod(0o600)
    with path.open("r+b") as file:
        file.seek(SIZE // 2)
        file.write(b"!")
    assert cid_of(bob.fetch(cid, alice)) == cid
    assert bob.shelf.damaged == [cid]


def test_the_rate_of_a_member_is_limited(tmp_path: Path, register: Register) -> None:
    slow = register.join("slow", Limits(rate=1 << 20, burst=1 << 18))
    bob = register.join("bob")
    cid = slow.shelf.put(write_file(tmp_path / "file", 1 << 20))
    started = time.monotonic()
    bob.fetch(cid, slow)
    assert time.monotonic() - started > 0.6


def test_an_address_in_use_is_one_clear_line(alice: Peer, bob: Peer) -> None:
    server = FileServer(bob.identity, bob.members, bob.shelf, "127.0.0.1", alice.server.port)
    with pytest.raises(CannotServe) as caught:
        server.start()
    assert str(caught.value) == (
        f"the file server cannot listen on {alice.address}: the address is in use; "
        "stop what uses it or choose another address"
    )
    server.stop()  # nothing to stop, and no harm


@pytest.mark.parametrize(
    ("host", "port", "reason"),
    [
        ("192.0.2.1", 7443, "this machine does not have that address"),
        ("no-such-host.invalid", 7443, "that host name is not known here"),
        ("127.0.0.1", 70000, "a port lies between 0 and 65535"),
    ],
)
def test_an_address_that_cannot_be_had_says_why(
    bob: Peer, host: str, port: int, reason: str
) -> None:
    with pytest.raises(CannotServe, match=reason):
        FileServer(bob.identity, bob.members, bob.shelf, host, port).start()


@pytest.mark.parametrize("host", ["::1", "localhost", "::"])
def test_ipv6_and_host_names(tmp_path: Path, register: Register, host: str) -> None:
    if not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    try:
        dora = register.join("dora", host=host)
    except CannotServe as error:
        pytest.skip(str(error))
    bob = register.join("bob")
    cid = dora.shelf.put(write_file(tmp_path / "file", 10))
    assert bob.fetch(cid, dora).stat().st_size == 10


def test_after_a_stop_the_address_is_free_and_nothing_runs(alice: Peer, bob: Peer) -> None:
    bob.fetch(alice.shelf.put(write_file(bob.shelf.folder / "file", 10)), alice)
    alice.server.stop()
    assert [t.name for t in threading.enumerate() if t.name.startswith("swarm-files-guest")] == []
    alice.server.start()
    alice.server.stop()


def test_nobody_to_ask_is_said(bob: Peer, cid: Cid) -> None:
    with pytest.raises(FileUnavailable, match="nobody to ask"):
        bob.fetch(cid)


def test_each_providers_reason_is_told(
    register: Register, alice: Peer, bob: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "PAUSE_SECONDS", 0.01)
    carol = register.join("carol")
    carol.server.stop()
    absent = Cid("bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy")
    with pytest.raises(FileUnavailable) as caught:
        bob.fetch(absent, alice, carol)
    assert caught.value.reasons[alice.account] == "it does not have it"
    assert "cannot be reached (connection refused)" in caught.value.reasons[carol.account]
