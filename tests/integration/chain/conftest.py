"""A fake node in front of a chain of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_node_support import (
    FakeNode,
)
from rpc_support import copy_of, genesis_file, open_chain


@pytest.fixture(scope="module")
def genesis(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return genesis_file(tmp_path_factory.mktemp("genesis"))


@pytest.fixture
def node(genesis: Path, tmp_path: Path) -> Iterator[FakeNode]:
    with open_chain(copy_of(genesis, tmp_path)) as chain:
        fake = FakeNode(chain)
        yield fake
        fake.stop()
