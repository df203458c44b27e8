"""The little of HTTP that nodes speak, addresses, and what one member may ask for."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decentralml.errors import ConfigError, EndpointInvalid
from decentralml.swarm.files.endpoint import format_endpoint, parse_endpoint
from decentralml.swarm.files.limits import Fairness, Limits, TokenBucket
from decentralml.swarm.files.wire import HEAD_BYTES, PeerGone, Wire, WireError, format_head


@pytest.fixture
def ends() -> Iterator[tuple[Wire, socket.socket]]:
    here, there = socket.socketpair()
    with here, there:
        yield Wire(here), there


def soon() -> float:
    return time.monotonic() + 5


@pytest.mark.parametrize(
    ("address", "host", "port"),
    [
        ("192.0.2.7:7443", "192.0.2.7", 7443),
        ("node-1.example.org:1", "node-1.example.org", 1),
        ("[2001:db8::7]:65535", "2001:db8::7", 65535),
        ("localhost:80", "localhost", 80),
    ],
)
def test_addresses_are_taken_apart_and_put_together(address: str, host: str, port: int) -> None:
    assert parse_endpoint(address) == (host, port)
    assert format_endpoint(host, port) == address


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("", "no port"),
        ("host", "no port"),
        ("host:", "no port"),
        ("host:0", "no port"),
        ("host:65536", "no port"),
        ("host:-1", "no port"),
        ("host:٣", "no port"),
        ("host:" + "9" * 100, "no port"),
        (":80", "no host name"),
        ("2001:db8::7:80", "needs brackets"),
        ("[2001:db8::7:80", "needs brackets"),
        ("[nonsense]:80", "within the brackets"),
        ("[fe80::1%eth0\r\n]:80", "within the brackets"),
        ("a b:80", "no host name"),
        ("http://host:80", "needs brackets"),
        ("host\r\nX: y:80", "needs brackets"),
        ("-rf:80", "no host name"),
        ("h" * 126 + ":80", "longer than 128 bytes"),
    ],
)
def test_what_is_no_address_says_why_and_what_one_looks_like(address: str, reason: str) -> None:
    with pytest.raises(EndpointInvalid, match=reason) as caught:
        parse_endpoint(address)
    assert "[2001:db8::7]:7443" in str(caught.value)


def test_heads_and_bodies_are_read_apart(ends: tuple[Wire, socket.socket]) -> None:
    wire, there = ends
    there.sendall(
        format_head("HTTP/1.1 200 OK", {"Content-Length": 5}) + b"helloGET / HTTP/1.1\r\n\r\n"
    )
    head = wire.head(soon())
    assert (head.first, head.length()) == ("HTTP/1.1 200 OK", 5)
    body = memoryview(bytearray(5))
    assert wire.read_into(body, 1, soon()) == 5
    assert bytes(body) == b"hello"
    assert wire.head(soon()).first == "GET / HTTP/1.1"


def test_a_head_that_comes_byte_by_byte_is_read(ends: tuple[Wire, socket.socket]) -> None:
    wire, there = ends
    head = format_head("GET / HTTP/1.1", {"Host": "h"})
    sender = threading.Thread(target=lambda: [there.send(bytes([b])) for b in head])
    sender.start()
    assert wire.head(soon()).headers == {"host": "h"}
    sender.join()


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (b"GET / HTTP/1.1\r\nX" + b"y" * HEAD_BYTES + b": 1\r\n\r\n", "longer than 8192 bytes"),
        (b"z" * (HEAD_BYTES + 5), "longer than 8192 bytes"),
        (
            b"GET / HTTP/1.1\r\n" + b"".join(b"x%d: 1\r\n" % n for n in range(65)) + b"\r\n",
            "64 headers",
        ),
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", "malformed"),
        (b"GET / HTTP/1.1\r\n: empty\r\n\r\n", "malformed"),
        (b"GET / HTTP/1.1\r\nA: 1\r\n folded: 2\r\n\r\n", "malformed"),
        (b"GET / HTTP/1.1\r\nA : 1\r\n\r\n", "malformed"),
        (b"GET / HTTP/1.1\r\nA: 1\nB: 2\r\n\r\n", "printable ASCII"),
        (b"GET / HTTP/1.1\r\nA: 1\r\na: 2\r\n\r\n", "twice"),
        (b"GET /\xff HTTP/1.1\r\n\r\n", "printable ASCII"),
    ],
)
def test_nonsense_is_refused(ends: tuple[Wire, socket.socket], sent: bytes, reason: str) -> None:
    wire, there = ends
    there.sendall(sent)
    with pytest.raises(WireError, match=reason):
        wire.head(soon())


@given(st.binary(max_size=300))
def test_any_bytes_are_a_head_or_refused(sent: bytes) -> None:
    here, there = socket.socketpair()
    with here, there:
        there.sendall(sent + b"\r\n\r\n")
        try:
            head = Wire(here).head(soon())
        except WireError:
            return
        assert head.first.replace("\t", " ").isprintable()
        for name, value in head.headers.items():
            assert name == name.strip().lower() and value == value.strip()
            assert (name + value).replace("\t", " ").isprintable()


@pytest.mark.parametrize("said", ["-1", "1e3", "0x10", "٣", "", "9" * 19, "1, 1"])
def test_a_length_that_is_no_number_is_refused(ends: tuple[Wire, socket.socket], said: str) -> None:
    wire, there = ends
    there.sendall(b"A\r\nContent-Length: " + said.encode("ascii", "replace") + b"\r\n\r\n")
    with pytest.raises(WireError, match="no number"):
        wire.head(soon()).length()


def test_hanging_up_between_messages_is_told_from_hanging_up_within_one(
    ends: tuple[Wire, socket.socket],
) -> None:
    wire, there = ends
    there.sendall(b"GET / HT")
    there.shutdown(socket.SHUT_WR)
    with pytest.raises(WireError, match="in the middle"):
        wire.head(soon())
    other, end = socket.socketpair()
    end.close()
    with other, pytest.raises(PeerGone):
        Wire(other).head(soon())


def test_a_head_has_a_deadline_however_often_a_byte_comes(
    ends: tuple[Wire, socket.socket],
) -> None:
    wire, there = ends
    stop = threading.Event()

    def trickle() -> None:
        while not stop.wait(0.01):
            there.send(b"x")

    sender = threading.Thread(target=trickle)
    sender.start()
    started = time.monotonic()
    with pytest.raises(TimeoutError):
        wire.head(started + 0.2)
    assert time.monotonic() - started < 2
    stop.set()
    sender.join()


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_bucket_gives_its_burst_at_once_and_then_its_rate() -> None:
    clock = Clock()
    bucket = TokenBucket(rate=100, burst=500, clock=clock)
    assert bucket.take(500) == 0
    assert bucket.take(100) == 1
    assert bucket.take(100) == 2  # who waits in line waits for all before
    clock.now = 2
    assert bucket.take(100) == 1
    clock.now = 1000
    assert bucket.is_full
    assert bucket.take(500) == 0  # never more than the burst
    assert bucket.take(1) == pytest.approx(0.01)


def test_each_member_has_its_own_limits() -> None:
    fairness = Fairness(Limits(rate=1 << 20, burst=1 << 20, requests=1))
    with fairness.request(b"a") as first, fairness.request(b"a") as second:
        assert first and not second
        with fairness.request(b"b") as other:
            assert other
    with fairness.request(b"a") as again:
        assert again
    assert fairness.wait_for(b"a", 1 << 20) == 0
    assert fairness.wait_for(b"a", 1 << 20) == pytest.approx(1, abs=0.1)
    assert fairness.wait_for(b"b", 1 << 20) == 0


@pytest.mark.parametrize("limits", [{"rate": 1}, {"burst": 1}, {"requests": 0}, {"connections": 0}])
def test_limits_under_which_nothing_could_be_fetched_are_refused(limits: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match="a file server must allow"):
        Limits(**limits)
