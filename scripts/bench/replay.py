"""How well a replay of drawn segments tells honest runs from others.

    python scripts/bench/replay.py [--steps 100] [--folder DIR]

First honest runs on other arithmetic (threads, instruction sets, chunks of a batch): every segment
of each is replayed here, and one that ends beyond the tolerance is a false positive. Then cheats,
adaptive ones among them: how many of their segments are dishonest and fail, and how often a draw
finds one, measured over many draws and as computed. At last what a replay costs, in the sandbox.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import torch
from torch import Tensor, nn

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "scripts" / "lib")]

from replay_cheats import CHEATS, Lab, Run, apart, farthest, write_run  # noqa: E402
from safetensors.torch import load_file  # noqa: E402

from decentralml.bundles.pack import pack_task  # noqa: E402
from decentralml.bundles.replay import (  # noqa: E402
    Environment,
    Optimizer,
    Recipe,
    checkpoint_file,
)
from decentralml.bundles.settings import read_settings  # noqa: E402
from decentralml.learning.examples import images, read_examples  # noqa: E402
from decentralml.learning.models import load_model  # noqa: E402
from decentralml.learning.replay.variables import variables  # noqa: E402
from decentralml.sandbox import Limits, command_for, run  # noqa: E402
from decentralml.validation.evaluate import Bench  # noqa: E402
from decentralml.validation.rerun import OTHER_ARITHMETIC, rerun  # noqa: E402
from decentralml.validation.segments import detection_probability, drawn_segments  # noqa: E402

BUNDLE = ROOT / "assets" / "examples" / "replay_digits"
DRAWS = 2000
ONE_THREAD = {"DML_THREADS": "1"}
ARITHMETIC: dict[str, dict[str, str]] = {
    "the same": ONE_THREAD,
    "two threads": {"DML_THREADS": "2"},
    "ATEN default": ONE_THREAD | {"ATEN_CPU_CAPABILITY": "default"},
    "oneDNN SSE4.1": ONE_THREAD | {"ONEDNN_MAX_CPU_ISA": "SSE41"},
    "all three": ONE_THREAD | dict(OTHER_ARITHMETIC),
    "batch in chunks": ONE_THREAD | {"CHUNK": "5"},
}


class Flat(nn.Module):
    """A perceptron with dropout: random numbers inside the step, no batch norm."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Flatten(), nn.Linear(784, 64), nn.ReLU(), nn.Dropout(0.2), nn.Linear(64, 10)
        )

    def forward(self, inputs: Tensor) -> Tensor:
        scores: Tensor = self.layers(inputs)
        return scores


def perceptron(dropout: bool) -> nn.Module:
    torch.manual_seed(0)
    model = Flat()
    if not dropout:
        model.layers[3] = nn.Identity()
    return model


def convolutions(noisy: bool) -> nn.Module:
    """The example's model. Its biases before batch norm change nothing and get only noise."""
    model = load_model(BUNDLE / "model")
    for layer in (0, 4):
        model.features[layer].bias.requires_grad = noisy  # type: ignore[index, union-attr]
    return model


def in_chunks(model: nn.Module, size: int) -> None:
    """Let a model take a few examples of a batch at a time: sums come about in another order."""
    whole = model.forward
    model.forward = lambda inputs: torch.cat([whole(part) for part in inputs.split(size)])


TASKS: dict[str, tuple[str, float, object]] = {
    "convolutions, momentum": ("momentum", 0.02, lambda: convolutions(True)),
    "convolutions, sgd": ("sgd", 0.05, lambda: convolutions(True)),
    "convolutions, adam": ("adam", 0.002, lambda: convolutions(False)),
    "dropout, adam": ("adam", 0.002, lambda: perceptron(True)),
    "perceptron, momentum": ("momentum", 0.05, lambda: perceptron(False)),
    "noise under adam": ("adam", 0.002, lambda: convolutions(True)),
}
UNSUITABLE = "noise under adam"
CHUNKABLE = "perceptron, momentum"
"""Without batch norm and dropout, which see the batch as a whole."""


def lab(task: str, steps: int) -> Lab:
    optimizer, rate, model = TASKS[task]
    examples = read_examples(BUNDLE / "data")
    recipe = Recipe(
        "data", Optimizer(optimizer), rate, 20, steps, 10, 0, 1000, 300, Environment.here()
    )
    inputs, labels = torch.from_numpy(images(examples.inputs)), torch.from_numpy(examples.labels)
    return Lab(model(), inputs, labels, recipe, bytes(32))  # type: ignore[operator]


def train_all(steps: int, folder: Path) -> None:
    """In a process of its own, whose environment says how to compute: the runs of all tasks."""
    torch.set_num_threads(int(os.environ["DML_THREADS"]))
    for task in [CHUNKABLE] if "CHUNK" in os.environ else TASKS:
        of = lab(task, steps)
        training = of.training()
        if "CHUNK" in os.environ:
            in_chunks(training.model, int(os.environ["CHUNK"]))
        run = [training.tensors()]
        for _ in range(of.recipe.segments):
            training.advance(of.recipe.interval)
            run.append(training.tensors())
        write_run(run, folder / task)


def read_run(folder: Path, count: int) -> Run:
    return [load_file(folder / checkpoint_file(n)) for n in range(count)]


