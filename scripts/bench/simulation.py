#!/usr/bin/env python3
"""1,000 simulated clients: stacked against a plain loop, and against Flower's Ray simulation.

    scripts/bench/simulation.py [--clients 1000] [--rounds 3] [--repeats 3] [--threads 2]
        [--flower PYTHON]

Every line is a ratio measured in this run, the sides in turns; the fastest of all repeats counts.
``--flower`` is a Python that has ``flwr[simulation]`` and torch; without it, this part is left out,
and it says so. The last part runs models of several sizes, each with the engine that is chosen by
cost and with the loop: the choice must not be slower.
"""

from __future__ import annotations

import argparse
import itertools
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from decentralml.learning.models import DigitNet  # noqa: E402
from decentralml.learning.simulation.federation import (  # noqa: E402
    Settings,
    client_seed,
    simulate,
)
from decentralml.learning.simulation.partition import alike, dirichlet  # noqa: E402
from decentralml.learning.stacked.clients import Client, batches  # noqa: E402
from decentralml.learning.stacked.cost import Engine  # noqa: E402
from decentralml.learning.stacked.local import train_clients  # noqa: E402
from decentralml.learning.stacked.traits import traits  # noqa: E402
from decentralml.learning.train import TrainingSettings  # noqa: E402

SIZES = (64, 128, 10)
"""9,610 parameters."""
TRAINING = TrainingSettings(epochs=1, learning_rate=0.05, momentum=0.9, batch=10)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--clients", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1, help="PyTorch's")
    parser.add_argument("--flower", metavar="PYTHON")
    parser.add_argument("--grid", action=argparse.BooleanOptionalAction, default=True)
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    clients = federation(chosen.clients)
    loads = os.getloadavg()[0]
    print(f"{os.cpu_count()} cores, load {loads:.1f}, {chosen.threads} threads; "
          f"{chosen.clients} clients of "
          f"{min(map(len, clients))} to {max(map(len, clients))} examples")  # fmt: skip
    start = network()
    finals = {}

    def run(engine: Engine) -> Callable[[], Spent]:
        def once() -> Spent:
            model = network()
            model.load_state_dict(start.state_dict())
            settings = Settings(chosen.rounds, training=TRAINING, engine=engine)
            spent = timed(lambda: simulate(model, clients, settings))
            finals[engine] = model.state_dict()
            return Spent(spent.wall / chosen.rounds, spent.processor / chosen.rounds)

        return once

    run(Engine.AUTO)()  # what PyTorch loads at its first vmap does not count
    stacked, loop = fastest([run(Engine.AUTO), run(Engine.LOOP)], chosen.repeats)
    gap = difference(finals[Engine.AUTO], finals[Engine.LOOP])
    count = sum(p.numel() for p in start.parameters())
    print(f"{count:,} parameters, a round: stacked {stacked.wall:.3f} s, loop {loop.wall:.3f} s: "
          f"{loop.wall / stacked.wall:.1f} times faster ({loop.processor / stacked.processor:.1f} "
          f"in processor time); largest difference {gap:.1e}")  # fmt: skip
    if chosen.flower:
        against_flower(chosen.flower, clients, start, chosen.rounds, run(Engine.AUTO), finals)
    else:
        print("FLOWER IS ABSENT: give --flower PYTHON (with flwr[simulation]) to be compared")
    if chosen.grid:
        never_slower(chosen.repeats)


def against_flower(
    python: str,
    clients: list[Client],
    start: nn.Module,
    rounds: int,
    again: Callable[[], Spent],
    finals: dict[Engine, dict[str, torch.Tensor]],
) -> None:
    bounds = np.cumsum([0, *map(len, clients)])
    order = np.stack([
        np.concatenate([
            orders(len(c), client_seed(0, number, place)) for place, c in enumerate(clients)
        ])
        for number in range(1, rounds + 1)
    ])  # fmt: skip
    before = again().wall
    found = in_flower(
        python,
        rounds,
        start,
        sizes=SIZES,
        bounds=bounds,
        order=order,
        inputs=torch.cat([c.inputs for c in clients]).numpy(),
        labels=torch.cat([c.labels for c in clients]).numpy(),
        rate=TRAINING.learning_rate,
        batch=TRAINING.batch,
    )
    if found is None:
        return
    ours, (theirs, final) = min(before, again().wall), found
    gap = difference(finals[Engine.AUTO], final)
    print(f"Flower's simulation (Ray), its fastest round: {theirs:.2f} s; stacked {ours:.3f} s:"
          f" {theirs / ours:.0f} times faster; largest difference {gap:.1e}")  # fmt: skip


