"""Where all runs begin: one chain, one bundle, and who does what."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from devchain_support import shared_cache
from faults.clock import HOUR, VirtualClock
from faults.node import open_chain
from market_support import (
    AGGREGATORS,
    CONTRIBUTORS,
    CREATOR,
    GOOD,
    write_model,
    write_validation_set,
    write_work,
)

from decentralml.chain.connect import PROPERTIES
from decentralml.chain.substrate.client import SubstrateChain
from decentralml.chain.substrate.embedded import EmbeddedTransport
from decentralml.chain.substrate.runtime import Runtime
from decentralml.config import Config
from decentralml.devchain.chain import DevChain
from decentralml.market import elections
from decentralml.market.creating.offer import Offer
from decentralml.market.session import Session
from decentralml.runtime import blob
from decentralml.types import UNIT, ModelType, TaskType, ValidationStrategy

ACTORS = (CREATOR, *CONTRIBUTORS, *AGGREGATORS)
BOB, CHARLIE = CONTRIBUTORS
WORK = {BOB: (GOOD, 10), CHARLIE: (np.array([[2.0, -3.0], [-5.0, 1.0]], np.float32), 30)}
"""What each contributor hands in: weights, and the examples that it claims."""


def fast_folder() -> Path:
    """A folder in memory where there is one: nothing here survives anyway."""
    memory = Path("/dev/shm")
    parent = memory if memory.is_dir() else None
    return Path(tempfile.mkdtemp(prefix="decentralml-faults-", dir=parent))


@dataclass(frozen=True)
class Theatre:
    """What all runs share: a chain with elected aggregators, a bundle, and finished work.

    Attributes
    ----------
    folder : with ``toy``, the bundle; ``base``, its model; ``validation``; and ``chain.sqlite``.
    runtime : the chain's, as a client sees it.
    """

    folder: Path
    runtime: Runtime
    genesis: str

    def work(self, who: str) -> Path:
        """What a contributor's script has written."""
        return self.folder / "work" / who.strip("/")

    def offer(self, results: int, committee: int) -> Offer:
        return Offer(
            reward=10 * UNIT,
            fee=UNIT,
            committee=committee,
            results=results,
            expires_in=10 * HOUR,
            working_time=HOUR,
            task_type=TaskType.MODEL_CONTRIBUTOR,
            strategy=ValidationStrategy.AUTO_ACCEPT,
            model_type=ModelType.VISION,
            base_model=self.folder / "base",
            validation_set=self.folder / "validation",
        )


@cache
def theatre() -> Theatre:
    """Built once in a test run."""
    folder = fast_folder()
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    (folder / "toy").mkdir()
    (folder / "toy" / "start_task.sh").write_text("true\n")
    write_model(folder / "base")
    write_validation_set(folder / "validation")
    for who, (weights, examples) in WORK.items():
        write_work(folder / "work" / who.strip("/"), weights, examples)
    clock = VirtualClock()
    file = folder / "chain.sqlite"
    DevChain.create(
        file, blob(), properties=PROPERTIES, cache=shared_cache(), clock=clock.wall
    ).close()
    with open_chain(file, clock.wall) as chain:
        runtime = Runtime.load(chain.runtime_version, chain.metadata())
        _elect(folder, chain, runtime)
        return Theatre(folder, runtime, "0x" + chain.genesis.hex())


def _elect(folder: Path, chain: DevChain, runtime: Runtime) -> None:
    """Put the aggregators into office."""

    def session(name: str) -> Session:
        made = Session(Config(folder / "office", key=name))
        made.chain = SubstrateChain(EmbeddedTransport(chain, ""))
        made.chain._runtime = runtime
        return made

    for name in AGGREGATORS:
        elections.apply(session(name), f"https://{name.strip('/').lower()}.example")
    creator = session(CREATOR)
    elections.vote(creator, [creator.resolve(name) for name in AGGREGATORS], 100 * UNIT)
    while len(creator.chain.election().members) < len(AGGREGATORS):
        creator.chain.advance(blocks=10)
