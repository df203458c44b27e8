"""The three kinds of chain that one client has to serve, and a small cast of accounts."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

import pytest
from devchain_support import shared_cache
from rpc_support import free_port

from decentralml.bundles.sealing import encryption_public_key
from decentralml.chain import calls, events
from decentralml.chain.api import Chain
from decentralml.chain.connect import connect, open_embedded
from decentralml.chain.keys import Key, development_key
from decentralml.chain.substrate.runtime import Runtime
from decentralml.config import Config
from decentralml.devchain.chain import DevChain
from decentralml.errors import NodeUnreachable
from decentralml.types import (
    UNIT,
    Cid,
    ModelType,
    StorageType,
    TaskId,
    TaskType,
    Terms,
    ValidationStrategy,
)

ALICE, BOB, CHARLIE, DAVE, EVE, FERDIE = (
    development_key(f"//{name}") for name in ("Alice", "Bob", "Charlie", "Dave", "Eve", "Ferdie")
)
VOTERS = (development_key("//Alice//stash"), development_key("//Bob//stash"))
AGGREGATORS = (DAVE, EVE, FERDIE)
MORE_MEMBERS = tuple(development_key(f"//Member/{number}") for number in range(4))
"""For an office that is larger than a committee; they have nothing before they are elected."""
BUNDLE = Cid("bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi")
REPORT = Cid("bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy")
READER = encryption_public_key(ALICE.encryption_secret())
HOUR = 3_600_000
BLOCKS_FOR_CANDIDACY = 40


@cache
def shipped_runtime() -> Runtime:
    """The shipped runtime, as a client sees it."""
    with TemporaryDirectory() as folder, new_chain(Path(folder)) as chain:
        return Runtime.load(chain.runtime_version, chain.metadata())


def new_chain(home: Path) -> DevChain:
    """A chain file of its own; compiled code is shared by all tests of a run."""
    return open_embedded(home / "chain.sqlite", shared_cache())


def new_home(folder: Path) -> Path:
    """A home without a chain yet, whose compiled code is that of all tests."""
    home = folder / "home"
    home.mkdir()
    (home / "cache").symlink_to(shared_cache())
    return home


def terms(chain: Chain, **changes: object) -> Terms:
    """Terms of a small task."""
    wanted: dict[str, object] = {
        "task_type": TaskType.MODEL_CONTRIBUTOR,
        "strategy": ValidationStrategy.AUTO_ACCEPT,
        "model_type": ModelType.VISION,
        "storage": StorageType.IPFS,
        "bundle": BUNDLE,
        "reward": 5 * UNIT,
        "fee": UNIT // 2,
        "committee_size": 3,
        "bond": 2 * UNIT,
        "slots": 2,
        "expires_at": chain.now() + HOUR,
        "working_time": HOUR,
        "review_time": HOUR,
        "reader": READER,
        **changes,
    }
    return Terms(**wanted)  # type: ignore[arg-type]


def elect(chain: Chain, members: Sequence[Key] = AGGREGATORS) -> None:
    """Have the aggregators registered, voted for and elected."""
    early_in_round(chain)
    for key in members:
        if key in MORE_MEMBERS:
            chain.submit(calls.Transfer(key.address, 100 * UNIT), VOTERS[0])
        profile = calls.RegisterAggregator("https://example.org", encryption_key(key))
        chain.submit(calls.Batch((profile, calls.SubmitCandidacy())), key)
    for voter in VOTERS:
        votes = tuple(key.address for key in members)
        chain.submit(calls.Vote(votes, 1000 * UNIT), voter)
    chain.wait_block(chain.election().round_ends)


def encryption_key(key: Key) -> bytes:
    """The X25519 public key that an aggregator publishes."""
    return encryption_public_key(key.encryption_secret())


def early_in_round(chain: Chain) -> None:
    """Wait for the next election unless it is far off: those without votes end their candidacy."""
    round_ends = chain.election().round_ends
    if round_ends - chain.info().block < BLOCKS_FOR_CANDIDACY:
        chain.wait_block(round_ends)


def pass_time(chain: Chain, until: int) -> None:
    """Wait until the chain's clock is past a moment; on the embedded chain, move it there."""
    while chain.now() <= until:
        if chain.info().kind == "embedded":
            chain.advance(milliseconds=until - chain.now() + 1)
        else:
            time.sleep(0.2)


