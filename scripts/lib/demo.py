"""The marketplace's main job, then a swarm, by `decentralml` commands: what `scripts/demo` plays.

Nothing here talks to the chain, the store or a model by another way than the command that it prints
first. What it adds is the cast, the order, and the tables and the plot at the end.
"""

from __future__ import annotations

import json
import os
import secrets
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parents[2]
ASSETS = ROOT / "assets"
CONTRIBUTORS = ("carol", "dan", "erin")
AGGREGATORS = ("ann", "bob", "cleo")
VOTERS = ("vic", "vera")
CREATOR = "hospital"
CAST = (CREATOR, *CONTRIBUTORS, *AGGREGATORS, *VOTERS)
REWARD, FEE = "40", "2"
TRAIN = f"{sys.executable} {ASSETS}/examples/swarm/train.py"
SLOWEST = 600.0
"""Seconds that a swarm's training may take."""
CLEAN_STOP = 30.0
"""Seconds that a node has to end."""

console = Console(highlight=False)


class Stage:
    """Runs `decentralml` in one home and shows each command before it runs."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.environment = os.environ | {
            "DECENTRALML_HOME": str(home),
            "DECENTRALML_PASSPHRASE": secrets.token_urlsafe(16),
            "COLUMNS": str(console.width),
        }
        self.commands = 0

    def run(self, line: str, actor: str | None = None) -> None:
        """Run a command for its effect; its own words go to the screen."""
        self._execute(line, actor, capture=False)

    def ask(self, line: str, actor: str | None = None) -> Any:
        """Run a command with `--json` and return what it says."""
        return json.loads(self._execute(line + " --json", actor, capture=True))

    @contextmanager
    def beside(self, line: str, actor: str, log: Path | None) -> Iterator[subprocess.Popen[bytes]]:
        """A command that goes on meanwhile, its words on the screen or in ``log``; stopped at the
        end, if it still runs."""
        with ExitStack() as stack:
            process = subprocess.Popen(
                self._words(line, actor),
                env=self.environment,
                cwd=ROOT,
                stdout=stack.enter_context(log.open("wb")) if log else None,
                stderr=subprocess.STDOUT if log else None,
            )
            try:
                yield process
            finally:
                stop(process)

    def _words(self, line: str, actor: str | None) -> list[str]:
        """The command, which is shown, and counted."""
        if actor:
            line = f"--as {actor} {line}"
        self.show(f"decentralml {line}")
        self.commands += 1
        return [sys.executable, "-m", "decentralml", *shlex.split(line)]

    def show(self, line: str) -> None:
        shown = line.replace(str(self.home), "$HOME_DIR").replace(f"{ROOT}/", "")
        console.print(f"\n[bold green]$[/] [bold]{shown}[/]", soft_wrap=True)

    def _execute(self, line: str, actor: str | None, capture: bool) -> str:
        done = subprocess.run(
            self._words(line, actor),
            env=self.environment,
            cwd=ROOT,
            stdout=subprocess.PIPE if capture else None,
            text=True,
        )
        if done.returncode:
            raise click.ClickException(f"the command above ended with exit code {done.returncode}")
        return done.stdout or ""


def stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(CLEAN_STOP)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def heading(text: str) -> None:
    console.print()
    console.rule(f"[bold]{text}", align="left")


def cast(stage: Stage) -> None:
    heading("1  Keys, tokens and data")
    stage.run("chain status")
    for name in CAST:
        stage.run(f"keys new {name}")
    for name in CAST:
        stage.run(f"transfer {name} 1000", actor="//Alice")
    stage.run(f"example-data mnist --parts {len(CONTRIBUTORS)} --out {stage.home}/data")


def elect(stage: Stage) -> None:
    heading("2  Token holders elect the aggregators")
    for name in AGGREGATORS:
        stage.run(f"aggregators apply --endpoint https://{name}.example", actor=name)
    for voter in VOTERS:
        stage.run(f"vote {' '.join(AGGREGATORS)} --stake 200", actor=voter)
    stage.run("chain advance --to-election")
    stage.run("aggregators list")


def first_model(stage: Stage) -> Path:
    heading("3  The creator's first model")
    model = stage.home / "first-model"
    stage.run(f"train-model {ASSETS}/model_creator --data {stage.home}/data/creator --out {model}")
    return model


def create(stage: Stage, model: Path, policy: str, results: int, *more: str) -> int:
    return int(
        stage.ask(
            f"create-task {ASSETS}/model_contributor --base-model {model} --policy {policy}"
            f" --type ModelContributor --model-type Vision --reward {REWARD} --fee {FEE}"
            f" --results {results} --committee 3 --expires 2h --working-time 1h --review-time 1h"
            f" --validation-path {stage.home}/data/validation {' '.join(more)}",
            actor=CREATOR,
        )["task"]
    )


def contribute(stage: Stage, task: int, who: str, shard: str) -> None:
    stage.run(f"accept-task {task}", actor=who)
    stage.run(f"run-task {task} --data {stage.home}/data/{shard}", actor=who)
    stage.run(f"send-results {task}", actor=who)


def validate(stage: Stage, task: int) -> None:
    """All commit; then all reveal, and the last releases the keys of what is accepted."""
    for _ in ("commit", "reveal"):
        for name in AGGREGATORS:
            stage.run(f"validate-task-results {task}", actor=name)
    stage.run(f"list-task-results {task}")


def accuracy(stage: Stage, model: Path | str) -> float:
    found = stage.ask(
        f"evaluate-model {model} --bundle {ASSETS}/model_contributor --data {stage.home}/data/test"
    )
    return float(found["metrics"]["accuracy"])


def result_folder(stage: Stage, task: int, who: str) -> str:
    return str(stage.ask(f"show-task {task}", actor=who)["work"]["result"])


def total(stage: Stage, name: str) -> int:
    return int(stage.ask(f"balance {name}")["total"])


def tokens(planck: int) -> str:
    """Planck as tokens, to the last unit."""
    whole, part = divmod(abs(planck), 10**12)
    return f"{'-' if planck < 0 else ''}{whole:,}.{part:012}"


def books(before: dict[str, int], after: dict[str, int], issuance: tuple[int, int]) -> None:
    table = Table(title="Balances in DML, to the last planck", title_justify="left")
    for column in ("account", "before", "after", "change"):
        table.add_column(column, justify="left" if column == "account" else "right")

    def row(name: str, old: int, new: int) -> None:
        table.add_row(name, tokens(old), tokens(new), tokens(new - old))

    for name in before:
        row(name, before[name], after[name])
    table.add_section()
    row("together", sum(before.values()), sum(after.values()))
    burned = issuance[0] - issuance[1]
    table.add_row("burned as fees", "", "", tokens(burned))
    console.print(table)
    change = sum(after.values()) - sum(before.values())
    if change != -burned:
        raise click.ClickException(f"the books do not add up: {change:+} is not {-burned:+}")
    console.print("They add up to the unit: what left the accounts was burned as fees, no more.")


def swarm(stage: Stage) -> None:
    """The three without a hospital: their nodes meet in rounds and lead in turn."""
    heading("9  A swarm: the same three, and nobody in the middle")
    model = stage.home / "first.safetensors"
    stage.show(f"{TRAIN} --first {model}")
    subprocess.run(shlex.split(f"{TRAIN} --first {model}"), cwd=ROOT, check=True)
    owner = CONTRIBUTORS[0]
    made = stage.ask(f"swarm create --model {model} --min-peers {len(CONTRIBUTORS)}", owner)
    number = made["swarm"]
    stage.run(f"swarm grant {number} {' '.join(CONTRIBUTORS)}", owner)
    for who, port in zip(CONTRIBUTORS, free_ports(len(CONTRIBUTORS)), strict=True):
        stage.run(f"swarm join {number} --address 127.0.0.1:{port}", who)
    found = {who: stage.home / f"swarm-{who}.json" for who in CONTRIBUTORS}
    with ExitStack() as stack:
        nodes = {}
        for place, who in reversed([*enumerate(CONTRIBUTORS)]):
            line = (
                f"swarm run {number} --linger 1s -- {TRAIN} --node {place}"
                f" --nodes {len(CONTRIBUTORS)} --epochs 1 --sync-frequency 64 --out {found[who]}"
            )
            # One node's words are enough to follow.
            log = None if who == owner else stage.home / f"swarm-{who}.log"
            nodes[who] = stack.enter_context(stage.beside(line, who, log))
        wait_for(stage, nodes)
    missing = [who for who, file in found.items() if not file.exists()]
    if missing:
        raise click.ClickException(f"the node of {missing[0]} was stopped before it had trained")
    stage.run(f"swarm status {number}")
    stage.run(f"swarm rounds {number}")
    measured = {json.loads(file.read_text())["accuracy"] for file in found.values()}
    merged = [each["model"]["merged"] for each in stage.ask(f"swarm rounds {number}")]
    if len(measured) != 1 or set(merged) != {len(CONTRIBUTORS)}:
        raise click.ClickException("the nodes of the swarm do not have one model of all three")
    console.print(
        f"Each node lacks digits that others have; after {len(merged)} merges all have the same"
        f" model: {measured.pop():.1%} on all ten."
    )


def wait_for(stage: Stage, nodes: dict[str, subprocess.Popen[bytes]]) -> None:
    """Until all nodes have ended by themselves."""
    deadline = time.monotonic() + SLOWEST
    while time.monotonic() < deadline:
        codes = {who: node.poll() for who, node in nodes.items()}
        for who, code in codes.items():
            if code:
                log = stage.home / f"swarm-{who}.log"
                told = f":\n{log.read_text()}" if log.exists() else ""
                raise click.ClickException(f"the node of {who} ended with exit code {code}{told}")
        if None not in codes.values():
            return
        time.sleep(0.1)
    raise click.ClickException(f"the nodes have not ended after {SLOWEST:.0f} s")


def free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        taken = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in taken:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in taken]


def plot(accuracies: dict[str, float], file: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    names = list(accuracies)
    figure, axes = plt.subplots(figsize=(7, 3.6), layout="constrained")
    colours = ["#9aa5b1"] + ["#4c8eda"] * (len(names) - 2) + ["#2e9e5b"]
    bars = axes.bar(names, [100 * a for a in accuracies.values()], color=colours)
    axes.bar_label(bars, fmt="%.1f %%", padding=2)
    axes.set_ylim(0, 108)
    axes.set_ylabel("accuracy on the test set (%)")
    axes.set_title("Each alone, and merged: real MNIST digits, disjoint non-IID shards")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(file, dpi=150)


@click.command(help=__doc__)
@click.option("--keep", is_flag=True, help="Leave the home folder in demo-output/home.")
@click.option("--out", type=click.Path(path_type=Path), default=ROOT / "demo-output")
def demo(keep: bool, out: Path) -> None:
    started = time.monotonic()
    out.mkdir(parents=True, exist_ok=True)
    home = Path(tempfile.mkdtemp(prefix="decentralml-demo-"))
    # A closed terminal or a `kill` must clean up as Ctrl-C does.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        stage = Stage(home)
        play(stage, out)
        if keep:
            shutil.rmtree(out / "home", ignore_errors=True)
            shutil.copytree(home, out / "home")
        elapsed = time.monotonic() - started
        console.print(f"\n{stage.commands} commands in {elapsed:.0f} s.")
    finally:
        shutil.rmtree(home, ignore_errors=True)


def play(stage: Stage, out: Path) -> None:
    cast(stage)
    people = (*CAST, "treasury")
    before = {name: total(stage, name) for name in people}
    issued = int(stage.ask("chain status")["total_issuance"])
    elect(stage)
    model = first_model(stage)
    accuracies = {"first model": accuracy(stage, model)}

    heading("4  AutoAccept: three shards, three sealed results, measured by the elected")
    minimum = ("--min-gain", "0.01")
    task = create(stage, model, "AutoAccept", len(CONTRIBUTORS), *minimum)
    stage.run("list-tasks")
    for n, who in enumerate(CONTRIBUTORS, 1):
        contribute(stage, task, who, f"contributor-{n}")
    validate(stage, task)
    for who in CONTRIBUTORS:
        accuracies[who] = accuracy(stage, result_folder(stage, task, who))
    merged = stage.home / "merged-model"
    stage.run(
        f"federate {task} --out {merged} --validation-path {stage.home}/data/validation",
        actor=CREATOR,
    )
    stage.run(f"show-task {task}")
    accuracies["merged"] = accuracy(stage, merged)

    heading("5  ManualAccept: the creator decides on the committee's finding")
    task = create(stage, merged, "ManualAccept", 2)
    for n, who in enumerate(CONTRIBUTORS[:2], 1):
        contribute(stage, task, who, f"contributor-{n}")
    validate(stage, task)
    stage.run(f"accept-task-results {task} 0", actor=CREATOR)
    stage.run(f"validate-task-results {task}", actor=AGGREGATORS[0])
    stage.run(f"reject-task-results {task} 1 --reason 'I would rather not pay'", actor=CREATOR)

    heading("6  An appeal: all in office judge what the creator rejected against the committee")
    stage.run(f"appeal {task} 1", actor=CONTRIBUTORS[1])
    validate(stage, task)
    stage.run(f"reputation {CREATOR}")

    heading("7  CustomAccept: the creator's own validator meets a poisoned model")
    task = create(stage, merged, "CustomAccept", 2, "--validator", "validator.py")
    contribute(stage, task, CONTRIBUTORS[0], "contributor-1")
    contribute(stage, task, CONTRIBUTORS[2], "poisoned")
    validate(stage, task)
    stage.run(f"withdraw-task {task}", actor=CREATOR)

    heading("8  The books")
    after = {name: total(stage, name) for name in people}
    books(before, after, (issued, int(stage.ask("chain status")["total_issuance"])))
    results = Table(title="Accuracy on the test set", title_justify="left")
    results.add_column("model")
    results.add_column("accuracy", justify="right")
    for name, value in accuracies.items():
        results.add_row(name, f"{value:.1%}")
    console.print(results)
    best = max(accuracies[who] for who in CONTRIBUTORS)
    if accuracies["merged"] <= best:
        raise click.ClickException("the merged model is not better than every contributor's own")
    plot(accuracies, out / "marketplace.png")
    (out / "results.json").write_text(
        json.dumps({"accuracies": accuracies, "before": before, "after": after}, indent=2) + "\n"
    )
    console.print(f"Plot: {os.path.relpath(out / 'marketplace.png')}")
    swarm(stage)
    console.print(
        "\nTry next:\n"
        "  .venv/bin/decentralml --help\n"
        "  .venv/bin/decentralml doctor\n"
        "  scripts/demo --keep && export DECENTRALML_HOME=$PWD/demo-output/home\n"
        "  .venv/bin/decentralml list-tasks\n"
        "  .venv/bin/decentralml show-task 0\n"
        "  .venv/bin/decentralml swarm rounds 0\n"
        "  .venv/bin/decentralml chain serve --port 9944   # then open polkadot.js apps on it"
    )


if __name__ == "__main__":
    demo()
