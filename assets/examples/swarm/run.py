"""Six nodes learn handwritten digits together, without a centre: every part a process of its own.

    python assets/examples/swarm/run.py [--epochs 10] [--merge mean] [--shared] [--out DIR]

A chain, and for each node its `decentralml swarm run` (file server with mutual TLS, rounds) with
the training process (`train.py`) that it starts. Each node lacks two of the ten digits and has few
of two more. Beside that, the same number of passes over all digits in one place, and over those of
one node alone.

Leaves `results.json`, each node's accuracy and the parties' logs in DIR (swarm-output).
"""

from __future__ import annotations

import json
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from stage import Stage, serve

HERE = Path(__file__).resolve().parent
NODES = ("//Alice", "//Bob", "//Charlie", "//Dave", "//Eve", "//Ferdie")
TRAIN = f"{shlex.quote(sys.executable)} {shlex.quote(str(HERE / 'train.py'))}"
SLOWEST = 3600.0
"""Seconds that all of it may take."""


def free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        found = []
        for _ in range(count):
            taken = stack.enter_context(socket.socket())
            taken.bind(("127.0.0.1", 0))
            found.append(taken.getsockname()[1])
        return found


def prepare(stage: Stage, model: Path, merge: str, min_peers: int) -> int:
    """A swarm for models like that one, with a seat and a registered node for each; its number."""
    made = stage.run(
        f"swarm create --model {shlex.quote(str(model))} --min-peers {min_peers} "
        f"--max-peers {len(NODES)} --merge {merge} --admission open",
        NODES[0],
    )
    for name, port in zip(NODES, free_ports(len(NODES)), strict=True):
        stage.run(f"swarm join {made['swarm']} --address 127.0.0.1:{port}", name)
    number: int = made["swarm"]
    return number


def first_model(folder: Path, seed: int) -> Path:
    """The network that all nodes begin from, as a file: it says what updates look like."""
    model = folder / "first.safetensors"
    line = f"{TRAIN} --seed {seed} --first {shlex.quote(str(model))}"
    subprocess.run(shlex.split(line), check=True)
    return model


def together(stage: Stage, stack: ExitStack, swarm: int, options: str) -> list[dict[str, Any]]:
    """What each node's training found."""
    outs = [stage.out / f"node-{place}.json" for place in range(len(NODES))]
    for place, (name, out) in enumerate(zip(NODES, outs, strict=True)):
        out.unlink(missing_ok=True)
        stage.begin(
            stack,
            f"swarm run {swarm} --log-json -- {TRAIN} --node {place} {options} "
            f"--out {shlex.quote(str(out))}",
            f"node-{place}",
            name,
        )
    deadline = time.monotonic() + SLOWEST
    while not all(out.exists() and out.read_text().endswith("\n") for out in outs):
        if time.monotonic() > deadline:
            raise click.ClickException(f"not all nodes came to an end; see {stage.out}")
        time.sleep(0.2)
    return [json.loads(out.read_text()) for out in outs]


def apart(options: str, out: Path) -> float:
    """The accuracy of training without a swarm."""
    line = f"{TRAIN} {options} --out {shlex.quote(str(out))}"
    subprocess.run(shlex.split(line), check=True, stdout=subprocess.DEVNULL)
    found: float = json.loads(out.read_text())["accuracy"]
    return found


@click.command(help=__doc__)
@click.option("--epochs", type=click.IntRange(1), default=10, show_default=True)
@click.option("--sync-frequency", type=click.IntRange(1), default=8, show_default=True)
@click.option("--merge", default="mean", show_default=True)
@click.option("--min-peers", type=click.IntRange(1), default=len(NODES), show_default=True)
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--shared", is_flag=True, help="All share the chain's file; none serves it.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("swarm-output"))
def main(
    epochs: int,
    sync_frequency: int,
    merge: str,
    min_peers: int,
    seed: int,
    shared: bool,
    out: Path,
) -> None:
    out = out.absolute()
    out.mkdir(parents=True, exist_ok=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    passes = f"--epochs {epochs} --seed {seed} --nodes {len(NODES)}"
    with (
        tempfile.TemporaryDirectory(prefix="decentralml-swarm-") as folder,
        ExitStack() as stack,
    ):
        stage = Stage(Path(folder), out)
        swarm = prepare(stage, first_model(stage.home, seed), merge, min_peers)
        if not shared:
            serve(stage, stack, "200ms")
        begun = time.monotonic()
        found = together(stage, stack, swarm, f"{passes} --sync-frequency {sync_frequency}")
        seconds = time.monotonic() - begun
        stands = stage.run(f"swarm status {swarm}", NODES[0])
    central = apart(f"{passes} --central", out / "central.json")
    alone = apart(f"{passes} --alone", out / "alone.json")
    for place, each in enumerate(found):
        click.echo(f"node {place}   {each['accuracy']:.1%}")
    click.echo(f"central  {central:.1%}\nalone    {alone:.1%}")
    click.echo(f"{found[0]['round']} merges in {seconds:.0f} s")
    results = {
        "nodes": found, "central": central, "alone": alone, "seconds": seconds, "status": stands,
    }  # fmt: skip
    (out / "results.json").write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
