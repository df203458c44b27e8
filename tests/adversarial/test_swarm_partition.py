"""Two sides of a network that do not reach each other, each node with an address of its own."""

from __future__ import annotations

from pathlib import Path

import pytest
from swarm_network_support import network
from swarm_processes_support import each, theatre
from swarm_support import until

from decentralml.chain.swarm.words import Fault

NODES = 5
SMALLER = (3, 4)


@pytest.mark.parametrize("chain", ["chain on one side", "chain on both sides"])
def test_two_sides_heal_and_end_with_one_model(tmp_path: Path, chain: str) -> None:
    """The larger side goes on; the smaller, cut off from the chain or not, makes no other model."""
    cut_off = chain == "chain on one side"
    with (
        network(NODES) as net,
        theatre(tmp_path, NODES, network=net, min_peers=3, leader_timeout=8_000) as stage,
    ):
        smaller = [stage.stations[place] for place in SMALLER]
        larger = stage.others(*smaller)
        each(stage.stations, lambda station: station.start(5, patience=200))
        until(lambda: stage.newest() >= 1)
        net.part(SMALLER)
        if cut_off:
            each(smaller, lambda station: station.line.cut())
        parted = stage.newest()
        # The larger side goes on alone: its rounds need three, and it has them.
        assert stage.ended_alike(larger) == {5}
        assert not any(station.result.exists() for station in smaller)
        net.heal()
        each(smaller, lambda station: station.line.mend())
        assert stage.ended_alike() == {5}
        merged = stage.merged()
        members = {station.key.address for station in larger}
        for number in range(parted + 2, 6):
            assert merged[number].leader in members
            faults = {fault for who, fault in merged[number].left_out if who not in members}
            assert faults <= {Fault.UNREACHABLE}
