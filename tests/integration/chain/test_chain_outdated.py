"""A chain of an older version says so, and how to go on, whatever is asked of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from chain_support import ALICE, BOB
from devchain_support import shared_cache
from fixture_support import unpack

from decentralml.chain import calls
from decentralml.chain.api import Chain
from decentralml.chain.connect import connect
from decentralml.chain.substrate.client import SPEC_VERSION
from decentralml.chain.swarm.calls import Ready
from decentralml.chain.swarm.words import SwarmId
from decentralml.config import Config
from decentralml.errors import RuntimeOutdated
from decentralml.types import Role, TaskId


@pytest.fixture
def home(tmp_path: Path) -> Path:
    unpack(tmp_path / "chain.sqlite")
    (tmp_path / "cache").symlink_to(shared_cache())
    return tmp_path


@pytest.mark.parametrize(
    "ask",
    [
        lambda chain: chain.tasks(),
        lambda chain: chain.submission(TaskId(1), 0),
        lambda chain: chain.balance(BOB.address),
        lambda chain: chain.constants(),
        lambda chain: chain.reputation(BOB.address, Role.CONTRIBUTOR),
        lambda chain: chain.fee(calls.AcceptTask(TaskId(0)), BOB),
        lambda chain: chain.submit(calls.Transfer(BOB.address, 1), ALICE),
        lambda chain: chain.swarm(SwarmId(0)),
        lambda chain: chain.nodes(SwarmId(0)),
        lambda chain: chain.submit(Ready(SwarmId(0)), ALICE),
    ],
    ids=[
        *("tasks", "submission", "balance", "constants", "reputation", "fee", "submit"),
        *("swarm", "nodes", "ready"),
    ],
)
def test_an_old_chain_is_sent_to_the_upgrade(home: Path, ask: Callable[[Chain], object]) -> None:
    with connect(Config(home)) as chain:
        before = chain.info()
        with pytest.raises(RuntimeOutdated, match="decentralml chain upgrade") as outdated:
            ask(chain)
        assert outdated.value.facts() == {
            "spec_name": "decentralml",
            "spec_version": 1,
            "needed": SPEC_VERSION,
        }
        assert chain.info().block == before.block


def test_an_old_chain_still_says_which_it_is(home: Path) -> None:
    with connect(Config(home)) as chain:
        assert (chain.info().spec_name, chain.info().spec_version) == ("decentralml", 1)