def false_positives(steps: int, folder: Path) -> None:
    labs = {task: lab(task, steps) for task in TASKS}
    print("Honest runs, each segment replayed here; the largest distance of a segment's update:\n")
    print("| arithmetic | " + " | ".join(TASKS) + " |")
    print("|---|" + "---|" * len(TASKS))
    beyond: Counter[str] = Counter()
    replayed: Counter[str] = Counter()
    for name, environment in ARITHMETIC.items():
        place = folder / name.replace(" ", "-")
        command = [sys.executable, __file__, "--train", str(place), "--steps", str(steps)]
        subprocess.run(command, check=True, env=os.environ | environment)
        row = []
        for task, of in labs.items():
            if not (place / task).exists():
                row.append("")
                continue
            run = read_run(place / task, of.recipe.checkpoints)
            far = farthest(of, run, folder / "scratch")
            beyond[task] += sum(not d <= of.recipe.tolerance for d in far)
            replayed[task] += len(far)
            row.append(f"{max(far):.1e}")
        print(f"| {name} | " + " | ".join(row) + " |", flush=True)
    wrong = sum(n for task, n in beyond.items() if task != UNSUITABLE)
    total = replayed.total() - replayed[UNSUITABLE]
    print(f"\nfalse positives: {wrong} of {total} segments")
    print(
        f"{UNSUITABLE!r} trains biases before batch norm, whose gradient is rounding alone: "
        f"{beyond[UNSUITABLE]} of {replayed[UNSUITABLE]} beyond the tolerance\n"
    )


def cheats(steps: int, folder: Path) -> None:
    of = lab("convolutions, momentum", steps)
    segments = of.recipe.segments
    drawn = {k: [draw(n, segments, k) for n in range(DRAWS)] for k in (1, 2, 4)}
    print(f"Cheats, of {segments} segments; how often a draw of k finds one: measured (computed)\n")
    print("| cheat | smallest | largest distance | fail | k = 1 | k = 2 | k = 4 |")
    print("|---|---|---|---|---|---|---|")
    for name, make in {"honest": Lab.honest, **CHEATS}.items():
        run = make(of)
        far = farthest(of, run, folder / "scratch")
        failing = {n for n, d in enumerate(far) if not d <= of.recipe.tolerance}
        cells = []
        for k, draws in drawn.items():
            found = sum(not failing.isdisjoint(segments_drawn) for segments_drawn in draws)
            computed = detection_probability(segments, len(failing), k)
            cells.append(f"{found / DRAWS:.3f} ({computed:.3f})")
        wrong = [far[n] for n in sorted(failing)] or far
        print(
            f"| {name.replace('_', ' ')} | {min(wrong):.1e} | {max(wrong):.1e} | "
            f"{len(failing)} | {' | '.join(cells)} |",
            flush=True,
        )
    print(f"\nWho bends within the tolerance ends {drift(of):.1e} of the run's way off its end.")
    print("1 - (1 - f)^k is the bound with replacement; draws are without, and find more:")
    for f in (1, 3, 6):
        share = f / segments
        row = ", ".join(
            f"k={k}: {detection_probability(segments, f, k):.3f} >= {1 - (1 - share) ** k:.3f}"
            for k in drawn
        )
        print(f"  {f} of {segments} dishonest: {row}")


def draw(number: int, segments: int, k: int) -> tuple[int, ...]:
    seed = hashlib.blake2b(number.to_bytes(8, "little"), digest_size=32).digest()
    return drawn_segments(seed, segments + 1, k)


def drift(of: Lab) -> float:
    """Where bending within the tolerance ends, as a share of the way that the honest run goes."""
    honest, bent = of.honest(), CHEATS["within_tolerance"](of)
    return apart(honest[-1], bent[-1]) / apart(honest[0], honest[-1])


def costs(folder: Path) -> None:
    """The example bundle, in the sandbox: the contributor's run, and a member's replay."""
    bundle = folder / "bundle"
    manifest = pack_task(BUNDLE, bundle, read_settings(BUNDLE))
    assert manifest.replay is not None
    lent = {"task": bundle, "model": bundle / "model"}
    outcome = run(
        command_for(manifest.run),
        mounts=lent,
        output=folder / "out",
        limits=Limits(threads=1),
        environment=variables(bytes(32)),
    )
    assert outcome.ok, outcome
    (result,) = (folder / "out").iterdir()
    bench = Bench(folder / "bench", limits=Limits(threads=1))
    print(
        f"\nIn the sandbox: a run of {manifest.replay.steps} steps {outcome.seconds:.1f} s", end=""
    )
    for k in (1, 3, 12):
        begun = time.monotonic()
        done = rerun(bundle, manifest, bytes(32), range(k), result, folder / f"replay-{k}", bench)
        assert len(done.ends) == k
        print(f", replay of {k} segments {time.monotonic() - begun:.1f} s", end="")
    print(" (starting Python and PyTorch included)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--folder", type=Path, help="where to write runs; default: /tmp")
    parser.add_argument("--train", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.train:
        train_all(options.steps, options.train)
        return
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory(prefix="replay-bench-", dir=options.folder) as name:
        false_positives(options.steps, Path(name))
        cheats(options.steps, Path(name))
        costs(Path(name))


if __name__ == "__main__":
    main()
