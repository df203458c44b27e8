#!/usr/bin/env python3
"""One meta-step of many clients: this engine against the loop of ``higher``, in turns.

    scripts/bench/meta.py [--repeats 5] [--threads 2] [--only NAME] [--flower PYTHON]

Second-order MAML, 10 samples and 3 steps for each client; the gradients are compared too. It needs
``pip install higher``. Two ratios: by the clock, and in processor time, which is the fairer where
others use the machine. ``--flower`` is a Python that has ``flwr[simulation]`` and torch: whole
rounds (all clients' meta-gradients and the server's step) are then compared with Flower's
simulation, too.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from simulation import difference, in_flower  # noqa: E402
from simulation import mlp as network  # noqa: E402

from decentralml.learning.meta.federation import server_step  # noqa: E402
from decentralml.learning.meta.gradient import meta_gradient  # noqa: E402
from decentralml.learning.meta.learners import MAML  # noqa: E402
from decentralml.learning.meta.tasks import Task  # noqa: E402
from decentralml.learning.optimizers import Method, ServerOptimizer  # noqa: E402
from decentralml.learning.stacked.clients import Client  # noqa: E402
from decentralml.learning.stacked.traits import traits  # noqa: E402

SAMPLES, STEPS, RATE = 10, 3, 0.01
FLOWER_CLIENTS, OUTER_RATE = 200, 0.5


def mlp(*sizes: int) -> nn.Module:
    layers: list[nn.Module] = [nn.Flatten()]
    for place in range(len(sizes) - 1):
        layers += [nn.Linear(sizes[place], sizes[place + 1]), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def cnn() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 16, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(32 * 49, 10),
    )  # fmt: skip


CASES: list[tuple[str, Callable[[], nn.Module], tuple[int, ...], int, float]] = [
    ("MLP 64-32-10", lambda: mlp(64, 32, 10), (8, 8), 200, 20.0),
    ("MLP 784-200-10", lambda: mlp(784, 200, 10), (28, 28), 100, 10.0),
    ("MLP 784-200-200-10", lambda: mlp(784, 200, 200, 10), (28, 28), 50, 0.0),
    ("CNN 16-32", cnn, (1, 28, 28), 20, 1.0),
]
"""Name, model, shape of an example, clients, and the ratio that is asked for."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--only", default="", help="cases whose name contains this")
    parser.add_argument("--flower", metavar="PYTHON")
    parser.add_argument("--rounds", type=int, default=3, help="of Flower's simulation")
    parser.add_argument("--higher", action=argparse.BooleanOptionalAction, default=True)
    chosen = parser.parse_args()
    try:
        import higher  # noqa: F401
    except ImportError:
        sys.exit("HIGHER IS ABSENT: pip install higher, and run again")
    torch.set_num_threads(chosen.threads)
    print(f"{os.cpu_count()} cores, {chosen.threads} threads, load {os.getloadavg()[0]:.1f}")
    for name, build, shape, count, wanted in CASES:
        if chosen.higher and chosen.only in name:
            compare(name, build(), shape, count, wanted, chosen.repeats)
    if chosen.flower:
        against_flower(chosen.flower, chosen.rounds, chosen.repeats)
    else:
        print("FLOWER IS ABSENT: give --flower PYTHON (with flwr[simulation]) to be compared")


def compare(
    name: str, model: nn.Module, shape: tuple[int, ...], count: int, wanted: float, repeats: int
) -> None:
    tasks = [Task(client(shape, number), client(shape, number)) for number in range(count)]
    learner, known = MAML(RATE, STEPS), traits(model, tasks[0].support.inputs)
    state = {n: p.detach() for n, p in model.named_parameters()}
    ours = lambda: meta_gradient(learner, model, state, tasks, known=known)  # noqa: E731
    theirs = lambda: by_higher(model, tasks)  # noqa: E731
    choice, found, expected = ours().choice, ours().gradient, theirs()
    scale = max(v.abs().max().item() for v in expected.values())
    gap = max((found[n] - v).abs().max().item() for n, v in expected.items()) / scale
    wall, processor = [float("inf")] * 2, [float("inf")] * 2
    for _ in range(repeats):
        for side, work in enumerate((ours, theirs)):
            began, used = time.perf_counter(), time.process_time()
            work()
            wall[side] = min(wall[side], time.perf_counter() - began)
            processor[side] = min(processor[side], time.process_time() - used)
    count_of = sum(v.numel() for v in state.values())
    asked = f" (asked: {wanted:.0f})" if wanted else ""
    print(
        f"{name}, {count_of:,} parameters, {count} clients: {wall[0]:.3f} s, "
        f"higher {wall[1]:.3f} s: "
        f"{wall[1] / wall[0]:.1f} times{asked}, {processor[1] / processor[0]:.1f} in processor "
        f"time; relative difference {gap:.0e}; {choice.engine}: {choice.reason}",
        flush=True,
    )


def against_flower(python: str, rounds: int, repeats: int) -> None:
    """Rounds of :data:`FLOWER_CLIENTS` clients: the time of one, and where they end."""
    sizes = (64, 32, 10)
    model = network(*sizes)
    tasks = [Task(client((64,), n), client((64,), n)) for n in range(FLOWER_CLIENTS)]
    learner, known = MAML(RATE, STEPS), traits(model, tasks[0].support.inputs)
    server = ServerOptimizer(Method.FEDAVG, OUTER_RATE)

    def ours() -> tuple[float, dict[str, Tensor]]:
        state = {n: p.detach().clone() for n, p in model.named_parameters()}
        fastest = float("inf")
        for _ in range(rounds):
            began = time.perf_counter()
            found = meta_gradient(learner, model, state, tasks, known=known)
            state = server_step(state, found.gradient, server, {})
            fastest = min(fastest, time.perf_counter() - began)
        return fastest, state

    ours()  # what PyTorch loads at its first vmap does not count
    best, state = min((ours() for _ in range(repeats)), key=lambda each: each[0])
    wholes = [task.whole() for task in tasks]
    found = in_flower(
        python,
        rounds,
        model,
        sizes=sizes,
        bounds=np.cumsum([0, *map(len, wholes)]),
        inputs=torch.cat([w.inputs for w in wholes]).numpy(),
        labels=torch.cat([w.labels for w in wholes]).numpy(),
        rate=RATE,
        steps=STEPS,
        outer_rate=OUTER_RATE,
    )
    if found is None:
        return
    theirs, final = found
    print(
        f"MAML of {FLOWER_CLIENTS} clients, {'-'.join(map(str, sizes))}: Flower's simulation "
        f"(Ray), its fastest round: {theirs:.2f} s; stacked {best:.3f} s: {theirs / best:.0f} "
        f"times faster (asked: 10); largest difference {difference(state, final):.1e}"
    )


def by_higher(model: nn.Module, tasks: list[Task]) -> dict[str, Tensor]:
    import higher

    descent = torch.optim.SGD(model.parameters(), RATE)
    model.zero_grad()
    for task in tasks:
        with higher.innerloop_ctx(model, descent, copy_initial_weights=False) as (inner, steps):
            for _ in range(STEPS):
                scores = inner(task.support.inputs)
                steps.step(nn.functional.cross_entropy(scores, task.support.labels))
            loss = nn.functional.cross_entropy(inner(task.query.inputs), task.query.labels)
            (loss / len(tasks)).backward()
    return {n: p.grad.clone() for n, p in model.named_parameters()}


def client(shape: tuple[int, ...], number: int) -> Client:
    return Client(str(number), torch.randn(SAMPLES, *shape), torch.arange(SAMPLES) % 10)


if __name__ == "__main__":
    main()
