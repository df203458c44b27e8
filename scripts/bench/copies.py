"""How far apart updates of digits are that are copies, nearly the same work, or honest pairs.

    python scripts/bench/copies.py

One contributor's 598 real digits (of seven; learning/examples.py), the drill's network of 25,450
parameters. Prints the least and the largest distance of the pairs of each kind, whole (part of the
other's update) and by sketch (of the directions), as Markdown. What is below 0.001 by sketch is the
same update, below 0.05 a near copy.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from itertools import combinations
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file
from threadpoolctl import threadpool_limits

from decentralml.learning.attacks.network import Steps, Weights, first_weights, train_together
from decentralml.learning.examples import Examples, read_mnist, split_mnist
from decentralml.types import TaskId
from decentralml.validation.likeness import likeness
from decentralml.validation.sketches import apart, sketch, sketch_seed

SEEDS = range(10)
ELSE = 100
"""Added to a seed, another one."""


class Bench:
    """Trainings from one base model, kept as files."""

    def __init__(self, folder: Path, start: Weights) -> None:
        self.folder, self.start, self.count = folder, start, 0
        self.base = self._saved(start)
        self.seed = sketch_seed(bytes(32), TaskId(0))

    def trained(self, data: Examples, seed: int, steps: Steps) -> Path:
        chance = np.random.default_rng(seed)
        return self._saved(train_together(self.start, [data], steps, chance)[0])

    def show(self, what: str, pairs: Iterable[tuple[Path, Path]]) -> None:
        whole, sketched = [], []
        for one, two in pairs:
            first, second = (sketch(file, self.base, self.seed) for file in (one, two))
            distance = likeness(one, two, self.base)
            assert first is not None and second is not None and distance is not None
            whole.append(distance)
            sketched.append(apart(first, second))
        ranges = [f"{min(found):.2g} to {max(found):.2g}" for found in (whole, sketched)]
        print(f"| {what} | {ranges[0]} | {ranges[1]} |", flush=True)

    def _saved(self, weights: Weights) -> Path:
        self.count += 1
        file = self.folder / f"{self.count}.safetensors"
        save_file({name: np.ascontiguousarray(value) for name, value in weights.items()}, file)
        return file


def mixed(examples: Examples, others: Examples, count: int) -> Examples:
    """The examples with the first few exchanged for another's."""
    inputs, labels = examples.inputs.copy(), examples.labels.copy()
    inputs[:count], labels[:count] = others.inputs[:count], others.labels[:count]
    return Examples(inputs, labels)


def main() -> None:
    parts = split_mnist(read_mnist(), 7, 0)
    own, other = parts["contributor-1"], parts["contributor-2"]
    chance = np.random.default_rng(0)
    start: Weights = first_weights(own.inputs[0].size, chance)
    for _ in range(3):
        start = train_together(start, [parts["creator"]], Steps(), chance)[0]
    print("| pair | whole | by sketch |\n|---|---|---|")
    with tempfile.TemporaryDirectory() as folder, threadpool_limits(1, "blas"):
        bench = Bench(Path(folder), start)
        near = mixed(own, other, 1)
        for steps in (Steps(), Steps(200)):
            mine = [bench.trained(own, seed, steps) for seed in SEEDS]
            for what, data, more in (
                ("same data, same seed", own, 0),
                ("one example of 598 another, same seed", near, 0),
                ("one example another, other seed", near, ELSE),
                ("other data", other, ELSE),
            ):
                twins = [bench.trained(data, seed + more, steps) for seed in SEEDS]
                bench.show(f"{steps.count} steps: {what}", zip(mine, twins, strict=True))
            bench.show(f"{steps.count} steps: same data, other seed", combinations(mine, 2))
        full = Steps(1, len(own), momentum=0.0)
        first = bench.trained(own, 0, full)
        for what, data in (
            ("same data", own),
            ("one example of 598 another", near),
            ("ten examples another", mixed(own, other, 10)),
            ("other data", other),
        ):
            pair = (first, bench.trained(data, ELSE, full))
            bench.show(f"one full gradient: {what}", [pair])


if __name__ == "__main__":
    main()
