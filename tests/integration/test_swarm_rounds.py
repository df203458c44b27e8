"""Rounds of a swarm: nodes as threads, a real chain, real TLS, tiny models."""

from __future__ import annotations

from pathlib import Path

import pytest
from swarm_support import Member, crowd, together, values, write_model

from decentralml.chain.swarm.words import MergeMethod
from decentralml.swarm.link import Synced


def sync(member: Member, value: float, name: str = "u") -> Synced:
    with member.link() as link:
        begun = link.begin()
        return link.sync(write_model(begun.folder / f"{name}.safetensors", value), deadline=40)


@pytest.mark.parametrize(
    ("method", "merged"),
    [(MergeMethod.MEAN, 3.5), (MergeMethod.COORDMEDIAN, 3.5), (MergeMethod.GEOMEDIAN, 3.5)],
)
def test_six_nodes_merge_and_all_go_on_from_one_model(
    tmp_path: Path, method: MergeMethod, merged: float
) -> None:
    with crowd(tmp_path, 6, min_peers=6, merge=method) as swarm:
        found = together(
            [lambda m=m, n=n: sync(m, float(n)) for n, m in enumerate(swarm.members, 1)]
        )
        assert len({each.path.read_bytes() for each in found}) == 1
        assert {value for each in found for value in values(each.path)} == {merged}
        assert all(each.round == 1 and each.merged == 6 and each.counted for each in found)
