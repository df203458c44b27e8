"""Whatever goes wrong on the way of a task, drawn from a seed: it ends, and everybody has theirs.

Each run is one task's whole life on the real runtime (``tests/faults``), in virtual time. A run
that fails names its seed, and what struck when; the same seed goes the same way again.
``DECENTRALML_FAULT_SEEDS`` takes more of them than the usual.
"""

from __future__ import annotations

import os
from collections import Counter

import pytest
from faults.life import endure
from faults.plan import Drawn, Fault

SEEDS = int(os.environ.get("DECENTRALML_FAULT_SEEDS", "200"))
struck: dict[int, list[Fault]] = {}


@pytest.mark.parametrize("seed", range(SEEDS), ids=lambda seed: f"seed-{seed}")
def test_the_task_ends_the_books_balance_and_the_model_is_the_right_one(seed: int) -> None:
    struck[seed] = [fault for _, fault in endure(Drawn(seed)).world.trace]


def test_the_seeds_have_tried_every_fault() -> None:
    if len(struck) < SEEDS:
        pytest.skip("not all seeds were run")
    tried = Counter(fault for faults in struck.values() for fault in faults)
    assert set(tried) == set(Fault)
    print({fault.value: count for fault, count in tried.most_common()})


@pytest.mark.parametrize("seed", [1, 2, 4])
def test_a_seed_goes_the_same_way_twice(seed: int) -> None:
    first, second = endure(Drawn(seed)), endure(Drawn(seed))
    assert first.world.trace == second.world.trace
    assert first.transactions == second.transactions
