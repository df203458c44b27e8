#!/usr/bin/env python3
"""Transactions a second: our embedded chain, served and not, a real Parity node, and chopsticks.

    scripts/bench/rpc.py [--transactions N] [--rounds N]

All start from one genesis. Over WebSocket each is driven by the same unmodified
substrate-interface, one transaction after the other, each signed just before it is sent: until all
are in blocks, and waiting for each one's block before the next. The real node is taken from
DECENTRALML_NODE, chopsticks from DECENTRALML_CHOPSTICKS (a command, such as
"node chopsticks.cjs"); what is absent is said to be so. The rounds of all peers take turns, the
best of each counts.

Bars: 1,000 a second inside a block; over WebSocket 150 a second, a third of the real node's rate,
50 times chopsticks waiting for blocks.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

PROPERTIES = {"ss58Format": 42, "tokenDecimals": 12, "tokenSymbol": "DML"}
AMOUNT = 10**9
NODE_BLOCK_MILLISECONDS = 500
START_SECONDS = 120.0
PATIENCE_SECONDS = 120
STALL_SECONDS = 15
OURS, NODE, CHOPSTICKS = "embedded chain, served", "real node", "chopsticks"
IN_BLOCK_BAR, SERVED_BAR, NODE_BAR, CHOPSTICKS_BAR = 1000, 150, 1 / 3, 50


@dataclass
class Peer:
    """One server under test and its best rates."""

    name: str
    url: str
    streamed: float = 0.0
    """Sent one by one; the clock stops when the last one is in a block."""
    waited: float = 0.0
    """Each in a block before the next is signed."""


class Driver:
    """substrate-interface as a user would drive it."""

    def __init__(self, url: str) -> None:
        from substrateinterface import Keypair, SubstrateInterface

        self.client = SubstrateInterface(url=url, ws_options={"timeout": PATIENCE_SECONDS})
        self.signer = Keypair.create_from_uri("//Alice")
        receiver = Keypair.create_from_uri("//Bob").ss58_address
        self.call = self.client.compose_call(
            "Balances", "transfer_keep_alive", {"dest": receiver, "value": AMOUNT}
        )

    def nonce(self) -> int:
        account = self.client.query("System", "Account", [self.signer.ss58_address])
        return int(account.value["nonce"])

    def sign(self, nonce: int) -> Any:
        return self.client.create_signed_extrinsic(self.call, self.signer, nonce=nonce)

    def streamed(self, count: int) -> float:
        first = reached = self.nonce()
        started = time.perf_counter()
        self.send(range(first, first + count))
        progress = time.perf_counter()
        while reached < first + count:
            time.sleep(0.005)
            before, reached = reached, self.nonce()
            now = time.perf_counter()
            if reached > before:
                progress = now
            elif now > progress + STALL_SECONDS:
                # The pool of a node under load may lose one, and those behind it wait for ever.
                print(f"{self.client.url} lost a transaction: sending the rest again")
                self.send(range(reached, first + count), again=True)
                progress = now
            if now > started + PATIENCE_SECONDS:
                raise SystemExit(f"{self.client.url}: {reached - first} of {count} were included")
        return count / (time.perf_counter() - started)

    def send(self, nonces: range, again: bool = False) -> None:
        from substrateinterface.exceptions import SubstrateRequestException

        for nonce in nonces:
            try:
                self.client.submit_extrinsic(self.sign(nonce))
            except SubstrateRequestException:
                if not again:  # else it was there after all
                    raise

    def waited(self, count: int) -> float:
        first = self.nonce()
        started = time.perf_counter()
        for nonce in range(first, first + count):
            self.client.submit_extrinsic(self.sign(nonce), wait_for_inclusion=True)
        return count / (time.perf_counter() - started)


def in_block(file: Path, cache: Path, url: str, count: int) -> float:
    """Transfers a second in one block of the chain in `file`, which `url` serves for signing."""
    from decentralml.devchain.chain import DevChain, Sealed

    driver = Driver(url)
    first = driver.nonce()
    extrinsics = [bytes(driver.sign(nonce).data.data) for nonce in range(first, first + count)]
    with DevChain.open(file, cache=cache) as chain:
        chain.seal([])  # the runtime is loaded, as in any chain at work
        started = time.perf_counter()
        outcomes = chain.seal(extrinsics)
        seconds = time.perf_counter() - started
    assert all(isinstance(outcome, Sealed) for outcome in outcomes), "a transfer was refused"
    return count / seconds


@contextmanager
def our_server(file: Path, cache: Path) -> Iterator[str]:
    code = (
        "import sys; from pathlib import Path;"
        "from decentralml.devchain.rpc.server import serve_forever;"
        "serve_forever(Path(sys.argv[1]), port=0, cache=Path(sys.argv[2]),"
        " ready=lambda url: print(url, flush=True))"
    )
    command = [sys.executable, "-c", code, str(file), str(cache)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            yield server.stdout.readline().strip()
        finally:
            server.terminate()


@contextmanager
def program(command: list[str], log: Path, url: str) -> Iterator[str]:
    """Another server, once it answers."""
    with log.open("w") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        wait_for(url, process, log)
        yield url
    finally:
        process.terminate()
        process.wait(30)


def wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    from substrateinterface import SubstrateInterface

    end = time.monotonic() + START_SECONDS
    while True:
        try:
            SubstrateInterface(url=url).close()
            return
        except Exception as error:
            if process.poll() is not None or time.monotonic() > end:
                raise SystemExit(f"{log.stem} did not start: {log.read_text()[-2000:]}") from error
            time.sleep(0.3)


def real_node(node: str, folder: Path, wasm: bytes) -> tuple[list[str], str]:
    """Command and address of a Parity node."""
    blob, specification = folder / "runtime.wasm", folder / "node.json"
    blob.write_bytes(wasm)
    builder = [node, "chain-spec-builder", "--chain-spec-path", str(specification), "create"]
    builder += ["-t", "development", "--relay-chain", "rococo-local", "--para-id", "1000"]
    builder += ["-r", str(blob), "named-preset", "development"]
    subprocess.run(builder, check=True, capture_output=True)
    port = free_port()
    command = [node, "--chain", str(specification), "--dev", "--tmp", "--rpc-port", str(port)]
    command += ["--dev-block-time", str(NODE_BLOCK_MILLISECONDS), "--port", "0"]
    command += ["--no-prometheus", "--no-telemetry", "--no-mdns"]
    return command, f"ws://127.0.0.1:{port}"


def chopsticks(program: list[str], folder: Path, specification: dict[str, Any]) -> Any:
    """Command and address of chopsticks."""
    file = folder / "chopsticks.json"
    file.write_text(json.dumps({"id": "bench", **specification}))
    port = free_port()
    return [*program, f"--genesis={file}", f"--port={port}"], f"ws://localhost:{port}"


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def start_peers(stack: ExitStack, folder: Path, file: Path, cache: Path) -> list[Peer]:
    from decentralml.devchain.chain import DevChain
    from decentralml.runtime import blob

    with DevChain.create(file, blob(), properties=PROPERTIES, cache=cache) as chain:
        specification = chain.export_spec()
    peers = [Peer(OURS, stack.enter_context(our_server(file, cache)))]
    node = os.environ.get("DECENTRALML_NODE", "")
    if shutil.which(node):
        command, url = real_node(node, folder, blob())
        peers.append(Peer(NODE, stack.enter_context(program(command, folder / "node.log", url))))
    chopsticks_program = shlex.split(os.environ.get("DECENTRALML_CHOPSTICKS", ""))
    if chopsticks_program and shutil.which(chopsticks_program[0]):
        command, url = chopsticks(chopsticks_program, folder, specification)
        log = folder / "chopsticks.log"
        peers.append(Peer(CHOPSTICKS, stack.enter_context(program(command, log, url))))
    return peers


def measure(peers: list[Peer], rounds: int, count: int) -> None:
    drivers = {peer.name: Driver(peer.url) for peer in peers}
    for _ in range(rounds):
        for peer in peers:
            driver = drivers[peer.name]
            # The slow ones are slow by block times, not by work: a few say as much as many.
            if peer.name != CHOPSTICKS:
                peer.streamed = max(peer.streamed, driver.streamed(count))
            few = count if peer.name == OURS else min(count, 6)
            peer.waited = max(peer.waited, driver.waited(few))


def verdict(what: str, value: float, bar: float, unit: str) -> bool:
    met = value >= bar
    print(f"{what:<58}{value:9.2f} {unit}, bar {bar:.2f}: {'met' if met else 'MISSED'}")
    return met


def report(peers: list[Peer], inside: float) -> bool:
    by_name = {peer.name: peer for peer in peers}
    for peer in peers:
        streamed = f"{peer.streamed:7.1f}/s one by one," if peer.streamed else " " * 22
        print(f"{peer.name:<24}{streamed} {peer.waited:7.1f}/s waiting for each block")
    ours = by_name[OURS]
    met = verdict("embedded chain, transfers inside a block", inside, IN_BLOCK_BAR, "/s")
    met &= verdict("served, one by one", ours.streamed, SERVED_BAR, "/s")
    for name, absent in ((NODE, "DECENTRALML_NODE"), (CHOPSTICKS, "DECENTRALML_CHOPSTICKS")):
        if name not in by_name:
            print(f"{name}: ABSENT, not compared ({absent} names no program)")
    if NODE in by_name:
        ratio = ours.streamed / by_name[NODE].streamed
        met &= verdict("served against the real node, one by one", ratio, NODE_BAR, "times")
    if CHOPSTICKS in by_name:
        ratio = ours.waited / by_name[CHOPSTICKS].waited
        met &= verdict("served against chopsticks, waiting", ratio, CHOPSTICKS_BAR, "times")
    return met


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--transactions", type=int, default=1000, help="of each round")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        file, cache = folder / "chain.sqlite", folder / "cache"
        peers = start_peers(stack, folder, file, cache)
        measure(peers, options.rounds, options.transactions)
        inside = max(in_block(file, cache, peers[0].url, 1000) for _ in range(options.rounds))
        return 0 if report(peers, inside) else 1


if __name__ == "__main__":
    sys.exit(main())
