"""Members of a swarm that send what is no update, and leaders that publish what is no model.

The others are real processes. A hostile one runs an honest node without a training; what it sends
is put on its shelf and sent with its key here.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from swarm_hostile_support import arrive, caught_leading, everybody_waits, number_of, shelve
from swarm_processes_support import Theatre, each, theatre
from swarm_support import SPECS, until, write_model

from decentralml.bundles.manifest import TensorSpec
from decentralml.chain.swarm.calls import Publish
from decentralml.chain.swarm.events import MergedOverturned
from decentralml.chain.swarm.words import Fault
from decentralml.storage.unixfs import cid_of

LIMIT = 100_000
"""Bytes of an update, as the theatre's swarms agree."""
ROUNDS = 3


def garbage(path: Path) -> Path:
    path.write_bytes(np.random.default_rng(1).bytes(300))
    return path


def too_large(path: Path) -> Path:
    path.write_bytes(bytes(LIMIT + 1))
    return path


def another_architecture(path: Path) -> Path:
    return write_model(path, 1.0, {**SPECS, "weight": TensorSpec("F32", (3, 4))})


def not_finite(path: Path) -> Path:
    return write_model(path, float("nan"))


BAD = {
    garbage: Fault.DAMAGED,
    too_large: Fault.TOO_LARGE,
    another_architecture: Fault.STRUCTURE,
    not_finite: Fault.NOT_FINITE,
}


def test_members_that_send_what_is_no_update_are_left_out_by_name(tmp_path: Path) -> None:
    """Twice as many as those that train: all are judged one by one."""
    with theatre(tmp_path, 6, unwilling=(2, 3, 4, 5), quorum_wait=10_000) as stage:
        honest, hostile = stage.stations[:2], stage.stations[2:]
        each(hostile, lambda station: station.start_node())
        each(honest, lambda station: station.start(2))
        each(honest, lambda station: station.gate.unlink())
        everybody_waits(stage)
        expected = {}
        for station, make in zip(hostile, BAD, strict=True):
            arrive(stage, station, shelve(station, make(tmp_path / make.__name__)))
            expected[station.key.address] = BAD[make]
        each(honest, lambda station: station.gate.touch())
        until(lambda: stage.newest() >= 1)
        first = stage.merged()[1]
        assert dict(first.left_out) == expected
        assert first.merged == len(honest)
        # Once more: a file that is nowhere, and one that is not what its name says.
        until(lambda: number_of(stage) == 2)
        nowhere, liar, *again = hostile
        arrive(stage, nowhere, cid_of(write_model(tmp_path / "nowhere", 1.0)))
        named = cid_of(write_model(tmp_path / "named", 2.0))
        write_model(liar.node.shelf / named, 3.0)
        arrive(stage, liar, named)
        for station in again:
            arrive(stage, station, shelve(station, garbage(tmp_path / station.name / "bad")))
        until(lambda: stage.newest() >= 2)
        left_out = dict(stage.merged()[2].left_out)
        assert left_out[nowhere.key.address] is Fault.UNREACHABLE
        assert left_out[liar.key.address] in (Fault.DAMAGED, Fault.UNREACHABLE)
        assert stage.ended_alike(honest) == {2}
        assert stage.merged()[2].merged == len(honest)
        for station in hostile:
            assert station.process is not None and station.process.poll() is None
            assert "Traceback" not in station.log.read_text()


@pytest.mark.parametrize("kind", ["garbage", "nowhere"])
def test_a_leader_that_publishes_what_is_no_model_is_overturned(tmp_path: Path, kind: str) -> None:
    with theatre(tmp_path, 4, unwilling=(2, 3), quorum_wait=6_000) as stage:
        each(stage.stations, lambda station: station.start(ROUNDS))
        until(lambda: stage.newest() >= 1)
        leader, servers = caught_leading(stage)
        number = number_of(stage)
        leader.freeze()
        bad = garbage(tmp_path / "garbage")
        cid = cid_of(bad) if kind == "nowhere" else shelve(leader, bad)
        stage.chain.submit(Publish(stage.swarm, number, cid, 4), leader.key)
        assert stage.newest() == number
        each([leader, *servers], lambda station: station.thaw())
        assert stage.ended_alike() == {ROUNDS if number < ROUNDS else number + 1}
        merged = stage.merged()
        assert number not in merged and overturned(stage) == [number]
        assert leader.key.address not in {event.leader for n, event in merged.items() if n > number}
        node = stage.chain.node(stage.swarm, leader.key.address)
        assert node is not None and node.barred
        other = stage.others(leader, *servers)[0]
        (said,) = other.told("objected")
        assert said["cid"] == cid and said["reason"]


def overturned(stage: Theatre) -> list[int]:
    return [event.round for event in stage.events() if isinstance(event, MergedOverturned)]
