"""The worked example of a swarm: six nodes on a biased split against central training.

Over a swarm in memory, so that it is the callback and the merge that are measured, and three passes
where the example makes ten, which end within a point (docs/swarm.md). With real nodes, TLS and a
chain: ``assets/examples/swarm/run.py``.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from callback_support import MemorySwarm, at_once

from decentralml.learning.examples import Examples
from decentralml.swarm.callback import SwarmCallback

pytest.importorskip("mlxtend", reason="pip install 'decentralml[examples]'")
sys.path.insert(0, str(Path(__file__).parents[2] / "assets" / "examples" / "swarm"))
import train as example

NODES, EPOCHS = 6, 3
SETTINGS = {"epochs": EPOCHS, "batch": 8, "rate": 0.02}


def test_no_two_nodes_have_the_same_digits_and_each_lacks_some() -> None:
    parts, test = example.split(NODES, 0)
    assert len({len(part) for part in parts}) == 1
    counts = np.array([np.bincount(part.labels, minlength=10) for part in parts])
    assert ((counts == 0).sum(axis=1) == 2).all()
    assert ((counts > 0) & (counts < 50)).sum(axis=1).min() >= 1
    assert np.bincount(test.labels).tolist() == [100] * 10
    images = [image.tobytes() for each in (*parts, test) for image in each.inputs]
    assert len(set(images)) == len(images)


def test_six_nodes_on_a_biased_split_soon_come_near_to_central_training(
    tmp_path: Path,
) -> None:
    torch.set_num_threads(1)
    parts, test = example.split(NODES, 0)
    swarm = MemorySwarm(tmp_path, seats=NODES)
    links = swarm.links(NODES)
    models = [example.network(0) for _ in range(NODES)]

    def work(node: int) -> None:
        callback = SwarmCallback(8, model=models[node], link=links[node])
        example.train(parts[node], models[node], seed=node, swarm=callback, **SETTINGS)

    at_once(swarm, work, NODES)
    everything = Examples(
        np.concatenate([part.inputs for part in parts]),
        np.concatenate([part.labels for part in parts]),
    )
    central, alone = example.network(0), example.network(0)
    example.train(everything, central, seed=0, **SETTINGS)
    example.train(parts[0], alone, seed=0, **SETTINGS)
    found = [example.accuracy(model, test) for model in models]
    print(f"swarm {found[0]:.3f}, central {example.accuracy(central, test):.3f}")
    assert len(set(found)) == 1
    assert found[0] >= example.accuracy(central, test) - 0.05
    assert example.accuracy(alone, test) < 0.85
