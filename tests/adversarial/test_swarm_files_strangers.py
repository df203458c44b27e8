"""Who knocks at a node's file server without the right to, or with it and bad manners."""

from __future__ import annotations

import contextlib
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from swarm_files_support import Peer, Register, new_identity, write_file

from decentralml.chain.swarm.words import SwarmId
from decentralml.errors import FetchFailed
from decentralml.swarm.files import fetch as fetching
from decentralml.swarm.files import serving
from decentralml.swarm.files.limits import Limits
from decentralml.swarm.identity.members import Member
from decentralml.swarm.identity.own import Identity, open_identity
from decentralml.types import Cid

SIZE = 1_000_000
NARROW = Limits(connections=6, requests=2, handshake_seconds=60)
HASTY = Limits(handshake_seconds=0.5, head_seconds=0.5, send_seconds=0.5)


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "PAUSE_SECONDS", 0.01)


@pytest.fixture
def register(tmp_path: Path) -> Iterator[Register]:
    made = Register(tmp_path)
    yield made
    made.close()


@pytest.fixture
def alice(register: Register) -> Peer:
    return register.join("alice", NARROW)


@pytest.fixture
def hasty(register: Register) -> Peer:
    return register.join("hasty", HASTY)


@pytest.fixture
def bob(register: Register, alice: Peer) -> Peer:
    return register.join("bob")


@pytest.fixture
def cid(tmp_path: Path, alice: Peer) -> Cid:
    return alice.shelf.put(write_file(tmp_path / "file", SIZE))


def tcp(peer: Peer) -> socket.socket:
    return socket.create_connection(("127.0.0.1", peer.server.port), 10)


def context_of(chain: Path | None = None, key: Path | None = None) -> ssl.SSLContext:
    """A client that trusts anybody."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if chain is not None:
        context.load_cert_chain(chain, key)
    return context


def try_to_get(peer: Peer, cid: Cid, context: ssl.SSLContext) -> bytes:
    """Whatever the server sends to such a client; raises what TLS says."""
    with tcp(peer) as plain, context.wrap_socket(plain) as tls:
        tls.sendall(f"GET /{cid} HTTP/1.1\r\nConnection: close\r\n\r\n".encode())
        return b"".join(iter(lambda: tls.recv(65536), b""))


def assert_served(peer: Peer, by: Peer, cid: Cid) -> None:
    by.shelf.keep([])
    assert by.fetch(cid, peer).stat().st_size == SIZE


@contextlib.contextmanager
def guest(alice: Peer, bob: Peer) -> Iterator[ssl.SSLSocket]:
    """A member's connection, to be misused."""
    context = bob.members.client_context(bob.identity)
    with tcp(alice) as plain, context.wrap_socket(plain) as tls:
        yield tls


def status(tls: ssl.SSLSocket) -> str:
    answer = b""
    while b"\r\n\r\n" not in answer:
        piece = tls.recv(4096)
        if not piece:
            return answer.decode()
        answer += piece
    return answer.decode().split(" ")[1]


def certificate_with_another_key(identity: Identity, folder: Path) -> Path:
    """A key file that claims the certificate's public key but holds another secret.

    OpenSSL compares public keys only, so that a thief of a certificate gets as far as the
    signature in the handshake.
    """
    real = serialization.load_pem_private_key(identity.key.read_bytes(), None)
    point = real.public_key().public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    )
    other = ec.generate_private_key(ec.SECP256R1()).private_numbers().private_value
    der = (
        b"\x30\x77\x02\x01\x01\x04\x20"
        + other.to_bytes(32, "big")
        + bytes.fromhex("a00a06082a8648ce3d030107")  # the curve: prime256v1
        + b"\xa1\x44\x03\x42\x00"
        + point
    )
    path = folder / "stolen.pem"
    path.write_text(ssl.DER_cert_to_PEM_cert(der).replace("CERTIFICATE", "EC PRIVATE KEY"))
    return path


def test_without_a_certificate_nothing_is_served(alice: Peer, bob: Peer, cid: Cid) -> None:
    with pytest.raises(ssl.SSLError, match="CERTIFICATE_REQUIRED"):
        try_to_get(alice, cid, context_of())
    assert_served(alice, bob, cid)


