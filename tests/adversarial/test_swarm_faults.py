"""What may happen to the processes of a swarm while they train: real nodes, real TLS, real signals.

After each: nothing hangs past its time, all that end have the same model, no update counts twice.
"""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest
from swarm_processes_support import Theatre, each, theatre
from swarm_support import until

from decentralml.chain.swarm.words import Fault, Stage

ROUNDS = 3
LEADER_TIMEOUT = 4.0


def begun(stage: Theatre, number: int = 1) -> None:
    """Everybody is started and the first rounds are merged."""
    each(stage.stations, lambda station: station.start(ROUNDS + number))
    until(lambda: stage.newest() >= number)


def test_a_third_of_the_nodes_die_and_one_comes_back_late(tmp_path: Path) -> None:
    with theatre(tmp_path, 6) as stage:
        begun(stage)
        dead = stage.stations[4:]
        each(dead, lambda station: station.kill())
        living = stage.others(*dead)
        rounds = stage.ended_alike(living)
        assert rounds == {ROUNDS + 1}
        late = dead[0].start(ROUNDS + 1)
        assert stage.ended_alike([*living, late]) == rounds
        merged = stage.merged()
        assert late.key.address not in {who for who, _ in merged[ROUNDS + 1].left_out}
        assert all(event.merged >= 4 for event in merged.values() if event.round > 2)


def test_a_leader_killed_while_it_collects_is_replaced(tmp_path: Path) -> None:
    """It has arrived, so it can be drawn, and does nothing any more."""
    with theatre(tmp_path, 4, unwilling=(2, 3), quorum_wait=6_000) as stage:
        begun(stage)
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
        begun(stage)
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
    with theatre(tmp_path, 4, unwilling=(1, 2, 3), quorum_wait=6_000, leader_timeout=30_000) as stage:
        begun(stage)
        leader, servers = caught_leading(stage)
        number = number_of(stage)
        leader.kill_node()
        each(servers, lambda station: station.thaw())
        leader.start(ROUNDS + 1)
        assert stage.ended_alike() == {ROUNDS + 1}
        assert stage.merged()[number].leader == leader.key.address


def test_a_slow_node_keeps_nobody_longer_than_the_deadline(tmp_path: Path) -> None:
    with theatre(tmp_path, 4) as stage:
        begun(stage)
        slow = stage.stations[2]
        slow.freeze()
        assert stage.ended_alike(stage.others(slow)) == {ROUNDS + 1}
        slow.thaw()
        assert stage.ended_alike() == {ROUNDS + 1}
        stage.merged()


def test_below_the_minimum_status_says_who_is_waited_for_and_why(tmp_path: Path) -> None:
    with theatre(tmp_path, 3, min_peers=3) as stage:
        begun(stage)
        missing = stage.stations[2]
        missing.kill()
        until(lambda: stage.stands(Stage.COLLECTING) and len(waited_for(stage)) == 1)
        said = stage.status(stage.stations[0])
        assert [awaited["who"] for awaited in said["waits_for"]] == [missing.key.address]
        assert all(awaited["why"] for awaited in said["waits_for"])
        assert said["arrived"] == 2 and said["needed"] == 3
        missing.start(ROUNDS + 1)
        assert stage.ended_alike() == {ROUNDS + 1}


def test_a_chain_that_is_down_for_a_while_is_waited_for(tmp_path: Path) -> None:
    """Ten seconds here; several trials to reach it fall into them."""
    with theatre(tmp_path, 4) as stage:
        begun(stage)
        stage.silence()
        away = time.monotonic() + 10
        until(lambda: time.monotonic() > away)
        assert not any(station.process and station.process.poll() for station in stage.stations)
        stage.serve()
        assert stage.ended_alike() == {ROUNDS + 1}
        stage.merged()


def test_ctrl_c_ends_a_node_and_another_of_the_same_account_is_refused(tmp_path: Path) -> None:
    with theatre(tmp_path, 2) as stage:
        first = stage.stations[0].start(1)
        until(lambda: bool(first.told("waiting")))
        assert first.process is not None
        running = first.process
        second = stage.stations[0].start(1)
        assert second.process is not None
        assert second.process.wait(60) == 1
        assert "already" in second.log.read_text()
        running.send_signal(signal.SIGINT)
        assert running.wait(60) in (0, 130)
        first.runs -= 1
        assert first.told("stopped")
        assert "Traceback" not in first.log.read_text()


def number_of(stage: Theatre) -> int:
    return stage.chain.swarm(stage.swarm).round


def waited_for(stage: Theatre) -> list[str]:
    """Whom the open round waits for."""
    return [awaited["who"] for awaited in stage.status(stage.stations[0])["waits_for"]]


def caught_leading(stage: Theatre):  # type: ignore[no-untyped-def]
    """A leader that cannot get on, as the others' files do not come; and those others, frozen."""
    willing, servers = stage.stations[:2], stage.stations[2:]
    each(stage.stations, lambda station: station.gate.unlink())
    until(lambda: not stage.stands(Stage.MERGING) and not stage.stands(Stage.DRAWING))
    number = number_of(stage)
    each(servers, lambda station: station.gate.touch())
    until(lambda: all(stage.arrived(station, number) for station in servers))
    each(servers, lambda station: station.freeze())
    each(willing, lambda station: station.gate.touch())
    until(lambda: stage.stands(Stage.MERGING, number))
    leader = stage.leader()
    assert leader in willing
    until(lambda: bool(leader.told("leads")))
    return leader, servers
