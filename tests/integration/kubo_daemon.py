"""A private Kubo for the tests, and a fake one that misbehaves."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

BINARY = os.environ.get("DECENTRALML_KUBO")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Ipfs:
    """The ipfs command on a repository of its own."""

    def __init__(self, repository: Path) -> None:
        assert BINARY is not None
        self.environment = {**os.environ, "IPFS_PATH": str(repository)}
        self.port = free_port()
        self.run("init", "--profile=test")
        for key, value in (
            ("Bootstrap", []),
            ("Addresses.API", f"/ip4/127.0.0.1/tcp/{self.port}"),
            ("Addresses.Gateway", f"/ip4/127.0.0.1/tcp/{free_port()}"),
            ("Addresses.Swarm", []),
        ):
            self.run("config", "--json", key, json.dumps(value))

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def run(self, *arguments: str | Path) -> str:
        assert BINARY is not None
        done = subprocess.run(
            [BINARY, *map(str, arguments)],
            env=self.environment,
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout

    def cid(self, path: Path) -> str:
        """What `ipfs add -r --cid-version=1` says."""
        added = self.run("add", "-r", "-H", "-Q", "--only-hash", "--cid-version=1", path)
        return added.strip()

    @contextmanager
    def daemon(self) -> Iterator[Ipfs]:
        assert BINARY is not None
        process = subprocess.Popen(
            [BINARY, "daemon", "--offline"],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert process.stdout is not None
        try:
            said = []
            for line in process.stdout:
                said.append(line)
                if "Daemon is ready" in line:
                    break
            else:
                raise RuntimeError("".join(said))
            drain = threading.Thread(target=process.stdout.read, daemon=True)
            drain.start()
            yield self
        finally:
            process.terminate()
            process.wait(30)


Answer = Callable[[str, str, BaseHTTPRequestHandler], None]
"""Gets the command (such as ``dag/export``), its argument and what to write the answer to."""


@contextmanager
def fake_daemon(answer: Answer) -> Iterator[str]:
    """The address of an RPC that answers as a test wants."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            parts = urlsplit(self.path)
            argument = parse_qs(parts.query).get("arg", [""])[0]
            self.close_connection = True
            answer(parts.path.removeprefix("/api/v0/"), argument, self)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def reply(handler: BaseHTTPRequestHandler, body: bytes, status: int = 200) -> None:
    handler.send_response(status)
    handler.send_header("Content-Type", "application/octet-stream")
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def complain(handler: BaseHTTPRequestHandler, message: str) -> None:
    """An error as Kubo words it."""
    body = json.dumps({"Message": message, "Code": 0, "Type": "error"}).encode()
    handler.send_response(500)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)
