"""Swarms of real processes: each node one of its own, a served chain, lines that can be cut.

Nodes reach the chain through a :class:`Line` each, so that a test cuts one node off, or has the
chain go away for all. In a :class:`Network` each node has a network namespace and an address of its
own, and the links between them can be parted.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from chain_support import new_home
from swarm_network_support import Line, Network, own_ports
from swarm_support import KEYS, NAMES, SPECS, until

from decentralml.chain.api import Chain
from decentralml.chain.connect import connect
from decentralml.chain.keys import Key
from decentralml.chain.swarm.calls import CreateSwarm
from decentralml.chain.swarm.events import Arrived, MergedOverturned, RoundMerged, SwarmCreated
from decentralml.chain.swarm.words import Admission, MergeMethod, Stage, SwarmId, SwarmTerms
from decentralml.config import Config
from decentralml.storage.unixfs import cid_of
from decentralml.swarm.config import SwarmConfig
from decentralml.swarm.node.home import NodeHome
from decentralml.swarm.node.joining import join

ROUNDS = 3
"""To come after the first."""
TRAINER = Path(__file__).with_name("swarm_trainer.py")
PORT = 7441
"""Of a node in a namespace of its own."""


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
        self.gate.touch()
        return self._run(["--", *self._trainer(rounds, patience)])

    def start_node(self) -> Station:
        """Run the node alone: no training comes."""
        return self._run([])

    def train(self, rounds: int, *, patience: float = 90.0) -> subprocess.Popen[bytes]:
        """Start a training beside the node, as a user would by hand."""
        self.gate.touch()
        environment = os.environ | {
            "DECENTRALML_SWARM_SOCKET": str(self.node.socket),
            "PYTHONPATH": os.pathsep.join(sys.path),
        }
        return subprocess.Popen(self._trainer(rounds, patience), env=environment)

    def _trainer(self, rounds: int, patience: float) -> list[str]:
        named = [str(TRAINER), str(rounds), str(self.gate), str(self.result), str(patience)]
        return [sys.executable, *named]

    def _run(self, words: list[str]) -> Station:
        self.runs += 1
        command = [sys.executable, "-m", "decentralml", "swarm", "run", str(self.theatre.swarm)]
        command += ["--config", str(self.theatre.config), "--log-json", "--as", self.key.name]
        command += words
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

    @property
    def training(self) -> int:
        """The training process that a node of this one's has started."""
        return int(json.loads(self.node.training.read_bytes())["pid"])

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
            os.kill(self.training, signal.SIGKILL)

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

    def events(self) -> Iterator[object]:
        """Everything that the chain tells, in order."""
        for block in range(1, self.chain.info().block + 1):
            yield from self.chain.events(block)

    def merged(self) -> dict[int, RoundMerged]:
        """Every model that was published and stands, by round, after a look at what must never be.

        No node arrives twice in a round, no update is in two models, and no round has two.
        """
        arrived: dict[tuple[int, str], Arrived] = {}
        merged: dict[int, RoundMerged] = {}
        numbers: set[int] = set()
        for event in self.events():
            if isinstance(event, Arrived):
                assert (event.round, event.who) not in arrived
                arrived[event.round, event.who] = event
            if isinstance(event, RoundMerged):
                assert event.round not in numbers
                numbers.add(event.round)
                merged[event.round] = event
            if isinstance(event, MergedOverturned):
                del merged[event.round]
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
    serving, *ports = own_ports(1 + nodes)
    found = Theatre(home, config, created.swarm, genesis, chain, serving, network)
    try:
        for place, key in enumerate(KEYS[:nodes]):
            own = folder / NAMES[key.address]
            own.mkdir()
            node = NodeHome.of(own, genesis, created.swarm, key.address)
            namespace = None if network is None else network.names[place]
            at = f"127.0.0.1:{ports[place]}"
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


def begin(stage: Theatre, rounds: int = ROUNDS) -> None:
    """Start everybody, with so many rounds to come after the first, which is merged."""
    each(stage.stations, lambda station: station.start(rounds + 1))
    until(lambda: stage.newest() >= 1)
