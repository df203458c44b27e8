"""Swarms of real processes: each node one of its own, a served chain, lines that can be cut.

Nodes reach the chain through a :class:`Line` each, so that a test cuts one node off, or has the
chain go away for all. In a :class:`Network` each node has a network namespace and an address of its
own, and the links between them can be parted.
"""

from __future__ import annotations

import ctypes
import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from chain_support import new_home
from rpc_support import free_port
from swarm_support import KEYS, NAMES, SPECS, until

from decentralml.chain.api import Chain
from decentralml.chain.connect import connect
from decentralml.chain.keys import Key
from decentralml.chain.swarm.calls import CreateSwarm
from decentralml.chain.swarm.events import Arrived, RoundMerged, SwarmCreated
from decentralml.chain.swarm.words import Admission, MergeMethod, Stage, SwarmId, SwarmTerms
from decentralml.config import Config
from decentralml.storage.unixfs import cid_of
from decentralml.swarm.config import SwarmConfig
from decentralml.swarm.home import NodeHome
from decentralml.swarm.joining import join

TRAINER = Path(__file__).with_name("swarm_trainer.py")
CLONE_NEWNET = 0x40000000
PORT = 7441
"""Of a node in a namespace of its own."""
SWITCH = "switch"


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


@dataclass
class Station:
    """One account's node in a process, with its training process."""

    theatre: Theatre
    key: Key
    home: Path
    node: NodeHome
    line: Line
    namespace: str | None = None
    runs: int = 0
    process: subprocess.Popen[bytes] | None = None

    @property
    def name(self) -> str:
        return NAMES[self.key.address]

    @property
    def log(self) -> Path:
        return self.home / f"run-{self.runs}.log"

    @property
    def result(self) -> Path:
        """Where its training process writes what it ended with."""
        return self.home / "result.json"

    @property
    def gate(self) -> Path:
        """Its training goes on while this file is there."""
        return self.home / "gate"

    def start(self, rounds: int, *, patience: float = 90.0) -> Station:
        """Run the node and its training, which ends with the model of round ``rounds``."""
        self.runs += 1
        self.gate.touch()
        trainer = [sys.executable, str(TRAINER), str(rounds), str(self.gate), str(self.result)]
        command = [sys.executable, "-m", "decentralml", "swarm", "run", str(self.theatre.swarm)]
        command += ["--config", str(self.theatre.config), "--log-json", "--as", self.key.name]
        command += ["--", *trainer, str(patience)]
        if self.namespace is not None:
            command = ["ip", "netns", "exec", self.namespace, *command]
        environment = os.environ | {
            "DECENTRALML_HOME": str(self.home),
            "DECENTRALML_CHAIN": self.line.url,
            "PYTHONPATH": os.pathsep.join(sys.path),
        }
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command, env=environment, stdout=log, stderr=log, start_new_session=True
            )
        return self

    def told(self, event: str) -> list[dict[str, Any]]:
        """What the node's log of this run says of an event."""
        found = []
        for text in self.log.read_text("utf-8", "replace").splitlines():
            with suppress(ValueError):
                said = json.loads(text)
                if isinstance(said, dict) and said.get("event") == event:
                    found.append(said)
        return found

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Send a signal to node and training at once."""
        assert self.process is not None
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)

    def kill_node(self) -> None:
        """SIGKILL to the node alone; its training stays."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(20)

    def freeze(self) -> None:
        self.kill(signal.SIGSTOP)

    def thaw(self) -> None:
        self.kill(signal.SIGCONT)

    def end(self) -> None:
        """Kill whatever is left of it, also what an earlier run left."""
        if self.process is not None:
            self.kill()
            self.process.wait(20)
        with suppress(OSError, ValueError, KeyError):
            os.kill(int(json.loads(self.node.training.read_bytes())["pid"]), signal.SIGKILL)

    def ended(self) -> dict[str, Any]:
        """What its training ended with, once it has."""
        until(self.result.exists)
        found: dict[str, Any] = json.loads(self.result.read_text())
        return found


