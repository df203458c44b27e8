"""What lies between a swarm's processes: lines that can be cut, networks that can be parted."""

from __future__ import annotations

import ctypes
import os
import random
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

CLONE_NEWNET = 0x40000000
SWITCH = "switch"


def own_ports(count: int) -> list[int]:
    """Ports that nobody listens on, each another one, and that the system gives to nobody."""
    found: set[int] = set()
    while len(found) < count:
        port = random.randrange(20_000, 32_000)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            found.add(port)
    return list(found)


class Line:
    """A TCP relay to the chain that can be cut and mended."""

    def __init__(self, target: int, namespace: str | None = None) -> None:
        self.target = target
        self._listener = _listening(namespace)
        self.port = int(self._listener.getsockname()[1])
        self._cut = False
        self._ends: set[socket.socket] = set()
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    def cut(self) -> None:
        """Break what is open, and take nothing new."""
        with self._lock:
            self._cut = True
            for end in self._ends:
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        self._cut = False

    def close(self) -> None:
        self.cut()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            try:
                if self._cut:
                    raise ConnectionRefusedError
                far = socket.create_connection(("127.0.0.1", self.target), 5)
                far.settimeout(None)
            except OSError:
                near.close()
                continue
            with self._lock:
                self._ends |= {near, far}
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self._copy, args=(source, sink), daemon=True).start()

    def _copy(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(1 << 16):
                sink.sendall(data)
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        with self._lock:
            self._ends -= {source, sink}


def _listening(namespace: str | None) -> socket.socket:
    """A socket that listens on the loopback of a namespace."""
    made: list[socket.socket] = []

    def make() -> None:
        # Only this thread goes there; the socket stays there.
        if namespace is not None:
            with Path(f"/run/netns/{namespace}").open() as there:
                libc = ctypes.CDLL(None, use_errno=True)
                if libc.setns(there.fileno(), CLONE_NEWNET):
                    raise OSError(ctypes.get_errno(), "setns")
        made.append(socket.create_server(("127.0.0.1", 0)))

    thread = threading.Thread(target=make)
    thread.start()
    thread.join()
    assert made, f"no socket in {namespace}"
    return made[0]


class Network:
    """Namespaces on one switch, which can be parted in two."""

    def __init__(self, count: int) -> None:
        self.prefix = f"dml{os.getpid()}"
        self.hub = f"{self.prefix}-hub"
        self.names = [f"{self.prefix}-{place}" for place in range(count)]

    def make(self) -> None:
        self._ip("netns", "add", self.hub)
        for bridge in (SWITCH, "other"):
            self._hub("link", "add", bridge, "type", "bridge")
            self._hub("link", "set", bridge, "up")
        for place, name in enumerate(self.names):
            self._ip("netns", "add", name)
            port = f"port{place}"
            self._hub("link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", name)
            self._hub("link", "set", port, "master", SWITCH, "up")
            self._ip("-n", name, "addr", "add", f"{self.address(place)}/24", "dev", "eth0")
            for link in ("lo", "eth0"):
                self._ip("-n", name, "link", "set", link, "up")

    def address(self, place: int) -> str:
        return f"10.77.0.{place + 1}"

    def part(self, places: Sequence[int]) -> None:
        """Put some of them on a switch of their own."""
        for place in places:
            self._hub("link", "set", f"port{place}", "master", "other")

    def heal(self) -> None:
        for place in range(len(self.names)):
            self._hub("link", "set", f"port{place}", "master", SWITCH)

    def remove(self) -> None:
        for name in (self.hub, *self.names):
            subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)

    def _hub(self, *words: str) -> None:
        self._ip("-n", self.hub, *words)

    def _ip(self, *words: str) -> None:
        subprocess.run(["ip", *words], check=True, capture_output=True, text=True)


@contextmanager
def network(count: int) -> Iterator[Network]:
    """So many namespaces; the test is skipped where there can be none."""
    if shutil.which("ip") is None:
        pytest.skip("iproute2 is not installed: NO node had an address of its own")
    made = Network(count)
    try:
        made.make()
    except subprocess.CalledProcessError as error:
        made.remove()
        pytest.skip(f"no network namespaces ({error.stderr.strip()}): NO node had its own address")
    try:
        yield made
    finally:
        made.remove()
