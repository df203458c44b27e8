#!/usr/bin/env python
"""A file from one node's server to another's shelf, against the same bytes by plainer means.

    python scripts/bench/swarm_files.py [--megabytes N] [--repeats R] [--chunks]

Servers run in a process of their own, everything on loopback. A fetch is mutual TLS 1.3, the CID
computed, the file written and renamed. Its peers do less: bytes over a bare TCP socket, over the
standard library's TLS, and from aiohttp's ``FileResponse`` over TLS to ``http.client``; all into
memory, unverified. Prints the median milliseconds of each, and the ratio of a fetch to it.
``--chunks`` tries sizes of what the server reads and sends at a time.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import multiprocessing
import os
import socket
import ssl
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

from aiohttp import web

from decentralml.chain.swarm.words import SwarmId
from decentralml.swarm.files import serving
from decentralml.swarm.files.fetch import fetch
from decentralml.swarm.files.limits import Limits
from decentralml.swarm.files.pool import Pool
from decentralml.swarm.files.server import FileServer
from decentralml.swarm.files.shelf import Shelf
from decentralml.swarm.identity.certificate import Scope
from decentralml.swarm.identity.members import Member, Members
from decentralml.swarm.identity.own import make_identity
from decentralml.types import Address, Cid

GENESIS = "00" * 32
SWARM = SwarmId(1)
HERE = "127.0.0.1"
UNLIMITED = Limits(rate=1 << 40, burst=1 << 40)
KEPT = "fetch over a kept connection"
CHUNKS = (16, 64, 128, 256, 512, 1024, 4096)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--megabytes", type=float, default=4.0)
    options.add_argument("--repeats", type=int, default=15)
    options.add_argument("--chunks", action="store_true")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        sizes = [kib << 10 for kib in CHUNKS] if chosen.chunks else [serving.CHUNK]
        for size in sizes:
            run = Run(Path(folder) / str(size), int(chosen.megabytes * (1 << 20)), size)
            run.compare(chosen.repeats, alone=chosen.chunks)


class Run:
    """Two nodes, one file, and the servers in a process of their own."""

    def __init__(self, folder: Path, size: int, chunk: int) -> None:
        self.size = size
        self.chunk = chunk
        accounts = [Address("server"), Address("client")]
        self.identities = [
            make_identity(folder / who, genesis=GENESIS, swarm=SWARM, account=who)
            for who in accounts
        ]
        listed = [
            Member(who, own.certificate) for who, own in zip(accounts, self.identities, strict=True)
        ]
        self.members = Members(lambda: listed, Scope(GENESIS, SWARM))
        self.members.refresh()
        self.server_shelf, self.shelf = Shelf(folder / "there"), Shelf(folder / "here")
        file = folder / "file"
        file.write_bytes(os.urandom(size))
        self.cid = self.server_shelf.put(file)
        self.content = file.read_bytes()

    def compare(self, repeats: int, *, alone: bool) -> None:
        here, there = multiprocessing.get_context("fork").Pipe()
        child = multiprocessing.get_context("fork").Process(target=self.serve, args=(there,))
        child.start()
        ports: dict[str, int] = here.recv()
        address = f"{HERE}:{ports['node']}"
        context = self.members.client_context(self.identities[1])
        pool = Pool(self.members)
        steps: dict[str, Callable[[], None]] = {
            KEPT: lambda: self.fetch(address, pool),
            "fetch, new connection": lambda: self.fetch(address, None),
            "bare TCP": lambda: self.read(ports["plain"], None),
            "bare TLS": lambda: self.read(ports["tls"], context),
            "aiohttp over TLS": lambda: self.ask_aiohttp(ports["aiohttp"], context),
        }
        try:
            took = medians({KEPT: steps[KEPT]} if alone else steps, repeats)
        finally:
            pool.close()
            here.send("enough")
            child.join()
        fetched = took.pop(KEPT)
        print(f"{self.size / (1 << 20):g} MiB in chunks of {self.chunk >> 10} KiB, ", end="")
        print(f"median of {repeats}: {fetched:.1f} ms for a {KEPT}")
        for name, each in took.items():
            print(f"  {name:24s} {each:7.1f} ms, ratio {fetched / each:5.2f}")

    # -- the client's side

    def fetch(self, address: str, pool: Pool | None) -> None:
        fetch(
            self.cid,
            [Server(address)],
            self.identities[1],
            self.members,
            self.shelf,
            limit_bytes=self.size,
            deadline=time.monotonic() + 60,
            pool=pool,
        )
        self.shelf.keep([])

    def read(self, port: int, context: ssl.SSLContext | None) -> None:
        with socket.create_connection((HERE, port)) as plain:
            end = context.wrap_socket(plain) if context else plain
            buffer = memoryview(bytearray(self.size))
            filled = 0
            while filled < self.size:
                filled += end.recv_into(buffer[filled:])
            end.close()

    def ask_aiohttp(self, port: int, context: ssl.SSLContext) -> None:
        connection = http.client.HTTPSConnection(HERE, port, context=context)
        connection.request("GET", f"/{self.cid}")
        assert len(connection.getresponse().read()) == self.size
        connection.close()

    # -- the servers' side

    def serve(self, pipe: Connection) -> None:
        serving.CHUNK = self.chunk
        identity = self.identities[0]
        server = FileServer(identity, self.members, self.server_shelf, HERE, 0, UNLIMITED)
        server.start()
        context = self.members.server_context(identity)
        ports = {
            "node": server.port,
            "plain": self.serve_bytes(None),
            "tls": self.serve_bytes(context),
            "aiohttp": serve_aiohttp(self.server_shelf, context),
        }
        pipe.send(ports)
        pipe.recv()
        server.stop()

    def serve_bytes(self, context: ssl.SSLContext | None) -> int:
        """Send the content to whoever connects."""
        listener = socket.create_server((HERE, 0))

        def answer() -> None:
            while True:
                connection, _ = listener.accept()
                end = context.wrap_socket(connection, server_side=True) if context else connection
                with end:
                    end.sendall(self.content)

        threading.Thread(target=answer, daemon=True).start()
        return int(listener.getsockname()[1])


class Server:
    """The provider."""

    account = Address("server")

    def __init__(self, address: str) -> None:
        self.address = address


def serve_aiohttp(shelf: Shelf, context: ssl.SSLContext) -> int:
    listener = socket.create_server((HERE, 0))

    async def answer(request: web.Request) -> web.StreamResponse:
        path = shelf.path(Cid(request.match_info["cid"]))
        return web.FileResponse(path) if path else web.Response(status=404)

    async def run() -> None:
        app = web.Application()
        app.router.add_get("/{cid}", answer)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.SockSite(runner, listener, ssl_context=context).start()
        await asyncio.Event().wait()

    threading.Thread(target=asyncio.run, args=(run(),), daemon=True).start()
    return int(listener.getsockname()[1])


def medians(steps: dict[str, Callable[[], None]], repeats: int) -> dict[str, float]:
    """Milliseconds of each, taken in turns, so that a busy machine hurts all alike; the first two
    times are for warming up."""
    taken: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(repeats + 2):
        for name, step in steps.items():
            begun = time.perf_counter()
            step()
            taken[name].append((time.perf_counter() - begun) * 1000)
    return {name: statistics.median(times[2:]) for name, times in taken.items()}


if __name__ == "__main__":
    main()
