"""Three hospitals train one convolutional network together, over the marketplace.

    python assets/examples/hospitals/run.py [--rounds 5] [--remote] [--out DIR]

MNIST digits stand in for scans: each hospital sees mostly three or four of the ten classes. Every
party is a process of its own that runs the `decentralml` command: three workers, three elected
aggregators, and the consortium with `train-federated`. No image leaves a hospital's folder. Beside
that, the same number of epochs alone at each hospital, and on all data in one place.

Leaves `results.json`, `accuracy.png` and the parties' logs in DIR (hospitals-output).
"""

from __future__ import annotations

import json
import signal
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from stage import Stage, serve

ROOT = Path(__file__).resolve().parents[3]
BUNDLE = ROOT / "assets" / "model_contributor"
CREATOR = "consortium"
HOSPITALS = ("north", "south", "west")
AGGREGATORS = ("ann", "bob", "cleo")


def prepare(stage: Stage) -> Path:
    """Keys, tokens, data, an elected office, and the first model."""
    for name in (CREATOR, *HOSPITALS, *AGGREGATORS):
        stage.run(f"keys new {name}")
    for name in (CREATOR, *HOSPITALS, *AGGREGATORS):
        stage.run(f"transfer {name} 2000", "//Alice")
    stage.run(f"example-data mnist --parts {len(HOSPITALS)} --out {stage.home}/data")
    for name in AGGREGATORS:
        stage.run(f"aggregators apply --endpoint https://{name}.example", name)
    stage.run(f"vote {' '.join(AGGREGATORS)} --stake 200", CREATOR)
    stage.run("chain advance --to-election")
    model = stage.home / "first-model"
    stage.run(
        f"train-model {ROOT}/assets/model_creator --data {stage.home}/data/creator --out {model}"
    )
    return model


def federated(stage: Stage, model: Path, rounds: int, epochs: int) -> dict[str, Any]:
    """The federation, with every party a process; what `train-federated` says in the end."""
    data = stage.home / "data"
    with ExitStack() as stack:
        for number, name in enumerate(HOSPITALS, 1):
            stage.begin(
                stack,
                f"worker run --data {data}/contributor-{number} --creator {CREATOR} "
                "--every 500ms --log-json",
                f"worker-{name}",
                name,
            )
        for name in AGGREGATORS:
            stage.begin(
                stack, "aggregator run --every 500ms --log-json", f"aggregator-{name}", name
            )
        found: dict[str, Any] = stage.run(
            f"train-federated --bundle {BUNDLE} --base-model {model} --rounds {rounds} "
            f"--participants {len(HOSPITALS)} --min-results 2 --retries 1 --round-time 20m "
            f"--epochs {epochs} --reward 20 --fee 1 --committee 1 --min-score 20% "
            f"--validation-path {data}/validation --test-path {data}/test "
            f"{' '.join(f'--invite {name}' for name in HOSPITALS)} --name hospitals --every 500ms",
            CREATOR,
        )
    return found


def trained(model: Path, folders: list[Path], test: Path, rounds: int, epochs: int) -> list[float]:
    """Accuracy after each so many epochs on the data of some folders, in one place."""
    import torch

    from decentralml.learning.examples import images, read_examples
    from decentralml.learning.models import load_model
    from decentralml.learning.train import TrainingSettings, evaluate, train

    torch.set_num_threads(1)

    def tensors(folder: Path) -> tuple[torch.Tensor, torch.Tensor]:
        found = read_examples(folder)
        return torch.from_numpy(images(found.inputs)), torch.from_numpy(found.labels)

    parts = []
    for folder in folders:
        inputs, labels = tensors(folder)
        kept = torch.arange(len(labels)) % 10 != 0  # as in the bundle: a tenth measures
        parts.append((inputs[kept], labels[kept]))
    inputs, labels = (torch.cat(each) for each in zip(*parts, strict=True))
    held = tensors(test)
    network = load_model(model)
    found = [evaluate(network, *held)["accuracy"]]
    for number in range(rounds):
        train(network, inputs, labels, TrainingSettings(epochs=epochs, seed=number))
        found.append(evaluate(network, *held)["accuracy"])
    return found


def plot(curves: dict[str, list[float]], file: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    from matplotlib.ticker import MaxNLocator

    figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
    styles = {"federated": ("#2e9e5b", "o-"), "central": ("#333333", "s--")}
    for name, values in curves.items():
        colour, style = styles.get(name, ("#4c8eda", ".:"))
        axes.plot(range(len(values)), np.array(values) * 100, style, color=colour, label=name)
        axes.annotate(f"{name} {values[-1]:.1%}", (len(values) - 1, 100 * values[-1]),
                      xytext=(6, -3), textcoords="offset points", fontsize=8)  # fmt: skip
    axes.set_xlim(0, (len(curves["federated"]) - 1) * 1.3)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("round")
    axes.set_ylabel("accuracy on the test set (%)")
    axes.set_title("Three hospitals, non-IID digits: together, alone, and in one place")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(file, dpi=150)


@click.command(help=__doc__)
@click.option("--rounds", type=click.IntRange(1), default=5, show_default=True)
@click.option("--epochs", type=click.IntRange(1), default=1, show_default=True)
@click.option("--remote", is_flag=True, help="All talk to one served chain, not to its file.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("hospitals-output"))
def main(rounds: int, epochs: int, remote: bool, out: Path) -> None:
    sys.path.insert(0, str(ROOT))
    out = out.absolute()
    out.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    # A closed terminal or a `kill` must stop the daemons as Ctrl-C does.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with (
        tempfile.TemporaryDirectory(prefix="decentralml-hospitals-") as folder,
        ExitStack() as stack,
    ):
        stage = Stage(Path(folder), out)
        model = prepare(stage)
        click.echo(f"prepared in {time.monotonic() - started:.0f} s")
        if remote:
            serve(stage, stack)
        begun = time.monotonic()
        progress = federated(stage, model, rounds, epochs)
        seconds = time.monotonic() - begun
        run = progress["run"]
        data = stage.home / "data"
        shards = [data / f"contributor-{n}" for n in range(1, len(HOSPITALS) + 1)]
        first = run["score"] / 1e6
        curves = {"federated": [first, *(each["score"] / 1e6 for each in run["rounds"])]}
        curves["central"] = trained(model, shards, data / "test", rounds, epochs)
        for name, shard in zip(HOSPITALS, shards, strict=True):
            curves[f"{name} alone"] = trained(model, [shard], data / "test", rounds, epochs)
        paid = {name: stage.run(f"balance {name}")["total"] for name in HOSPITALS}
    for name, values in curves.items():
        click.echo(f"{name:12} " + " ".join(f"{value:6.1%}" for value in values))
    plot(curves, out / "accuracy.png")
    results = {"curves": curves, "seconds": seconds, "run": run, "balances": paid}
    (out / "results.json").write_text(json.dumps(results, indent=2) + "\n")
    click.echo(f"{rounds} rounds in {seconds:.0f} s; plot: {out / 'accuracy.png'}")


if __name__ == "__main__":
    main()
