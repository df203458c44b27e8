"""Sketches: a few numbers by which everybody can see that two results are the same update.

A sketch is a seeded random projection of an update's direction: each number of ``model - base``
goes with a random sign into one of 32 sums (a count sketch: Charikar et al. 2002), and the sums are
made as long as one and rounded to parts of 2^20. Distances survive that: two sketches are as far
apart as the directions of the two updates, give or take a third. What does not survive is the
update: 32 numbers say nothing about its length, and fix 32 sums of at least 2,048 unknown ones.

It is made of element-wise float64 arithmetic and of sums in a fixed order, so that the same files
give the same sketch on any machine.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from decentralml.learning.dtypes import FLOATS, STORED, Doubles, widened
from decentralml.learning.tensors import TensorFile
from decentralml.types import TaskId
from decentralml.validation.checks import pieces
from decentralml.validation.findings import SKETCH_SIZE, SKETCH_UNIT

LEAST_MOVED = 64 * SKETCH_SIZE
"""Updates that move fewer numbers have no sketch, as it would tell too much of them."""
SAME = 0.001
"""Directions that are nearer than that are the same but for rounding."""


def sketch_seed(genesis: bytes, task: TaskId) -> bytes:
    """What the signs and places of all sketches of a task are drawn from (32 bytes)."""
    about = b"decentralml/sketch" + genesis + task.to_bytes(8, "little")
    return hashlib.blake2b(about, digest_size=32).digest()


def sketch(model: Path, base: Path, seed: bytes) -> tuple[int, ...] | None:
    """The sketch of the update from ``base`` to ``model``, both safetensors files.

    Memory does not grow with the models. The order of the tensors in the files does not matter.

    Returns
    -------
    As many integers as every sketch has, or None: the files hold different tensors, the update
    moves fewer than :data:`LEAST_MOVED` numbers, or it is not finite.

    Raises
    ------
    DamagedTensors
    """
    after, before = TensorFile.open(model), TensorFile.open(base)
    if dict(after.specs) != dict(before.specs):
        return None
    sums, moved = np.zeros(SKETCH_SIZE), 0
    for name in sorted(after.specs):
        if after.specs[name].dtype not in FLOATS:
            continue
        chance = _chance(seed, name)
        for here, there in zip(_numbers(after, name), _numbers(before, name), strict=True):
            with np.errstate(over="ignore", invalid="ignore"):
                way = here - there
            moved += int(np.count_nonzero(way))
            drawn = chance.random_raw(-(-len(way) // 8)).astype("<u8").view(np.uint8)[: len(way)]
            signs = 1.0 - 2.0 * ((drawn >> 5) & 1)
            sums += np.bincount(drawn & (SKETCH_SIZE - 1), signs * way, SKETCH_SIZE)
    if moved < LEAST_MOVED:
        return None
    largest = float(np.max(np.abs(sums)))
    if not math.isfinite(largest) or not largest:
        return None
    scaled = (sums / largest).tolist()  # So that squares neither overflow nor vanish.
    length = math.sqrt(math.fsum(value * value for value in scaled))
    return tuple(round(value / length * SKETCH_UNIT) for value in scaled)


def apart(one: Sequence[int], two: Sequence[int]) -> float:
    """How far apart the directions of two updates are (0: the same, 2: opposite)."""
    return math.dist(one, two) / SKETCH_UNIT


def _chance(seed: bytes, name: str) -> np.random.Philox:
    """The random numbers of a tensor: a stream that no version of NumPy changes."""
    key = hashlib.blake2b(name.encode(), key=seed, digest_size=16).digest()
    return np.random.Philox(key=int.from_bytes(key, "little"))


def _numbers(file: TensorFile, name: str) -> Iterator[Doubles]:
    dtype = file.specs[name].dtype
    for piece in pieces(file, name):
        yield widened(np.frombuffer(piece, STORED[dtype]), dtype).astype(np.float64)
