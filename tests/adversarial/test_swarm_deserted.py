"""What those who are left of a swarm of real processes do once too few are left of a round.

Neither a model that nobody alive has nor a training that has ended must be the end of it.
"""

from __future__ import annotations

import time
from pathlib import Path

from swarm_processes_support import each, theatre
from swarm_support import until

from decentralml.chain.swarm.calls import Arrive, FinishTraining, Publish, Ready
from decentralml.chain.swarm.events import MergedOverturned
from decentralml.chain.swarm.words import Presence, Stage
from decentralml.storage.unixfs import cid_of
from decentralml.swarm.node.joining import join

LEADER_TIMEOUT = 4.0


def test_two_of_six_that_are_left_with_a_model_that_nobody_has_go_on(tmp_path: Path) -> None:
    """Four arrived, one of them published, and all four are gone: two are never more than half of
    six, and have nothing to arrive with."""
    with theatre(tmp_path, 6, unwilling=(0, 1, 3, 4, 5), quorum_wait=6_000) as stage:
        left, gone = stage.stations[:2], stage.stations[2:]
        for station in gone:
            stage.chain.submit(Ready(stage.swarm), station.key)
        each(left, lambda station: station.start(3))
        until(lambda: all(stage.arrived(station, 1) for station in left))
        for place, station in enumerate(gone):
            own = tmp_path / f"own-{place}"
            own.write_bytes(bytes([place]))
            stage.chain.submit(Arrive(stage.swarm, 1, 0, cid_of(own)), station.key)
        until(lambda: stage.stands(Stage.MERGING, 1))
        leader = stage.leader()
        assert leader is gone[0], "the only one that is willing"
        nowhere = tmp_path / "nowhere"
        nowhere.write_bytes(b"a model that nobody has")
        stage.chain.submit(Publish(stage.swarm, 1, cid_of(nowhere), 6), leader.key)
        published = time.monotonic()
        # One of those that are left has to lead from now on.
        join(stage.chain, left[0].key, stage.swarm, left[0].node, stage.genesis, willing=True)
        until(lambda: any(isinstance(event, MergedOverturned) for event in stage.events()))
        assert LEADER_TIMEOUT - 1 < time.monotonic() - published < LEADER_TIMEOUT + 20
        assert stage.ended_alike(left) == {3}
        merged = stage.merged()
        assert set(merged) == {2, 3} and all(said.merged == 2 for said in merged.values())
        assert all(station.told("objected") for station in left)
        node = stage.chain.node(stage.swarm, leader.key.address)
        assert node is not None and node.willing and node.barred


def test_two_of_three_go_on_merging_once_the_third_has_ended_as_a_snapshot(tmp_path: Path) -> None:
    """Its node is gone, too: the others have copies of its last update, which goes on counting."""
    with theatre(tmp_path, 3, min_peers=3) as stage:
        third, *left = stage.stations
        third.start(1)
        each(left, lambda station: station.start(3))
        third.ended()
        until(lambda: all(stage.arrived(station, 2) for station in left))
        assert stage.newest() == 1
        said = stage.status(left[0])
        assert (said["needed"], said["arrived"]) == (3, 2) and "inactive" in said["text"]
        each(left, lambda station: station.gate.unlink())
        stage.chain.submit(FinishTraining(stage.swarm, Presence.SNAPSHOT), third.key)
        node = stage.chain.node(stage.swarm, third.key.address)
        assert node is not None and node.cid is not None
        update = node.cid
        until(lambda: stage.newest() == 2)
        until(lambda: all((station.node.shelf / update).exists() for station in left))
        third.kill()
        each(left, lambda station: station.gate.touch())
        assert stage.ended_alike(left) == {3}
        merged = stage.merged()
        assert {number: said.merged for number, said in merged.items()} == {1: 3, 2: 3, 3: 3}
        assert not merged[3].left_out
