"""``simulate``: a federation of simulated clients, without a chain."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import click

from decentralml.cli.options import (
    EXISTING_FOLDER,
    FOLDER,
    Settings,
    common,
    examples,
    pass_settings,
)
from decentralml.cli.output import document, table
from decentralml.errors import BadSettings

if TYPE_CHECKING:
    from decentralml.learning.simulation.federation import Round

SPLITS = ("alike", "by-class", "dirichlet")
SERVERS = ("fedavg", "fedavgm", "fedadagrad", "fedadam", "fedyogi")


@click.command(
    epilog=examples(
        "decentralml simulate --data data/contributor-1 --data data/contributor-2 "
        "--test data/test --rounds 5",
        "decentralml simulate --data data/validation --test data/test --clients 100 "
        "--split by-class --classes 2 --participation 0.2 --server fedadam",
    )
)
@click.option(
    "--data",
    "folders",
    type=EXISTING_FOLDER,
    multiple=True,
    required=True,
    help="A client's examples (several times: several clients), or with --clients all of them.",
)
@click.option("--test", type=EXISTING_FOLDER, help="Examples to measure the model on.")
@click.option("--model", type=EXISTING_FOLDER, help="Model to start from; default: a new DigitNet.")
@click.option("--out", type=FOLDER, help="New folder for the model at the end.")
@click.option("--clients", type=click.IntRange(1), help="Divide the examples among this many.")
@click.option("--split", type=click.Choice(SPLITS), default="alike", show_default=True)
@click.option("--classes", type=click.IntRange(1), default=2, help="Of a client, for by-class.")
@click.option("--concentration", type=float, default=0.5, help="Of the Dirichlet distribution.")
@click.option("--rounds", type=int, default=10, show_default=True)
@click.option("--participation", type=float, default=1.0, help="Part of the clients in a round.")
@click.option("--drop-out", type=float, default=0.0, help="Probability that a client fails.")
@click.option("--method", type=click.Choice(("fedavg", "fedsgd")), default="fedavg")
@click.option("--epochs", type=int, default=1, show_default=True)
@click.option("--batch", type=int, default=16, show_default=True)
@click.option("--learning-rate", type=float, default=0.05, show_default=True)
@click.option("--momentum", type=float, default=0.9, show_default=True)
@click.option("--proximal", type=float, default=0.0, help="FedProx's μ.")
@click.option("--server", type=click.Choice(SERVERS), default="fedavg", show_default=True)
@click.option("--server-rate", type=float, default=math.nan, help="The server's learning rate.")
@click.option("--engine", type=click.Choice(("auto", "stacked", "loop")), default="auto")
@click.option("--device", default="cpu", show_default=True, help="PyTorch's name of it.")
@click.option("--seed", type=int, default=0, show_default=True)
@common
@pass_settings
def simulate(
    settings: Settings,
    folders: tuple[Path, ...],
    test: Path | None,
    model: Path | None,
    out: Path | None,
    clients: int | None,
    split: str,
    classes: int,
    concentration: float,
    rounds: int,
    participation: float,
    drop_out: float,
    method: str,
    epochs: int,
    batch: int,
    learning_rate: float,
    momentum: float,
    proximal: float,
    server: str,
    server_rate: float,
    engine: str,
    device: str,
    seed: int,
) -> None:
    """Simulate a federation on this machine, stacked where that is faster than a loop."""
    settings.anew = True  # Before the imports, which take a moment, too.
    import torch

    from decentralml.learning.models import DigitNet, load_model, save_model
    from decentralml.learning.optimizers import Method, ServerOptimizer
    from decentralml.learning.simulation import federation, partition
    from decentralml.learning.stacked.clients import read_client
    from decentralml.learning.stacked.cost import Engine
    from decentralml.learning.train import Local, TrainingSettings

    plan = federation.Settings(
        rounds=rounds,
        participation=participation,
        drop_out=drop_out,
        training=TrainingSettings(
            epochs, learning_rate, momentum, batch, seed, proximal, Local(method)
        ),
        server=ServerOptimizer(Method(server), server_rate),
        seed=seed,
        engine=Engine(engine),
    )
    parties = [read_client(folder) for folder in folders]
    if clients is not None:
        inputs = torch.cat([party.inputs for party in parties])
        labels = torch.cat([party.labels for party in parties])
        if split == "alike":
            parties = partition.alike(inputs, labels, clients, seed)
        elif split == "by-class":
            parties = partition.by_class(inputs, labels, clients, classes, seed)
        else:
            parties = partition.dirichlet(inputs, labels, clients, concentration, seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        module = load_model(model) if model else DigitNet()
    _check_device(device)

    def said(done: Round) -> None:
        settings.terminal.step(
            f"round {done.number} of {rounds}: {done.delivered} of {done.drawn} clients, "
            f"{done.seconds:.2f} s"
        )

    history = federation.simulate(
        module,
        parties,
        plan,
        test=read_client(test) if test else None,
        device=device,
        on_round=said,
    )
    saved = save_model(module.cpu(), out) if out else None
    if settings.json:
        document({"clients": len(parties), "engine": history.choice, "rounds": history.rounds,
                  "model": saved})  # fmt: skip
        return
    columns = ("round", "clients", "loss", "accuracy", "test loss", "MB down", "MB up", "seconds")
    table(columns, [_row(done) for done in history.rounds], right=" ".join(columns))
    if history.choice:
        click.echo(f"{len(parties)} clients, {history.choice.engine}: {history.choice.reason}")
    if saved:
        click.echo(f"wrote {saved}")


def _check_device(device: str) -> None:
    import torch

    try:
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).split("\n")[0]
        raise BadSettings("the device", repr(device), f"one that is here ({reason})") from None


def _row(done: Round) -> tuple[str, ...]:
    def number(value: float, digits: int) -> str:
        return "-" if math.isnan(value) else f"{value:.{digits}f}"

    return (
        str(done.number),
        f"{done.delivered}/{done.drawn}",
        number(done.loss, 4),
        number(done.accuracy, 4),
        number(done.test_loss, 4),
        f"{done.down / 1e6:.2f}",
        f"{done.up / 1e6:.2f}",
        f"{done.seconds:.2f}",
    )
