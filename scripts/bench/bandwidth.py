#!/usr/bin/env python3
"""Bytes that a federation's updates take, against the accuracy that it reaches.

    scripts/bench/bandwidth.py [--rounds N] [--clients N] [--seeds N]

A federation on real MNIST digits, unevenly split, runs once with whole models and once with each
coding, through the very files that results travel as: coded, read as a stream, merged. Printed are
the bytes of one update beside the whole model's, and the accuracy of the last model on held-out
digits. Bar: 20 times fewer bytes within one point of the accuracy of whole models.
"""

from __future__ import annotations

import argparse
import copy
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import torch
from torch import Tensor, nn

from decentralml.bundles.coding import Coding
from decentralml.bundles.manifest import MODEL_FILE
from decentralml.learning.compress.decode import CodedUpdate
from decentralml.learning.compress.encode import encode
from decentralml.learning.examples import Examples, images, read_mnist, split_mnist
from decentralml.learning.mean import weighted_mean
from decentralml.learning.models import load_model, save_model
from decentralml.learning.models.digits import DigitNet
from decentralml.learning.tensors import TensorFile
from decentralml.learning.train import TrainingSettings, evaluate, train
from decentralml.learning.update import Update

CODINGS = ("q8", "q4", "q2", "top10%", "top10%-q4", "top5%-q4", "top1%-q4", "top1%-q2")
RATIO_BAR, POINTS_BAR = 20, 1.0
WIDTHS = (16, 32)
FIRST_BATCH = 16


@dataclass
class Row:
    """What one way to travel came to."""

    coding: Coding | None
    bytes: float
    accuracy: float


def federation(
    coding: Coding | None, data: dict[str, tuple[Tensor, Tensor]], rounds: int, folder: Path
) -> tuple[float, float]:
    """Mean bytes of an update, and the last model's accuracy."""
    torch.manual_seed(0)
    model: nn.Module = DigitNet(WIDTHS)
    train(model, *data["creator"], TrainingSettings(epochs=1, batch=FIRST_BATCH))
    save_model(model, folder / "base")
    clients = [name for name in data if name.startswith("contributor")]
    sizes: list[int] = []
    for number in range(rounds):
        base = TensorFile.open(folder / "base" / MODEL_FILE)
        updates = []
        for name in clients:
            own = copy.deepcopy(model)
            settings = TrainingSettings(epochs=2, batch=32, seed=number)
            train(own, *data[name], settings)
            place = folder / f"{name}-{number}"
            save_model(own, place)
            if coding is None:
                file, source = place / MODEL_FILE, None
            else:
                file = place / "update.safetensors"
                before = folder / f"{name}-{number - 1}" / "untold.safetensors"
                encode(
                    base,
                    TensorFile.open(place / MODEL_FILE),
                    file,
                    coding,
                    untold=TensorFile.open(before) if before.exists() else None,
                    untold_out=place / "untold.safetensors",
                )
                source = CodedUpdate.open(file, base, coding)
            sizes.append(file.stat().st_size)
            updates.append(Update(file, len(data[name][1]), source=source))
        weighted_mean(updates, folder / "merged" / MODEL_FILE)
        (folder / "merged" / MODEL_FILE).replace(folder / "base" / MODEL_FILE)
        model = load_model(folder / "base")
    return fmean(sizes), evaluate(model, *data["test"])["accuracy"]


def tensors(examples: Examples) -> tuple[Tensor, Tensor]:
    return torch.from_numpy(images(examples.inputs)), torch.from_numpy(examples.labels)


def table(rows: list[Row]) -> bool:
    whole = rows[0]
    print(f"{'travels':<12}{'bytes':>10}{'fewer':>9}{'accuracy':>10}{'points':>8}")
    met = False
    for row in rows:
        fewer = whole.bytes / row.bytes
        points = 100 * (row.accuracy - whole.accuracy)
        name = "whole" if row.coding is None else str(row.coding)
        print(f"{name:<12}{row.bytes:>10.0f}{fewer:>8.1f}x{row.accuracy:>10.4f}{points:>+8.2f}")
        met |= fewer >= RATIO_BAR and points >= -POINTS_BAR
    print(
        f"bar: {RATIO_BAR} times fewer bytes within {POINTS_BAR:g} point: "
        + ("met" if met else "MISSED")
    )
    return met


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--clients", type=int, default=5)
    parser.add_argument("--seeds", type=int, default=2)
    options = parser.parse_args()
    digits = read_mnist()
    rows = []
    for coding in (None, *map(Coding.parse, CODINGS)):
        found = []
        for seed in range(options.seeds):
            parts = split_mnist(digits, options.clients, seed)
            data = {name: tensors(examples) for name, examples in parts.items()}
            with tempfile.TemporaryDirectory() as folder:
                found.append(federation(coding, data, options.rounds, Path(folder)))
        rows.append(Row(coding, fmean(f[0] for f in found), fmean(f[1] for f in found)))
        print(f"{coding or 'whole'} done", file=sys.stderr)
    return 0 if table(rows) else 1


if __name__ == "__main__":
    sys.exit(main())
