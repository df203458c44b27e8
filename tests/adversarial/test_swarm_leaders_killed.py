"""Leaders of a swarm of real processes, killed at each step: others take over, or they go on.

After each all that end have the same model, and no update counts twice.
"""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from swarm_hostile_support import caught_leading, everybody_waits, number_of
from swarm_processes_support import ROUNDS, begin, each, theatre
from swarm_support import until

from decentralml.chain.swarm.words import Fault, Stage

LEADER_TIMEOUT = 4.0


def test_a_leader_killed_while_it_collects_is_replaced(tmp_path: Path) -> None:
    """It has arrived, so it can be drawn, and does nothing any more."""
    with theatre(tmp_path, 4, unwilling=(2, 3), quorum_wait=6_000) as stage:
        begin(stage)
        slow = stage.stations[3]
        slow.gate.unlink()
        until(lambda: stage.newest() + 1 == number_of(stage) and stage.stands(Stage.COLLECTING))
        number = number_of(stage)
        victim = stage.stations[0]
        until(lambda: stage.arrived(victim, number))
        victim.kill()
        slow.gate.touch()
        started = time.monotonic()
        until(lambda: stage.newest() >= number)
        assert time.monotonic() - started < LEADER_TIMEOUT + 20
        assert stage.ended_alike(stage.others(victim)) == {ROUNDS + 1}
        leaders = {event.leader for event in stage.merged().values() if event.round >= number}
        assert leaders == {stage.stations[1].key.address}


@pytest.mark.parametrize("moment", ["merging", "publishing"])
def test_a_leader_killed_before_it_has_published_is_replaced(tmp_path: Path, moment: str) -> None:
    with theatre(tmp_path, 4, unwilling=(2, 3), quorum_wait=6_000) as stage:
        begin(stage)
        leader, servers = caught_leading(stage)
        number = number_of(stage)
        if moment == "publishing":
            # It gets all it needs and merges, but the chain does not hear of it.
            leader.line.cut()
            files = len(list(leader.node.shelf.iterdir()))
            each(servers, lambda station: station.thaw())
            until(lambda: len(list(leader.node.shelf.iterdir())) > files + len(servers))
        leader.kill()
        each(servers, lambda station: station.thaw())
        started = time.monotonic()
        until(lambda: stage.newest() >= number)
        assert time.monotonic() - started < LEADER_TIMEOUT + 20
        assert stage.ended_alike(stage.others(leader)) == {ROUNDS + 1}
        event = stage.merged()[number]
        assert event.leader != leader.key.address
        assert dict(event.left_out).get(leader.key.address) in (None, Fault.UNREACHABLE)


def test_a_leader_killed_and_started_again_goes_on(tmp_path: Path) -> None:
    """Its training lives on, finds the restarted node, and gets its answer."""
    with theatre(
        tmp_path, 4, unwilling=(1, 2, 3), quorum_wait=6_000, leader_timeout=30_000
    ) as stage:
        begin(stage)
        leader, servers = caught_leading(stage)
        number = number_of(stage)
        leader.kill_node()
        each(servers, lambda station: station.thaw())
        leader.start(ROUNDS + 1)
        assert stage.ended_alike() == {ROUNDS + 1}
        assert stage.merged()[number].leader == leader.key.address


def test_a_leader_killed_once_it_has_published_what_nobody_has_ends_with_the_others_model(
    tmp_path: Path,
) -> None:
    """Its own training is not let go before another node has the model: it would end with one that
    the others have overturned."""
    with theatre(tmp_path, 4, unwilling=(2, 3), quorum_wait=6_000, leader_timeout=12_000) as stage:
        each(stage.stations, lambda station: station.start(1))
        each(stage.stations, lambda station: station.gate.unlink())
        everybody_waits(stage)
        leader, servers = caught_leading(stage)
        (other,) = stage.others(leader, *servers)
        leader.line.cut()
        files = len(list(leader.node.shelf.iterdir()))
        each(servers, lambda station: station.thaw())
        until(lambda: len(list(leader.node.shelf.iterdir())) > files + len(servers))
        each([other, *servers], lambda station: station.freeze())
        leader.line.mend()
        until(lambda: bool(leader.told("published")))
        assert stage.newest() == 1
        until(lambda: bool(leader.told("loaded")))
        assert "waits for another node" in stage.status(leader)["own"]["waits"]
        leader.kill()
        assert not leader.result.exists()
        each([other, *servers], lambda station: station.thaw())
        assert stage.ended_alike([other, *servers]) == {2}
        leader.start(1)
        assert stage.ended_alike() == {2}
        assert set(stage.merged()) == {2}
