"""Writes the digits and the base model of `assets/examples/replay_digits`.

Run once, when they change. The digits are 30 of each kind that `write_mnist` gives to
contributors, so that its validation and test sets stay unseen.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from decentralml.learning.examples import images, read_mnist, split_mnist, write_examples
from decentralml.learning.models import DigitNet, save_model
from decentralml.learning.train import TrainingSettings, train

FOLDER = Path(__file__).resolve().parents[2] / "assets" / "examples" / "replay_digits"
OF_EACH = 30


def main() -> None:
    torch.set_num_threads(1)
    parts = split_mnist(read_mnist(), parts=1)
    mine = parts["contributor-1"]
    first = [np.flatnonzero(mine.labels == digit)[:OF_EACH] for digit in range(10)]
    write_examples(mine[np.concatenate(first)], FOLDER / "data")
    torch.manual_seed(0)
    model = DigitNet()
    base = parts["creator"]
    train(
        model,
        torch.from_numpy(images(base.inputs)),
        torch.from_numpy(base.labels),
        TrainingSettings(epochs=4, batch=16),
    )
    save_model(model, FOLDER / "model")


if __name__ == "__main__":
    main()
