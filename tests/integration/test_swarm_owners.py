"""An owner that changes what its nodes agree on while they run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from chain_support import ALICE
from swarm_support import SPECS, crowd, one_model, together, two, until, update

from decentralml.bundles.manifest import TensorSpec
from decentralml.chain.swarm.calls import SetSwarmTerms
from decentralml.errors import NodeRefused
from decentralml.storage.unixfs import cid_of
from decentralml.swarm.config import SwarmConfig


def test_nodes_that_run_follow_a_configuration_that_the_owner_changes(tmp_path: Path) -> None:
    """One that takes other tensors: what the old one would have taken is refused from then on."""
    with crowd(tmp_path, 2) as swarm:
        assert one_model(together(two(swarm))) == {2.0}
        specs = {**SPECS, "weight": TensorSpec("F32", (7, 3))}
        swarm.config = SwarmConfig(200_000, specs, {"sync_frequency": 4})
        file = tmp_path / "other.json"
        file.write_bytes(swarm.config.encode())
        terms = replace(swarm.terms, config=cid_of(file))
        swarm.chain.submit(SetSwarmTerms(swarm.swarm, terms), ALICE)
        for member in swarm.members:
            until(lambda log=member.log: "configuration" in log.names())  # type: ignore[misc]
        first = swarm.members[0]
        with first.link() as link:
            assert link.begin().training == {"sync_frequency": 4}
            with pytest.raises(NodeRefused, match="tensor 'weight'"):
                link.sync(update(first, 1.0), deadline=20.0)