def test_a_strangers_certificate_is_refused(
    tmp_path: Path, alice: Peer, bob: Peer, cid: Cid
) -> None:
    stranger = new_identity(tmp_path / "stranger", "5stranger")
    with pytest.raises(ssl.SSLError, match="ALERT"):
        try_to_get(alice, cid, context_of(stranger.chain, stranger.key))
    assert_served(alice, bob, cid)


def test_a_certificate_that_only_looks_like_a_members_is_refused(
    tmp_path: Path, alice: Peer, bob: Peer, cid: Cid
) -> None:
    forged = new_identity(tmp_path / "forged", bob.account)  # its names, another key
    with pytest.raises(ssl.SSLError, match="ALERT"):
        try_to_get(alice, cid, context_of(forged.chain, forged.key))


def test_a_members_certificate_with_another_key_is_refused(
    tmp_path: Path, alice: Peer, bob: Peer, cid: Cid
) -> None:
    stolen = certificate_with_another_key(bob.identity, tmp_path)
    context = context_of(bob.identity.chain, stolen)  # so far the thief gets
    with pytest.raises(ssl.SSLError, match="DECRYPT_ERROR"):
        try_to_get(alice, cid, context)
    assert_served(alice, bob, cid)


def test_an_expired_certificate_is_refused_although_it_is_registered(
    register: Register, alice: Peer, bob: Peer, cid: Cid
) -> None:
    bob.identity = new_identity(register.folder / "old", bob.account, days=0)
    register.renew()
    with pytest.raises(ssl.SSLError, match="CERTIFICATE_EXPIRED"):
        try_to_get(alice, cid, context_of(bob.identity.chain, bob.identity.key))


def test_a_certificate_of_another_swarm_is_refused_although_it_is_registered(
    register: Register, alice: Peer, cid: Cid
) -> None:
    other = new_identity(register.folder / "other", "5eve", swarm=SwarmId(8))
    register.others.append(Member("5eve", other.certificate))
    register.renew()
    assert "is for account 5eve in swarm 8" in alice.members.refused["5eve"]
    with pytest.raises(ssl.SSLError, match="ALERT"):
        try_to_get(alice, cid, context_of(other.chain, other.key))


def self_issued(folder: Path, subject: str, issuer: Identity | None = None) -> Identity:
    """A certificate without a swarm's name: an authority of its own, or issued by that one."""
    folder.mkdir(parents=True)
    key, made, extensions = folder / "key.pem", folder / "chain.pem", folder / "extensions"
    openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", key)
    key.chmod(0o600)
    if issuer is None:
        openssl("req", "-x509", "-new", "-key", key, "-subj", subject, "-out", made)
    else:
        request = folder / "request.pem"
        openssl("req", "-new", "-key", key, "-subj", subject, "-out", request)
        extensions.write_text("basicConstraints=CA:FALSE")
        authority = ("-CA", issuer.chain, "-CAkey", issuer.key, "-extfile", extensions)
        openssl("x509", "-req", "-in", request, *authority, "-out", made)
    return open_identity(made, key)


def openssl(*arguments: str | Path) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_what_a_member_that_is_an_authority_issues_is_refused(
    register: Register, alice: Peer, bob: Peer, cid: Cid
) -> None:
    authority = self_issued(register.folder / "ca", "/CN=authority")
    issued = self_issued(register.folder / "issued", "/CN=friend", authority)
    register.others.append(Member("5eve", authority.certificate))
    register.renew()
    assert alice.members.refused == {}
    with contextlib.suppress(OSError):
        assert try_to_get(alice, cid, context_of(issued.chain, issued.key)) == b""
    until = time.monotonic() + 30
    while not alice.server.refusals.times("its certificate is no member's"):
        assert time.monotonic() < until
        time.sleep(0.01)
    assert_served(alice, bob, cid)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_a_member_that_takes_anothers_name_does_not_keep_it_out(
    register: Register, alice: Peer, bob: Peer, cid: Cid
) -> None:
    for number in range(3):
        account = f"5eve{number}"
        twin = self_issued(register.folder / account, f"/CN={bob.account}")
        register.others.append(Member(account, twin.certificate))
    register.others.append(Member("5copycat", bob.identity.certificate))
    register.renew()
    assert list(alice.members.refused) == ["5copycat"]
    assert_served(alice, bob, cid)
    assert_served(bob, alice, bob.shelf.put(write_file(register.folder / "other", SIZE)))


