"""The parts of a node: its configuration, its link, the training process it starts."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest
from swarm_support import SPECS, until, write_model

from decentralml.chain.swarm.words import Fault, Presence
from decentralml.errors import (
    NodeAway,
    NodeRefused,
    SwarmConfigInvalid,
    SwarmIsClosed,
    TrainingUnstartable,
)
from decentralml.swarm.config import SwarmConfig, config_of
from decentralml.swarm.link import Link
from decentralml.swarm.node.command import Training
from decentralml.swarm.node.listening import Listener, Request
from decentralml.swarm.rounds.background import Background

CONFIG = SwarmConfig(1000, SPECS, {"sync_frequency": 8})

# -- configuration


def test_a_configuration_is_read_as_it_was_written(tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    file.write_bytes(CONFIG.encode())
    assert SwarmConfig.read(file) == CONFIG
    file.write_bytes(SwarmConfig(5).encode())
    assert SwarmConfig.read(file) == SwarmConfig(5, None, {})


def test_a_model_gives_the_configuration_of_its_swarm(tmp_path: Path) -> None:
    found = config_of(write_model(tmp_path / "model.safetensors", 1.0))
    assert found.tensors == SPECS
    assert found.update_bytes == 2 * 4 * 15 + (1 << 20)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (b"not json", "not JSON"),
        ({"format": 2}, "format is 2"),
        ({"update_bytes": 0}, "update_bytes"),
        ({"update_bytes": True}, "update_bytes"),
        ({"training": []}, "training"),
        ({"tensors": {}}, "at least one tensor"),
        ({"tensors": {"a": {"dtype": "X9", "shape": []}}}, "no type of tensors"),
        ({"tensors": {"a": {"dtype": "F32", "shape": [-1]}}}, "no shape"),
        ({"tensors": {"a": {"dtype": "F32"}}}, "exactly"),
        ({"more": 1}, "exactly"),
    ],
)
def test_what_is_no_configuration_is_named(change: Any, problem: str) -> None:
    data = change
    if isinstance(change, dict):
        data = json.dumps(json.loads(CONFIG.encode()) | change).encode()
    with pytest.raises(SwarmConfigInvalid, match=problem):
        SwarmConfig.decode(data, "it")


def test_a_configuration_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SwarmConfigInvalid, match="No such file"):
        SwarmConfig.read(tmp_path / "none")


# -- the link


class Desk(threading.Thread):
    """Answers requests as it is told to; a stand-in for a node."""

    def __init__(self, path: Path) -> None:
        super().__init__(daemon=True)
        self.requests: SimpleQueue[Request] = SimpleQueue()
        self.seen: list[Request] = []
        self.listener = Listener(path, self.requests)
        self.listener.start()
        self.start()

    def run(self) -> None:
        while (request := self.requests.get()).do != "end":
            self.seen.append(request)
            if request.do == "hello":
                request.answer()
            elif request.do == "begin":
                request.answer(newest=None, round=4, folder="/f", training={"a": 1})
            elif request.do == "finish":
                request.refuse(SwarmIsClosed(3))

    def asked(self, do: str, count: int = 1) -> Request:
        until(lambda: sum(each.do == do for each in self.seen) >= count)
        return [each for each in self.seen if each.do == do][count - 1]

    def end(self) -> None:
        self.requests.put(Request("end"))
        self.listener.close()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    found = Desk(tmp_path / "node.sock")
    yield found
    found.end()


def test_a_sync_is_told_what_is_waited_for_and_then_the_outcome(desk: Desk) -> None:
    told: list[str] = []

    def node() -> None:
        request = desk.asked("sync")
        request.tell("for bob")
        request.tell("for bob")
        request.tell("for carol")
        done = {"path": "/m", "round": 5, "merged": 3, "left_out": [["5F", "NotFinite"]]}
        request.answer(**done, counted=False)

    threading.Thread(target=node, daemon=True).start()
    with Link.connect(desk.listener.path) as link:
        begun = link.begin({"batch": 8})
        assert (begun.round, begun.newest, begun.training) == (4, None, {"a": 1})
        found = link.sync(Path("/u"), deadline=30, told=told.append)
    assert told == ["for bob", "for carol"]
    assert (found.path, found.round, found.merged, found.counted) == (Path("/m"), 5, 3, False)
    assert found.left_out == (("5F", Fault.NOT_FINITE),)
    fields = desk.asked("sync").fields
    assert fields["base"] == 4 and 29 < fields["seconds"] <= 30
    assert desk.asked("begin").fields["info"] == {"batch": 8}


def test_a_refusal_comes_with_its_name_and_words(desk: Desk) -> None:
    with Link.connect(desk.listener.path) as link, pytest.raises(NodeRefused) as caught:
        link.finish(Presence.SNAPSHOT)
    assert caught.value.kind == "SwarmIsClosed"
    assert "swarm 3 is closed" in str(caught.value)


def test_a_node_that_comes_back_is_asked_again(tmp_path: Path) -> None:
    path = tmp_path / "node.sock"
    first = Desk(path)
    found: list[Any] = []

    def train() -> None:
        with Link.connect(path, 30) as link:
            link.begin()
            found.append(link.sync(Path("/u")))

    training = threading.Thread(target=train, daemon=True)
    training.start()
    first.asked("sync")
    first.end()
    second = Desk(path)
    done = {"path": "/m", "round": 5, "merged": 2, "left_out": [], "counted": True}
    second.asked("sync").answer(**done)
    training.join(20)
    second.end()
    assert found[0].round == 5


def test_a_node_that_stays_away_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NodeAway, match="no such socket"):
        Link.connect(tmp_path / "none.sock", 0.0)
    monkeypatch.delenv("DECENTRALML_SWARM_SOCKET", raising=False)
    with pytest.raises(NodeAway, match="not set"):
        Link.connect()
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(str(tmp_path / "dead.sock"))
    dead.close()
    with pytest.raises(NodeAway, match="nobody listens"):
        Link.connect(tmp_path / "dead.sock", 0.0)


def test_who_hangs_up_while_it_waits_is_noticed(desk: Desk) -> None:
    link = Link.connect(desk.listener.path, 0.0)
    stream = link._open()
    stream.write(b'{"do": "sync"}\n')
    stream.flush()
    request = desk.asked("sync")
    link.close()
    assert desk.asked("gone").about is request


def test_a_socket_may_lie_deep_and_is_its_owners(tmp_path: Path) -> None:
    folder = tmp_path / ("deep" * 30) / ("deeper" * 30)
    folder.mkdir(parents=True)
    desk = Desk(folder / "node.sock")
    with Link.connect(folder / "node.sock", 5.0) as link:
        link.begin()
    assert (folder / "node.sock").stat().st_mode & 0o777 == 0o600
    desk.end()


@pytest.mark.parametrize("noise", [b"\xff\xfe\n", b"[]\n", b"\n", b"x" * 100 + b"\n"])
def test_noise_on_the_link_harms_nobody(desk: Desk, noise: bytes) -> None:
    with socket.socket(socket.AF_UNIX) as loud:
        loud.connect(str(desk.listener.path))
        loud.sendall(noise)
        loud.settimeout(10)
        assert loud.recv(100) == b""
    Link.connect(desk.listener.path, 5.0).close()


# -- the training process


def test_a_training_process_is_started_once_and_found_again(tmp_path: Path) -> None:
    note = tmp_path / "training.json"
    command = [sys.executable, "-c", "import sys; sys.stdin.read(); sys.exit(3)"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe) as process:
        started = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[19]
        record = {"command": command, "pid": process.pid, "started": int(started)}
        note.write_text(json.dumps(record))
        found = Training.start(command, note, {})
        assert found.adopted and found.pid == process.pid and found.ended() is None
        assert process.stdin is not None
        process.stdin.close()
        until(lambda: found.ended() is not None)
        assert found.ended() == 0, "nobody knows how it ended"
    other = Training.start([sys.executable, "-c", "import sys; sys.exit(3)"], note, {})
    assert not other.adopted
    until(lambda: other.ended() is not None)
    assert other.ended() == 3


def test_a_training_process_is_told_where_its_node_is_and_can_be_stopped(tmp_path: Path) -> None:
    out = tmp_path / "out"
    script = f"import os,time; open({str(out)!r}, 'w').write(os.environ['X']); time.sleep(60)"
    found = Training.start([sys.executable, "-c", script], tmp_path / "note", {"X": "here"})
    until(lambda: out.exists() and out.read_text() == "here")
    found.stop()
    assert found.ended() not in (None, 0)


def test_a_command_that_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(TrainingUnstartable, match="no-such-program"):
        Training.start(["no-such-program"], tmp_path / "note", {})
    assert list(tmp_path.iterdir()) == []


# -- work beside the loop


def test_work_beside_the_loop_has_one_outcome() -> None:
    work: Background[int] = Background("test")
    go = threading.Event()

    def slow() -> int:
        go.wait(10)
        return 7

    assert work.outcome("a", slow) == []
    assert work.is_busy
    assert work.outcome("b", lambda: 8) == [], "one at a time"
    go.set()
    found: list[int] = []
    until(lambda: bool(found.extend(work.outcome("a", slow)) or found))
    assert found == [7] and not work.is_busy

    def fails() -> int:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        until(lambda: bool(work.outcome("c", fails)))
