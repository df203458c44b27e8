"""A chain of its own for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from devchain_support import (
    new_chain,
)
from sealed_support import Clock

from decentralml.devchain.chain import DevChain


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def chain(tmp_path: Path, clock: Clock) -> Iterator[DevChain]:
    with new_chain(tmp_path / "chain.sqlite", clock) as made:
        yield made