def test_a_revoked_member_is_refused(register: Register, alice: Peer, bob: Peer, cid: Cid) -> None:
    assert_served(alice, bob, cid)
    register.removed.add("bob")
    alice.members.refresh()
    bob.shelf.keep([])
    bob.pool.close()
    with pytest.raises(FetchFailed, match="does not take this node's certificate"):
        bob.fetch(cid, alice)


def test_a_revoked_members_open_connection_is_refused_at_its_next_request(
    register: Register, alice: Peer, bob: Peer, cid: Cid
) -> None:
    with guest(alice, bob) as tls:
        tls.sendall(f"HEAD /{cid} HTTP/1.1\r\n\r\n".encode())
        assert status(tls) == "200"
        register.removed.add("bob")
        alice.members.refresh()
        tls.sendall(f"HEAD /{cid} HTTP/1.1\r\n\r\n".encode())
        assert status(tls) == "403"
        assert tls.recv(100) == b""


def test_a_member_revoked_in_the_middle_of_a_file_does_not_get_its_end(
    register: Register, alice: Peer, bob: Peer, cid: Cid, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = serving.Wire.send
    chunks = []

    def revoke(self: serving.Wire, data: bytes | memoryview, seconds: float) -> None:
        real(self, data, seconds)
        if isinstance(data, memoryview):
            chunks.append(len(data))
            register.removed.add("bob")
            alice.members.refresh()

    monkeypatch.setattr(serving.Wire, "send", revoke)
    with pytest.raises(FetchFailed):
        bob.fetch(cid, alice)
    assert chunks == [serving.CHUNK]
    assert list((bob.shelf.folder / "parts").iterdir()) == []


def test_older_tls_is_not_spoken(alice: Peer, bob: Peer, cid: Cid) -> None:
    context = context_of(bob.identity.chain, bob.identity.key)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(ssl.SSLError, match="PROTOCOL_VERSION"):
        try_to_get(alice, cid, context)


def test_plain_http_gets_nothing(alice: Peer, bob: Peer, cid: Cid) -> None:
    with tcp(alice) as plain:
        plain.sendall(f"GET /{cid} HTTP/1.1\r\n\r\n".encode())
        with contextlib.suppress(ConnectionError):
            answer = b"".join(iter(lambda: plain.recv(65536), b""))
            assert b"HTTP" not in answer
    assert_served(alice, bob, cid)


def test_connections_that_say_nothing_do_not_keep_members_out(
    alice: Peer, bob: Peer, cid: Cid
) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(4 * NARROW.connections):
            stack.enter_context(tcp(alice))
        assert_served(alice, bob, cid)


def test_whoever_does_not_end_a_handshake_is_hung_up_on(hasty: Peer) -> None:
    with tcp(hasty) as plain:
        plain.sendall(b"\x16\x03\x01")  # as TLS begins
        plain.settimeout(10)
        assert plain.recv(100) == b""


def test_a_member_that_sends_its_request_byte_by_byte_is_hung_up_on(hasty: Peer, bob: Peer) -> None:
    with guest(hasty, bob) as tls:
        started = time.monotonic()
        with contextlib.suppress(OSError):
            for byte in b"GET /" + b"a" * 5000:
                tls.send(bytes([byte]))
                time.sleep(0.02)
        assert time.monotonic() - started < 60


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ("GET /../../etc/passwd HTTP/1.1\r\n\r\n", "404"),
        ("GET /{cid}/../{cid} HTTP/1.1\r\n\r\n", "404"),
        ("GET //{cid} HTTP/1.1\r\n\r\n", "404"),
        ("GET {cid} HTTP/1.1\r\n\r\n", "404"),
        ("GET /{cid}?x HTTP/1.1\r\n\r\n", "404"),
        ("GET /%2e%2e/parts HTTP/1.1\r\n\r\n", "404"),
        ("GET /parts HTTP/1.1\r\n\r\n", "404"),
        ("GET / HTTP/1.1\r\n\r\n", "404"),
        ("GET https://elsewhere/{cid} HTTP/1.1\r\n\r\n", "404"),
        ("PUT /{cid} HTTP/1.1\r\n\r\n", "405"),
        ("DELETE /{cid} HTTP/1.1\r\n\r\n", "405"),
        ("CONNECT elsewhere:443 HTTP/1.1\r\n\r\n", "405"),
        ("GET /{cid} HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello", "400"),
        ("GET /{cid} HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", "400"),
        ("GET /{cid} HTTP/2.0\r\n\r\n", "505"),
        ("nonsense\r\n\r\n", "400"),
        ("GET  /{cid} HTTP/1.1\r\n\r\n", "400"),
        ("GET /{cid} HTTP/1.1\r\nRange: bytes=9-1\r\n\r\n", "416"),
        ("GET /{cid} HTTP/1.1\r\nRange: bytes=1000000-\r\n\r\n", "416"),
        ("GET /{cid} HTTP/1.1\r\nRange: bytes=-0\r\n\r\n", "416"),
        ("GET /{cid} HTTP/1.1\r\nRange: bytes=-\r\n\r\n", "416"),
        ("GET /{cid} HTTP/1.1\r\nRange: bytes=0-1,3-4\r\n\r\n", "416"),
        ("GET /{cid} HTTP/1.1\r\nRange: bytes=--1\r\n\r\n", "416"),
        ("GET /{cid} HTTP/1.1\r\nRange: bytes=" + "9" * 100 + "-\r\n\r\n", "416"),
        ("GET /{cid} HTTP/1.1\r\nX: " + "y" * 9000 + "\r\n\r\n", ""),
        ("\x16\x03\x01\r\n\r\n", ""),
    ],
)
def test_a_members_odd_requests_get_no_file(
    alice: Peer, bob: Peer, cid: Cid, request_: str, expected: str
) -> None:
    with guest(alice, bob) as tls:
        tls.sendall(request_.format(cid=cid).encode())
        try:
            assert status(tls) == expected
        except ConnectionError:
            assert expected == ""
    assert_served(alice, bob, cid)


