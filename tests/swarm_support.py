"""Swarms for tests: an embedded chain, tiny models, nodes as threads with real TLS on loopback."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from chain_support import ALICE, BOB, CHARLIE, DAVE, EVE, FERDIE, new_home
from rpc_support import free_port

from decentralml.bundles.manifest import TensorSpec
from decentralml.chain.api import Chain
from decentralml.chain.connect import connect
from decentralml.chain.keys import Key
from decentralml.chain.swarm.calls import CreateSwarm
from decentralml.chain.swarm.events import SwarmCreated
from decentralml.chain.swarm.words import Admission, MergeMethod, SwarmId, SwarmTerms
from decentralml.config import Config
from decentralml.learning.tensors import TensorFile, TensorWriter
from decentralml.service.log import Quiet
from decentralml.service.stopping import Stop
from decentralml.storage.unixfs import cid_of
from decentralml.swarm.config import SwarmConfig
from decentralml.swarm.identity.own import Identity
from decentralml.swarm.link import Link, Synced
from decentralml.swarm.node.home import NodeHome
from decentralml.swarm.node.joining import join
from decentralml.swarm.node.node import NodeSettings, SwarmNode

KEYS = (ALICE, BOB, CHARLIE, DAVE, EVE, FERDIE)
NAMES = {key.address: key.name.removeprefix("//").lower() for key in KEYS}
SPECS = {"weight": TensorSpec("F32", (4, 3)), "bias": TensorSpec("F32", (3,))}
PATIENCE = 60.0
"""Seconds that anything here may take on a busy machine."""


def write_model(path: Path, value: float, specs: Mapping[str, TensorSpec] = SPECS) -> Path:
    """A safetensors file all of whose elements are ``value``."""
    with path.open("wb") as stream:
        writer = TensorWriter(stream, specs)
        for spec in specs.values():
            writer.write(np.full(spec.shape, value, "<f4"))
    return path


def values(path: Path) -> set[float]:
    """All elements of a model."""
    file = TensorFile.open(path)
    return {
        float(value)
        for name in file.specs
        for value in np.frombuffer(file.read(name), "<f4").tolist()
    }


class Diary(Quiet):
    """Remembers what a node told."""

    def __init__(self) -> None:
        self.events: list[tuple[str, str, dict[str, Any]]] = []
        self.warnings: list[str] = []
        self.lines: list[str] = []

    def event(self, name: str, text: str, **facts: Any) -> None:
        self.events.append((name, text, facts))

    def warn(self, text: str) -> None:
        self.warnings.append(text)

    def status(self, text: str) -> None:
        self.lines.append(text)

    def names(self) -> list[str]:
        return [name for name, _, _ in self.events]


@dataclass
class Member:
    """One account's node, which can be started, stopped and started again."""

    crowd: Crowd
    key: Key
    home: NodeHome
    address: str
    log: Diary = field(default_factory=Diary)
    stop: Stop = field(default_factory=Stop)
    node: SwarmNode | None = None
    thread: threading.Thread | None = None
    failure: BaseException | None = None
    connect: Callable[[], Chain] | None = None
    command: Sequence[str] = ()
    linger: float | None = None
    renewed: Callable[[], Identity] | None = None

    @property
    def name(self) -> str:
        return NAMES[self.key.address]

    def settings(self) -> NodeSettings:
        return NodeSettings(
            connect=self.connect or self.crowd.connect,
            swarm=self.crowd.swarm,
            key=self.key,
            home=self.home,
            genesis=self.crowd.genesis,
            called=lambda address: NAMES.get(address, address),
            stored=lambda cid: self.crowd.config.encode(),
            command=self.command,
            linger=self.linger,
            renewed=self.renewed,
        )

    def start(self, change: Callable[[SwarmNode], None] | None = None) -> Member:
        """Run the node in a thread, until it waits for training."""
        self.stop, self.failure = Stop(), None
        self.node = SwarmNode(self.settings(), self.log, self.stop)
        if change is not None:
            change(self.node)
        self.thread = threading.Thread(target=self._run, daemon=True)
        begun = self.log.names().count("waiting")
        self.thread.start()
        until(lambda: self.log.names().count("waiting") > begun or self.failure is not None)
        if self.failure is not None:
            raise self.failure
        return self

    def end(self) -> None:
        """Stop it as SIGTERM would, and wait for that."""
        self.stop.asked = True
        if self.thread is not None:
            self.thread.join(PATIENCE)
            assert not self.thread.is_alive(), f"{self.name} hangs"
            self.thread = None

    def link(self, patience: float = 20.0) -> Link:
        return Link.connect(self.home.socket, patience)

    def _run(self) -> None:
        assert self.node is not None
        try:
            self.node.run()
        except BaseException as error:
            self.failure = error