def in_flower(
    python: str, rounds: int, start: nn.Module, **arrays: object
) -> tuple[float, dict[str, torch.Tensor]] | None:
    """Seconds of Flower's fastest round, and its model at the end; None, and why, if it fails."""
    with tempfile.TemporaryDirectory() as folder:
        data, out = Path(folder) / "data.npz", Path(folder) / "out.npz"
        model = {f"model {n}": v.numpy() for n, v in start.state_dict().items()}
        np.savez(data, **arrays, **model)  # type: ignore[arg-type]
        command = [python, str(ROOT / "scripts/bench/flower_federation.py")]
        done = subprocess.run([*command, data, str(rounds), out], capture_output=True, text=True)
        if done.returncode or not out.exists():
            print("FLOWER FAILED:\n" + done.stderr[-2000:])
            return None
        with np.load(out) as file:
            found = dict(file)
    seconds = float(found.pop("seconds").min())
    return seconds, {n: torch.from_numpy(v) for n, v in found.items()}


def never_slower(repeats: int) -> None:
    """Models of several sizes, by the engine that is chosen and in a loop."""
    rng = torch.Generator().manual_seed(0)
    shapes: list[tuple[str, nn.Module, tuple[int, ...], int, int]] = [
        ("MLP 64-32-10", mlp(64, 32, 10), (64,), 100, 20),
        ("MLP 784-200-10", mlp(784, 200, 10), (784,), 20, 20),
        ("MLP 784-200-200-10", mlp(784, 200, 200, 10), (784,), 20, 20),
        ("MLP 784-1000-10", mlp(784, 1000, 10), (784,), 10, 20),
        ("MLP 784-200-10, 300 examples", mlp(784, 200, 10), (784,), 10, 300),
        ("DigitNet", DigitNet(), (1, 28, 28), 10, 20),
        ("DigitNet, narrow", DigitNet((2, 4)), (1, 28, 28), 20, 10),
    ]
    for name, model, shape, count, examples in shapes:
        clients = [
            Client(
                str(number),
                torch.randn(examples, *shape, generator=rng),
                torch.randint(0, 10, (examples,), generator=rng),
            )
            for number in range(count)
        ]
        known = traits(model, clients[0].inputs)
        said = {}

        def run(
            engine: Engine, model: nn.Module = model, clients: list[Client] = clients,
            known: object = known, said: dict[Engine, str] = said,
        ) -> Callable[[], Spent]:  # fmt: skip
            def once() -> Spent:
                def work() -> None:
                    done = train_clients(model, clients, TRAINING, engine=engine, known=known)
                    said[engine] = f"{done.choice.engine}: {done.choice.reason}"

                return timed(work)

            return once

        if (choice := train_clients(model, clients[:1], TRAINING, known=known).choice).engine is (
            Engine.LOOP
        ):
            print(f"  {name:30s} the loop itself   ({choice.reason})")
            continue
        auto, loop = fastest([run(Engine.AUTO), run(Engine.LOOP)], repeats)
        print(f"  {name:30s} {loop.processor / auto.processor:6.2f} times the loop's speed "
              f"in processor time   ({said[Engine.AUTO]})")  # fmt: skip


@dataclass(frozen=True)
class Spent:
    """Seconds by the clock, and of the processor: the fairer where others use the machine too."""

    wall: float
    processor: float


def timed(work: Callable[[], object]) -> Spent:
    wall, processor = time.perf_counter(), time.process_time()
    work()
    return Spent(time.perf_counter() - wall, time.process_time() - processor)


def fastest(runs: list[Callable[[], Spent]], repeats: int) -> list[Spent]:
    """The least that each has spent, the sides in turns."""
    found: list[list[Spent]] = [[] for _ in runs]
    for _ in range(repeats):
        for spent, once in zip(found, runs, strict=True):
            spent.append(once())
    return [Spent(min(s.wall for s in f), min(s.processor for s in f)) for f in found]


def federation(count: int) -> list[Client]:
    """Clients with 2 to some dozens of examples: half of them of like size, half by Dirichlet."""
    rng = torch.Generator().manual_seed(0)
    inputs = torch.randn(count * 20, SIZES[0], generator=rng)
    labels = (inputs @ torch.randn(SIZES[0], SIZES[-1], generator=rng)).argmax(1)
    half = len(inputs) // 2
    some = alike(inputs[:half], labels[:half], count - count // 2)
    return some + dirichlet(inputs[half:], labels[half:], count // 2, 1.0)


def orders(count: int, seed: int) -> np.ndarray:
    """The order of a client's examples in one epoch."""
    parts = batches(count, TrainingSettings(epochs=1, batch=count + 1), seed)
    return torch.cat(parts).numpy() if parts else np.zeros(count, np.int64)


def mlp(*sizes: int) -> nn.Module:
    layers: list[nn.Module] = []
    for before, after in itertools.pairwise(sizes):
        layers += [nn.Linear(before, after), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def network() -> nn.Module:
    torch.manual_seed(0)
    return mlp(*SIZES)


def difference(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> float:
    return max((first[n] - second[n]).abs().max().item() for n in first)


if __name__ == "__main__":
    main()