def soon(chain: Chain, blocks: int = 5) -> int:
    """A moment some blocks ahead, by the chain's clock, which may run faster than the wall's."""
    before = chain.now()
    chain.wait_block(chain.info().block + 1)
    return chain.now() + max(2_500, blocks * (chain.now() - before))


def by_address(address: str) -> Key:
    """The aggregator of an address."""
    return next(key for key in (*AGGREGATORS, *MORE_MEMBERS) if key.address == address)


def post(chain: Chain, **changes: object) -> TaskId:
    """Have Alice post a task."""
    created = chain.submit(calls.CreateTask(terms(chain, **changes)), ALICE)
    event = created.find(events.TaskCreated)
    assert event is not None
    return event.task


@contextmanager
def embedded(home: Path) -> Iterator[Chain]:
    with connect(Config(home)) as chain:
        yield chain


@contextmanager
def served(home: Path) -> Iterator[Chain]:
    """``decentralml chain serve`` in a process of its own."""
    command = [sys.executable, "-m", "decentralml", "chain", "serve", "--port", "0", "--json"]
    environment = {**os.environ, "DECENTRALML_HOME": str(home)}
    with (home / "serve.log").open("w") as log:
        server = subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=log, text=True
        )
    try:
        with connect(Config(home, chain=_announced(server.stdout, home / "serve.log"))) as chain:
            yield chain
    finally:
        server.terminate()
        server.wait(20)


@contextmanager
def real_node(home: Path, block_time: int = 150) -> Iterator[Chain]:
    """A Parity node on the shipped runtime; ``DECENTRALML_NODE`` names its program."""
    with node_process(home, free_port(), block_time) as url, connect_patiently(home, url) as chain:
        yield chain


def node_program() -> str:
    program = os.environ.get("DECENTRALML_NODE", "")
    if not shutil.which(program):
        pytest.skip("DECENTRALML_NODE names no node: NOTHING was tested against a real one")
    return program


def node_specification(home: Path) -> Path:
    from decentralml.runtime import blob

    runtime, specification = home / "runtime.wasm", home / "spec.json"
    if not specification.exists():
        home.mkdir(parents=True, exist_ok=True)
        runtime.write_bytes(blob())
        command = [node_program(), "chain-spec-builder", "--chain-spec-path", str(specification)]
        command += ["create", "-t", "development", "--relay-chain", "rococo-local"]
        command += ["--para-id", "1000", "-r", str(runtime), "named-preset", "development"]
        subprocess.run(command, check=True, capture_output=True)
    return specification


@contextmanager
def node_process(
    home: Path, port: int, block_time: int, base: str = "--tmp", more: Sequence[str] = ()
) -> Iterator[str]:
    """A running node, on the specification in `home` if there is one; its address."""
    command = [node_program(), "--chain", str(node_specification(home)), "--dev", base]
    command += ["--rpc-port", str(port), "--dev-block-time", str(block_time)]
    command += ["--port", "0", "--no-prometheus", "--no-telemetry", "--no-mdns", *more]
    with (home / "node.log").open("a") as log:
        node = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        yield f"ws://127.0.0.1:{port}"
    finally:
        node.kill()
        node.wait(20)


def connect_patiently(home: Path, url: str) -> Chain:
    """Connect to a node that is still starting."""
    end = time.monotonic() + 60
    while True:
        try:
            return connect(Config(home, chain=url))
        except NodeUnreachable:
            if time.monotonic() > end:
                raise
            time.sleep(0.2)


def _announced(output: IO[str] | None, log: Path) -> str:
    """The address that the server prints as JSON once it listens."""
    assert output is not None
    text = ""
    for line in output:
        text += line
        try:
            return str(json.loads(text)["url"])
        except ValueError:
            continue
    raise AssertionError(f"the server ended: {text}{log.read_text()}")
