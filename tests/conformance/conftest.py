"""The chains that the same tests of a client run against."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from chain_support import elect, embedded, new_home, real_node, served

from decentralml.chain.api import Chain

BACKENDS = {"embedded": embedded, "served": served, "node": real_node}


@pytest.fixture(
    scope="session",
    params=["embedded", "served", pytest.param("node", marks=pytest.mark.node)],
)
def chain(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Chain]:
    """A chain with three aggregators in office."""
    home = new_home(tmp_path_factory.mktemp(request.param))
    with BACKENDS[request.param](home) as chain:
        elect(chain)
        yield chain