@dataclass
class Theatre:
    """A served chain, a swarm on it, and its members' processes."""

    folder: Path
    config: Path
    swarm: SwarmId
    genesis: bytes
    chain: Chain
    """The same file, read without the server."""
    port: int
    network: Network | None
    stations: list[Station] = field(default_factory=list)
    server: subprocess.Popen[bytes] | None = None

    def serve(self) -> None:
        """Have the chain answer."""
        command = [sys.executable, "-m", "decentralml", "chain", "serve", "--port", str(self.port)]
        environment = os.environ | {"DECENTRALML_HOME": str(self.folder)}
        with (self.folder / "serve.log").open("ab") as log:
            self.server = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        until(self._answers)

    def silence(self) -> None:
        """Have the chain go away."""
        if self.server is not None:
            self.server.terminate()
            self.server.wait(20)
            self.server = None

    def station(self, name: str) -> Station:
        return next(station for station in self.stations if station.name == name)

    def others(self, *these: Station) -> list[Station]:
        return [station for station in self.stations if station not in these]

    def stands(self, stage: Stage, number: int | None = None) -> bool:
        found = self.chain.round(self.swarm)
        return found is not None and found.stage is stage and number in (None, found.number)

    def leader(self) -> Station | None:
        found = self.chain.round(self.swarm)
        if found is None or found.leader is None:
            return None
        return self.station(NAMES[found.leader])

    def newest(self) -> int:
        merged = self.chain.swarm(self.swarm).newest
        return 0 if merged is None else merged.round

    def arrived(self, station: Station, number: int) -> bool:
        node = self.chain.node(self.swarm, station.key.address)
        return node is not None and node.round == number

    def status(self, station: Station) -> dict[str, Any]:
        """What ``swarm status --json`` says on a member's machine."""
        environment = os.environ | {"DECENTRALML_HOME": str(station.home)}
        command = [sys.executable, "-m", "decentralml", "swarm", "status", str(self.swarm)]
        command += ["--as", station.key.name, "--chain", f"ws://127.0.0.1:{self.port}", "--json"]
        done = subprocess.run(command, env=environment, capture_output=True, timeout=60, check=True)
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def ended_alike(self, stations: Sequence[Station] | None = None) -> set[int]:
        """That all ended with the same model; the rounds of those."""
        found = [station.ended() for station in stations or self.stations]
        assert len({each["sha256"] for each in found}) == 1, found
        return {each["round"] for each in found}

    def merged(self) -> dict[int, RoundMerged]:
        """Every model that was published, by round, after a look at what must never be.

        No node arrives twice in a round, no update is in two models, and no round has two.
        """
        arrived: dict[tuple[int, str], Arrived] = {}
        merged: dict[int, RoundMerged] = {}
        for block in range(1, self.chain.info().block + 1):
            for event in self.chain.events(block):
                if isinstance(event, Arrived):
                    assert (event.round, event.who) not in arrived
                    arrived[event.round, event.who] = event
                if isinstance(event, RoundMerged):
                    assert event.round not in merged
                    merged[event.round] = event
        in_models = [
            (event.who, event.cid)
            for event in arrived.values()
            if event.round in merged
            and event.who not in {who for who, _ in merged[event.round].left_out}
        ]
        assert len(in_models) == len(set(in_models)), "an update was merged twice"
        return merged

    def _answers(self) -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False


@contextmanager
def theatre(
    folder: Path,
    nodes: int,
    *,
    network: Network | None = None,
    unwilling: Sequence[int] = (),
    **terms: Any,
) -> Iterator[Theatre]:
    """A swarm of so many processes, registered and not started; all that was started is ended."""
    home = new_home(folder)
    config = folder / "config.json"
    config.write_bytes(SwarmConfig(100_000, SPECS, {"sync_frequency": 8}).encode())
    wanted = SwarmTerms(
        config=cid_of(config),
        merge=MergeMethod.MEAN,
        min_peers=2,
        max_peers=12,
        admission=Admission.OPEN,
        quorum_wait=2_000,
        leader_timeout=4_000,
    )
    chain = connect(Config(home))
    created = chain.submit(CreateSwarm(replace(wanted, **terms)), KEYS[0]).find(SwarmCreated)
    assert created is not None
    genesis = bytes.fromhex(chain.info().genesis.removeprefix("0x"))
    found = Theatre(home, config, created.swarm, genesis, chain, free_port(), network)
    try:
        for place, key in enumerate(KEYS[:nodes]):
            own = folder / NAMES[key.address]
            own.mkdir()
            node = NodeHome.of(own, genesis, created.swarm, key.address)
            namespace = None if network is None else network.names[place]
            at = f"127.0.0.1:{free_port()}"
            if network is not None:
                at = f"{network.address(place)}:{PORT}"
            willing = place not in unwilling
            join(chain, key, created.swarm, node, genesis, address=at, willing=willing)
            line = Line(found.port, namespace)
            found.stations.append(Station(found, key, own, node, line, namespace))
        found.serve()
        yield found
    except BaseException:
        for station in found.stations:
            for log in sorted(station.home.glob("run-*.log")):
                print(f"--- {station.name} {log.name}\n{log.read_text('utf-8', 'replace')}")
        raise
    finally:
        for station in found.stations:
            station.end()
            station.line.close()
        found.silence()
        chain.close()


def each(stations: Sequence[Station], action: Callable[[Station], object]) -> None:
    for station in stations:
        action(station)


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
