"""Disks that are full while a swarm's processes train: a node's files are on a small one."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from swarm_hostile_support import caught_leading, number_of
from swarm_processes_support import Station, Theatre, each, theatre
from swarm_support import until

ROUNDS = 5


def test_a_node_with_a_full_disk_says_so_once_and_catches_up_when_there_is_room(
    tmp_path: Path,
) -> None:
    with theatre(tmp_path, 3) as stage, small_disk(stage.stations[2]) as victim:
        each(stage.stations, lambda station: station.start(ROUNDS))
        until(lambda: stage.newest() >= 1)
        others = stage.others(victim)
        each(others, lambda station: station.gate.unlink())
        until(lambda: waits_alone(stage, victim))
        ballast = fill(victim)
        each(others, lambda station: station.gate.touch())
        assert stage.ended_alike(others) == {ROUNDS}
        said = [line["reason"] for line in victim.told("trouble")]
        assert said and all("the disk is full" in reason for reason in said)
        assert len(said) <= ROUNDS, "once for each model"
        assert not victim.told("objected"), "the model is sound"
        assert victim.process is not None and victim.process.poll() is None
        ballast.unlink()
        assert stage.ended_alike() == {ROUNDS}
        assert "Traceback" not in victim.log.read_text()
        stage.merged()


def test_a_leader_with_a_full_disk_leaves_it_to_another(tmp_path: Path) -> None:
    with (
        theatre(tmp_path, 4, unwilling=(2, 3), quorum_wait=6_000, leader_timeout=60_000) as stage,
        small_disk(stage.stations[0]),
        small_disk(stage.stations[1]),
    ):
        each(stage.stations, lambda station: station.start(ROUNDS))
        until(lambda: stage.newest() >= 1)
        leader, servers = caught_leading(stage)
        number = number_of(stage)
        ballast = fill(leader)
        each(servers, lambda station: station.thaw())
        until(lambda: stage.newest() >= number)
        (said,) = leader.told("stepped-down")
        assert "the disk is full" in said["reason"]
        assert stage.merged()[number].leader != leader.key.address
        assert stage.ended_alike(stage.others(leader)) == {ROUNDS}
        ballast.unlink()
        assert stage.ended_alike() == {ROUNDS}
        stage.merged()


@contextmanager
def small_disk(station: Station) -> Iterator[Station]:
    """Put a node's folder on a disk of 256 KiB."""
    kept = station.home / "kept"
    folder = station.node.folder
    shutil.copytree(folder, kept)
    command = ["mount", "-t", "tmpfs", "-o", "size=256k,mode=700", "tmpfs", str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"no disk could be mounted ({done.stderr.strip()}): NO disk was full")
    except FileNotFoundError:
        pytest.skip("there is no mount here: NO disk was full")
    try:
        shutil.copytree(kept, folder, dirs_exist_ok=True)
        yield station
    finally:
        station.end()
        subprocess.run(["umount", "--lazy", str(folder)], check=False)


def fill(station: Station) -> Path:
    """Leave no room at all on a station's disk; the file that takes it."""
    ballast = station.node.folder / "ballast"
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(bytes(512)):
            pass
    return ballast


def waits_alone(stage: Theatre, station: Station) -> bool:
    """Whether a station has arrived in the open round, and nobody else."""
    found = stage.chain.round(stage.swarm)
    return found is not None and found.arrivals == 1 and stage.arrived(station, found.number)