@dataclass
class Crowd:
    """A swarm on an embedded chain, and its members."""

    home: Path
    terms: SwarmTerms
    config: SwarmConfig
    chain: Chain
    swarm: SwarmId
    genesis: bytes
    members: list[Member] = field(default_factory=list)

    def connect(self) -> Chain:
        return connect(Config(self.home))

    def member(self, name: str) -> Member:
        return next(member for member in self.members if member.name == name)

    def join(self, key: Key, **words: Any) -> Member:
        """A member with a seat and a registered node, which does not run yet."""
        home = NodeHome.of(self.home, self.genesis, self.swarm, key.address)
        address = f"127.0.0.1:{free_port()}"
        join(self.chain, key, self.swarm, home, self.genesis, address=address, **words)
        member = Member(self, key, home, address)
        self.members.append(member)
        return member

    def end(self) -> None:
        for member in self.members:
            member.stop.asked = True
        for member in self.members:
            member.end()
        self.chain.close()


@contextmanager
def crowd(
    folder: Path,
    nodes: int = 3,
    *,
    start: bool = True,
    specs: Mapping[str, TensorSpec] | None = SPECS,
    **terms: Any,
) -> Iterator[Crowd]:
    """A swarm of so many nodes, started or not; whatever was started is ended."""
    home = new_home(folder)
    config = SwarmConfig(100_000, specs, {"sync_frequency": 8})
    file = folder / "config.json"
    file.write_bytes(config.encode())
    wanted = SwarmTerms(
        config=cid_of(file),
        merge=MergeMethod.MEAN,
        min_peers=min(2, nodes),
        max_peers=12,
        admission=Admission.OPEN,
        quorum_wait=3000,
        leader_timeout=10_000,
    )
    wanted = replace(wanted, **terms)
    chain = connect(Config(home))
    receipt = chain.submit(CreateSwarm(wanted), ALICE)
    created = receipt.find(SwarmCreated)
    assert created is not None
    genesis = bytes.fromhex(chain.info().genesis.removeprefix("0x"))
    found = Crowd(home, wanted, config, chain, created.swarm, genesis)
    try:
        for key in KEYS[:nodes]:
            found.join(key)
        if start:
            for member in found.members:
                member.start()
        yield found
    finally:
        found.end()


def until(told: Callable[[], bool], seconds: float = PATIENCE) -> None:
    """Wait for something to be so."""
    end = time.monotonic() + seconds
    while not told():
        assert time.monotonic() < end, "it did not come to be"
        time.sleep(0.02)


def together(tasks: Sequence[Callable[[], Any]]) -> list[Any]:
    """Run functions side by side; what each returns, or the first failure."""
    results: list[Any] = [None] * len(tasks)
    failures: list[BaseException] = []

    def run(place: int) -> None:
        try:
            results[place] = tasks[place]()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(n,), daemon=True) for n in range(len(tasks))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    if failures:
        raise failures[0]
    assert not any(thread.is_alive() for thread in threads), "a task hangs"
    return results


class Killed(BaseException):
    """What SIGKILL does, for a node in a thread: it comes through every ``except Exception``."""


class Saboteur:
    """A chain on which something happens to one account's calls before they are sent.

    Parameters
    ----------
    chain : that is used.
    on : is given each call; what it returns is sent in its place, and what it raises is raised.
    """

    def __init__(self, chain: Chain, on: Callable[[Any], Any]) -> None:
        self._chain = chain
        self._on = on

    def __getattr__(self, name: str) -> Any:
        return getattr(self._chain, name)

    def submit(self, call: Any, signer: Any, tip: int = 0) -> Any:
        return self._chain.submit(self._on(call), signer, tip)


def once(kind: type, action: Callable[[], Any]) -> Callable[[Any], Any]:
    """Do something before the first call of a kind, and let it through if that returns."""
    left = [True]

    def on(call: Any) -> Any:
        if isinstance(call, kind) and left:
            left.clear()
            action()
        return call

    return on


def killed() -> None:
    raise Killed


def update(member: Member, value: float) -> Path:
    """A file as a member's training would write it."""
    return write_model(member.home.updates / f"update-{value}.safetensors", value)


def sync(member: Member, value: float, deadline: float | None = 50.0) -> Synced:
    """One training process that begins, syncs once, and goes."""
    with member.link() as link:
        link.begin()
        return link.sync(update(member, value), deadline=deadline)


def two(swarm: Crowd) -> list[Callable[[], Synced]]:
    """The first two members' parts in a round: their mean is 2."""
    first, second = swarm.members[:2]
    return [lambda: sync(first, 1.0), lambda: sync(second, 3.0)]


def one_model(found: list[Synced]) -> set[float]:
    """The elements of the one model that all have."""
    assert len({each.path.read_bytes() for each in found}) == 1
    return values(found[0].path)
