"""Writes the samples of `assets/data_annotator` and the gold labels of half of them.

Run once, when the samples change. They are the first MNIST digits of each kind, which
`write_mnist` gives to nobody else, in an order that tells nothing.
"""

from __future__ import annotations

import json
import struct
import zlib
from pathlib import Path

import numpy as np

from decentralml.learning.examples import Split, read_mnist

ASSETS = Path(__file__).resolve().parents[2] / "assets"
FOLDER = ASSETS / "data_annotator"
GOLD = ASSETS / "examples" / "annotation" / "gold" / "gold.json"


def png(image: np.ndarray) -> bytes:
    """A grey 8-bit image ``[height, width]`` as PNG."""
    height, width = image.shape
    rows = b"".join(b"\0" + row.tobytes() for row in image)
    chunks = {
        b"IHDR": struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0),
        b"IDAT": zlib.compress(rows, 9),
        b"IEND": b"",
    }
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks.items()
    )


def main() -> None:
    digits = read_mnist()
    first = [np.flatnonzero(digits.labels == digit)[: Split().samples] for digit in range(10)]
    order = np.random.default_rng(20).permutation(np.concatenate(first))
    items, gold = {}, {}
    for number, index in enumerate(order):
        name = f"digit-{number:02}"
        items[name] = f"samples/{name}.png"
        (FOLDER / "samples").mkdir(parents=True, exist_ok=True)
        (FOLDER / items[name]).write_bytes(png(digits.inputs[index]))
        if number % 2 == 0:
            gold[name] = str(digits.labels[index])
    schema = {
        "annotation": "Image",
        "question": "Which digit is it?",
        "classes": [str(digit) for digit in range(10)],
        "items": items,
    }
    (FOLDER / "schema.json").write_text(json.dumps(schema, indent=2) + "\n")
    GOLD.parent.mkdir(parents=True, exist_ok=True)
    GOLD.write_text(json.dumps(gold, indent=2) + "\n")


if __name__ == "__main__":
    main()
