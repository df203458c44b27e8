"""What may happen to the processes of a swarm while they train: real nodes, real TLS, real signals.

After each: nothing hangs past its time, all that end have the same model, no update counts twice.
"""

from __future__ import annotations

import signal
import time
from pathlib import Path

from swarm_processes_support import ROUNDS, Theatre, begin, each, theatre
from swarm_support import until

from decentralml.chain.swarm.words import Stage


def test_a_third_of_the_nodes_die_and_one_comes_back_late(tmp_path: Path) -> None:
    with theatre(tmp_path, 6) as stage:
        begin(stage)
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


def test_a_slow_node_keeps_nobody_longer_than_the_deadline(tmp_path: Path) -> None:
    with theatre(tmp_path, 4) as stage:
        begin(stage)
        slow = stage.stations[2]
        slow.freeze()
        assert stage.ended_alike(stage.others(slow)) == {ROUNDS + 1}
        slow.thaw()
        assert stage.ended_alike() == {ROUNDS + 1}
        stage.merged()


def test_below_the_minimum_status_says_who_is_waited_for_and_why(tmp_path: Path) -> None:
    with theatre(tmp_path, 3, min_peers=3) as stage:
        begin(stage)
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
        begin(stage)
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


def waited_for(stage: Theatre) -> list[str]:
    """Whom the open round waits for."""
    return [awaited["who"] for awaited in stage.status(stage.stations[0])["waits_for"]]
