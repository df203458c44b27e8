"""Trainings and nodes that are killed apart from each other, and started again."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from swarm_hostile_support import number_of
from swarm_processes_support import each, theatre
from swarm_support import until, write_model

from decentralml.chain.swarm.words import Stage
from decentralml.storage.unixfs import cid_of

ROUNDS = 4


def test_a_training_that_is_killed_leaves_its_node_and_another_takes_its_place(
    tmp_path: Path,
) -> None:
    """Killed after its update has arrived: that is merged all the same."""
    with theatre(tmp_path, 3) as stage:
        each(stage.stations, lambda station: station.start(ROUNDS))
        until(lambda: stage.newest() >= 1)
        victim = stage.stations[1]
        others = stage.others(victim)
        each(others, lambda station: station.gate.unlink())
        until(lambda: stage.stands(Stage.COLLECTING) and stage.arrived(victim, number_of(stage)))
        number = number_of(stage)
        os.kill(victim.training, signal.SIGKILL)
        until(lambda: bool(victim.told("command-ended")))
        each(others, lambda station: station.gate.touch())
        until(lambda: stage.newest() >= number)
        event = stage.merged()[number]
        assert event.merged == 3 and not event.left_out
        assert victim.process is not None and victim.process.poll() is None
        again = victim.train(ROUNDS)
        try:
            assert stage.ended_alike() == {ROUNDS}
            assert again.wait(60) == 0
        finally:
            again.kill()
        stage.merged()


def test_a_follower_started_again_answers_the_training_that_waits(tmp_path: Path) -> None:
    """Its training asked the node before; the update counts, once."""
    with theatre(tmp_path, 3, unwilling=(2,)) as stage:
        each(stage.stations, lambda station: station.start(ROUNDS))
        until(lambda: stage.newest() >= 1)
        follower = stage.stations[2]
        others = stage.others(follower)
        each(others, lambda station: station.gate.unlink())
        until(lambda: stage.stands(Stage.COLLECTING) and stage.arrived(follower, number_of(stage)))
        number = number_of(stage)
        training = follower.training
        follower.kill_node()
        follower.start(ROUNDS)
        until(lambda: bool(follower.told("waiting")))
        each(others, lambda station: station.gate.touch())
        assert stage.ended_alike() == {ROUNDS}
        assert follower.training == training
        synced = {each[0]: each[1:] for each in follower.ended()["synced"]}
        assert synced[number] == [3, True]
        assert stage.merged()[number].merged == 3


def test_a_node_killed_while_it_took_its_configuration_starts_again(tmp_path: Path) -> None:
    """It left a second name of a file on its shelf, where the next one is written."""
    with theatre(tmp_path, 2) as stage:
        first = stage.stations[0]
        scratch = first.node.scratch / "config.json"
        scratch.parent.mkdir()
        first.node.shelf.mkdir()
        earlier = write_model(tmp_path / "earlier", 1.0)
        held = first.node.shelf / cid_of(earlier)
        earlier.rename(held)
        held.chmod(0o444)
        scratch.hardlink_to(held)
        first.start_node()
        until(lambda: bool(first.told("waiting")))
        assert cid_of(held) == held.name
