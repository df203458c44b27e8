#!/usr/bin/env python3
"""Federated meta-learning on non-IID digits: accuracy, rounds, bytes and FLOPs of each method.

    scripts/bench/fedmeta.py [--rounds 150] [--seeds 3] [--classes 2] [--support 0.2 0.5 0.9]
        [--own-heads] [--plot FILE.png] [--json FILE]

100 clients hold some classes each of 5,000 MNIST digits (14 x 14); 80 train, 20 that are never
drawn are tested. The target is the accuracy that FedAvg has at its end, in the same seed; for each
method the table says after how many rounds and bytes it is reached (mean over seeds that reached
it), as Chen et al. 2018 (https://arxiv.org/abs/1802.07876) do. It needs ``mlxtend``, and
matplotlib for the plot.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from decentralml.learning.examples import read_mnist  # noqa: E402
from decentralml.learning.meta.federation import (  # noqa: E402
    MetaHistory,
    MetaSettings,
    meta_learn,
)
from decentralml.learning.meta.learners import (  # noqa: E402
    MAML,
    FedAvg,
    Learner,
    MetaSGD,
    Reptile,
)
from decentralml.learning.meta.tasks import Task, own_heads, split  # noqa: E402
from decentralml.learning.optimizers import Method, ServerOptimizer  # noqa: E402
from decentralml.learning.simulation.partition import by_class  # noqa: E402
from decentralml.learning.train import TrainingSettings  # noqa: E402

LOCAL = TrainingSettings(epochs=5, learning_rate=0.1, momentum=0.0, batch=10)
PLAIN = ServerOptimizer(Method.FEDAVG)
MOMENTUM = ServerOptimizer(Method.FEDAVGM, 0.1)
TRAINING_CLIENTS = 80


@dataclass(frozen=True)
class Row:
    """One method at one support fraction: means over the seeds."""

    support: float
    method: str
    accuracy: float
    spread: float
    """Over test clients."""
    rounds: float | None
    megabytes: float | None
    gigaflops: float | None
    less: float | None
    """FedAvg's bytes at its end by this method's bytes to the same accuracy."""
    reached: int


def methods() -> list[tuple[Learner, ServerOptimizer]]:
    return [
        (FedAvg(LOCAL), PLAIN),
        (FedAvg(LOCAL, tuned=True, rate=0.1, steps=3), PLAIN),
        (Reptile(LOCAL, rate=0.1, steps=3), PLAIN),
        (MAML(0.2, 3, first_order=True), MOMENTUM),
        (MAML(0.2, 3), MOMENTUM),
        (MetaSGD(0.2, 2), MOMENTUM),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=150)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--classes", type=int, default=2, help="k: classes of a client")
    parser.add_argument("--support", type=float, nargs="+", default=[0.2, 0.5, 0.9])
    parser.add_argument("--own-heads", action="store_true", help="k-way heads, not n-way ones")
    parser.add_argument("--drawn", type=int, default=10, help="clients in a round")
    parser.add_argument("--every", type=int, default=5, help="rounds between measurements")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--plot", type=Path)
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    rows, curves = [], {}
    heads = chosen.classes if chosen.own_heads else 10
    print(f"{chosen.classes} classes of each client, {heads}-way heads, {chosen.rounds} rounds of "
          f"{chosen.drawn} clients, {chosen.seeds} seeds")  # fmt: skip
    print(f"{'support':>7}  {'method':12}  {'accuracy':>8}  {'spread':>6}  {'rounds':>6}  "
          f"{'MB':>7}  {'GFLOP':>7}  {'less':>5}  reached")  # fmt: skip
    for support in chosen.support:
        ends: dict[int, MetaHistory] = {}
        for learner, server in methods():
            histories = []
            for seed in range(chosen.seeds):
                histories.append(run(learner, server, support, seed, chosen))
                ends.setdefault(seed, histories[-1])
            rows.append(row(support, learner.name, histories, ends))
            curves[support, learner.name] = histories
            print(line(rows[-1]), flush=True)
    if chosen.json:
        chosen.json.write_text(json.dumps([vars(r) for r in rows], indent=2) + "\n")
    if chosen.plot:
        plot(curves, chosen.support, chosen.plot)
        print(f"wrote {chosen.plot}")


def run(
    learner: Learner, server: ServerOptimizer, support: float, seed: int, chosen: argparse.Namespace
) -> MetaHistory:
    tasks = federation(seed, chosen.classes, support, chosen.own_heads)
    torch.manual_seed(seed)
    outputs = chosen.classes if chosen.own_heads else 10
    model = nn.Sequential(nn.Flatten(), nn.Linear(196, 64), nn.ReLU(), nn.Linear(64, outputs))
    settings = MetaSettings(chosen.rounds, chosen.drawn, server, every=chosen.every, seed=seed)
    started = time.perf_counter()
    train, tests = tasks[:TRAINING_CLIENTS], tasks[TRAINING_CLIENTS:]
    history = meta_learn(learner, model, train, settings, tests=tests)
    seconds = time.perf_counter() - started
    print(f"  {learner.name}, seed {seed}: {seconds:.1f} s", file=sys.stderr, flush=True)
    return history


def federation(seed: int, classes: int, support: float, own: bool) -> list[Task]:
    digits = read_mnist()
    images = torch.from_numpy(digits.inputs).float()[:, None] / 255
    small = nn.functional.avg_pool2d(images, 2)
    clients = by_class(small, torch.from_numpy(digits.labels), 100, classes, seed)
    order = torch.randperm(100, generator=torch.Generator().manual_seed(seed)).tolist()
    tasks = [split(clients[place], support, seed) for place in order]
    return [own_heads(task) for task in tasks] if own else tasks


def row(
    support: float, method: str, histories: list[MetaHistory], ends: dict[int, MetaHistory]
) -> Row:
    """Means over seeds; the target of each is what the first method, FedAvg, ends with there."""
    hits = [
        (h.reached(ends[seed].rounds[-1].accuracy), ends[seed].rounds[-1])
        for seed, h in enumerate(histories)
    ]
    found = [(hit, end) for hit, end in hits if hit is not None]
    last = [h.rounds[-1] for h in histories]
    mean = statistics.fmean
    return Row(
        support,
        method,
        mean(r.accuracy for r in last),
        mean(r.spread for r in last),
        mean(hit.number for hit, _ in found) if found else None,
        mean(hit.bytes for hit, _ in found) / 1e6 if found else None,
        mean(hit.flops for hit, _ in found) / 1e9 if found else None,
        mean(end.bytes / hit.bytes for hit, end in found) if found else None,
        len(found),
    )


def line(row: Row) -> str:
    def shown(value: float | None, width: int, digits: int) -> str:
        return f"{'-' if value is None else format(value, f'.{digits}f'):>{width}}"

    return (
        f"{row.support:7.1f}  {row.method:12}  {row.accuracy:8.4f}  {row.spread:6.3f}  "
        f"{shown(row.rounds, 6, 0)}  {shown(row.megabytes, 7, 2)}  {shown(row.gigaflops, 7, 2)}  "
        f"{shown(row.less, 5, 1)}  {row.reached}"
    )


def plot(
    curves: dict[tuple[float, str], list[MetaHistory]], supports: list[float], file: Path
) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(
        1, len(supports), figsize=(5 * len(supports), 4), sharey=True, squeeze=False
    )
    for axis, support in zip(axes[0], supports, strict=True):
        for (fraction, name), histories in curves.items():
            if fraction != support:
                continue
            megabytes = [r.bytes / 1e6 for r in histories[0].rounds]
            table = torch.tensor([[r.accuracy for r in h.rounds] for h in histories])
            axis.plot(megabytes, table.mean(0), label=name)
            axis.fill_between(megabytes, table.amin(0), table.amax(0), alpha=0.15)
        axis.set_title(f"support {support:.0%}")
        axis.set_xlabel("megabytes sent")
        axis.grid(alpha=0.3)
    axes[0][0].set_ylabel("accuracy of clients never drawn")
    axes[0][-1].legend(loc="lower right")
    figure.tight_layout()
    figure.savefig(file, dpi=120)


if __name__ == "__main__":
    main()