def test_a_file_beside_the_shelfs_is_not_served(alice: Peer, bob: Peer, cid: Cid) -> None:
    name = "bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy"
    (alice.shelf.folder / name).symlink_to("/etc/passwd")
    with guest(alice, bob) as tls:
        tls.sendall(f"GET /{name} HTTP/1.1\r\n\r\n".encode())
        assert status(tls) == "404"


def test_a_member_that_asks_for_too_much_at_once_is_told_to_come_back(
    tmp_path: Path, alice: Peer, bob: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    cid = alice.shelf.put(write_file(tmp_path / "file", SIZE))
    going, under_way = threading.Event(), threading.Semaphore(0)
    real = serving.Visit._stream

    def hold(self: serving.Visit, descriptor: int, begin: int, end: int) -> bool:
        under_way.release()
        assert going.wait(10)
        return real(self, descriptor, begin, end)

    monkeypatch.setattr(serving.Visit, "_stream", hold)
    with contextlib.ExitStack() as stack:
        for _ in range(NARROW.requests):
            tls = stack.enter_context(guest(alice, bob))
            tls.sendall(f"GET /{cid} HTTP/1.1\r\n\r\n".encode())
            assert under_way.acquire(timeout=10)
        third = stack.enter_context(guest(alice, bob))
        third.sendall(f"GET /{cid} HTTP/1.1\r\n\r\n".encode())
        assert status(third) == "429"
        carol = stack.enter_context(guest(alice, alice))  # another member is not held up
        carol.sendall(f"GET /{cid} HTTP/1.1\r\n\r\n".encode())
        assert under_way.acquire(timeout=10)
        going.set()


def test_a_member_that_does_not_read_is_hung_up_on(tmp_path: Path, hasty: Peer, bob: Peer) -> None:
    large = hasty.shelf.put(write_file(tmp_path / "large", 16 << 20))
    with guest(hasty, bob) as tls:
        tls.sendall(f"GET /{large} HTTP/1.1\r\n\r\n".encode())
        until = time.monotonic() + 60
        while not hasty.server.refusals.times("it was silent for too long"):
            assert time.monotonic() < until
            time.sleep(0.02)
    assert {each.who for each in hasty.server.refusals.latest()} == {bob.account}


def test_requests_sent_all_at_once_are_answered_one_after_the_other(
    alice: Peer, bob: Peer, cid: Cid
) -> None:
    with guest(alice, bob) as tls:
        tls.sendall(b"HEAD /x HTTP/1.1\r\n\r\n" * 50)
        answers = b""
        while answers.count(b" 404 ") < 50:
            answers += tls.recv(65536)
    assert_served(alice, bob, cid)
