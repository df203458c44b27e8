"""DP-FedAvg: a merge that tells little of whether any one contributor took part.

Each update's way from the base model is shortened to the length ``clip`` at most, over all floating
tensors, buffers included; the next model is the base, plus the plain mean of those ways, plus
normal noise of standard deviation ``noise · clip / n`` on each number. Everybody counts the same:
examples are claimed, and a weight would be a way to stand out. Integer tensors stay as in the base
model.

Leaving one contributor's way out (as zero; ``n`` is no secret) moves the mean by ``clip / n`` at
most, so this is the Gaussian mechanism with noise multiplier ``noise``. An update that cannot be
used is that zero: it still counts in ``n``, so that the noise does not tell of it. Contributors
choose themselves which tasks they take, so nothing is gained by sampling: the accountant is told a
rate of one (:mod:`.accountant`).

The noise is added in float64, before anything is rounded to the model's type: rounding first would
move each number by up to a step of that type, which in bfloat16 is more than a contributor may.

Source: McMahan et al., Learning Differentially Private Recurrent Language Models, 2018,
algorithm 1. https://arxiv.org/abs/1710.06963
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from decentralml.bundles.manifest import DTYPES, MODEL_FILE, STRUCTURE_FILE
from decentralml.errors import (
    AllUpdatesRejected,
    BadPrivacy,
    NotFinite,
    NoUpdates,
    StructureMismatch,
)
from decentralml.learning.dtypes import FLOATS, STORED, Array, Doubles, narrowed, widened
from decentralml.learning.federate import Merge
from decentralml.learning.privacy.noise import GaussianNoise
from decentralml.learning.robust.centre import clipped
from decentralml.learning.robust.geometry import measure_lengths
from decentralml.learning.robust.merge import Part, Report, of_another_structure
from decentralml.learning.robust.rules import Mixing, Rule
from decentralml.learning.sources import TensorSource
from decentralml.learning.stack import Meter, Piece, Progress, Stack, fill, in_order
from decentralml.learning.structure import Structure
from decentralml.learning.tensors import TensorFile, TensorWriter, replacing
from decentralml.learning.update import Update

PIECE = 1 << 18
LEAST_NOISE = 0.01
"""Less than this hides nobody: epsilon is in the thousands after one merge."""


@dataclass(frozen=True, slots=True)
class UserLevel:
    """How private a merge is to be.

    Attributes
    ----------
    clip : longest way of one update from the base model (Euclidean length).
    noise : multiplier: standard deviation of the noise on the sum of ways, in units of ``clip``.
    """

    clip: float
    noise: float

    def __post_init__(self) -> None:
        """Raises BadPrivacy."""
        for name, least in (("clip", 0.0), ("noise", LEAST_NOISE)):
            value = getattr(self, name)
            if not (np.isfinite(value) and value > 0 and value >= least):
                wanted = f"a number of at least {least}" if least else "a number above zero"
                raise BadPrivacy(name, value, wanted)


def federate_private(
    updates: Sequence[Update],
    out: Path,
    base: Path,
    privacy: UserLevel,
    key: bytes,
    progress: Progress | None = None,
) -> Merge:
    """Merge folders of saved models into the folder ``out``; see :func:`merge_private`.

    Parameters
    ----------
    base : folder of the model that all of them began from.

    Raises
    ------
    StructureMismatch : a model is of another class than the base, or made otherwise.
    """
    structure = Structure.read(base)
    for update in updates:
        found = Structure.read(update.path)
        if found != structure:
            raise StructureMismatch(update.name, STRUCTURE_FILE, str(structure), str(found))
    start = TensorFile.open(base / MODEL_FILE)
    report = merge_private(updates, out / MODEL_FILE, start, privacy, key, progress)
    structure.write(out)
    return Merge(out, report)


def merge_private(
    updates: Sequence[Update],
    out: Path,
    base: TensorSource,
    privacy: UserLevel,
    key: bytes,
    progress: Progress | None = None,
) -> Report:
    """Write the private mean of ``updates`` to the safetensors file ``out``.

    Parameters
    ----------
    key : 32 secret bytes, of these updates in this order and of these settings only; the same give
        the same model. Two merges with the same noise would tell their difference bare.

    Raises
    ------
    NoUpdates, AllUpdatesRejected, BaseMismatch, DamagedTensors, NotFinite, UnmergeableType,
    UnwritableModel
    """
    if not updates:
        raise NoUpdates
    rejected = of_another_structure(updates, base)
    readable = [place for place in range(len(updates)) if place not in rejected]
    factors = np.zeros(len(updates))
    if readable:
        stack = Stack([updates[place] for place in readable], base)
        meter = Meter(progress, 2 * stack.bytes * len(stack))
        lengths = measure_lengths(stack, meter).lengths
        for place, length in zip(readable, lengths, strict=True):
            if not np.isfinite(length):
                rejected[place] = "it holds NaN or infinity, or numbers beyond all use"
        sound = [row for row, place in enumerate(readable) if place not in rejected]
    if not readable or not sound:
        raise AllUpdatesRejected([(updates[i].name, why) for i, why in sorted(rejected.items())])
    kept = [readable[row] for row in sound]
    factors[kept] = clipped(lengths[sound], privacy.clip) / len(updates)
    deviation = privacy.noise * privacy.clip / len(updates)
    _write(stack.of(sound), factors[kept], out, deviation, GaussianNoise(key), meter)
    return Report(
        Rule.MEAN,
        Rule.MEAN,
        Mixing.NONE,
        0,
        f"ways of {privacy.clip:g} at most, noise {privacy.noise:g}",
        tuple(
            Part(update.name, 1 / len(updates), float(factor), rejected.get(place, ""))
            for place, (update, factor) in enumerate(zip(updates, factors, strict=True))
        ),
        1.0 - float(factors.sum()),
    )


def _write(
    stack: Stack,
    factors: Doubles,
    out: Path,
    deviation: float,
    noise: GaussianNoise,
    meter: Meter,
) -> None:
    """Write ``base + Σ f_i (w_i - base) + noise``; integers as in the base model."""
    base = stack.base
    assert base is not None

    def moved(piece: Piece) -> tuple[Array, Doubles | None]:
        """The base's piece as stored, and the sum without noise; None of integers."""
        start = np.empty(piece.count, STORED[piece.dtype])
        fill(base, piece, start)
        if piece.dtype not in FLOATS:
            return start, None
        origin = widened(start, piece.dtype).astype(np.float64)
        stored, way, total = np.empty_like(start), np.empty_like(origin), np.zeros_like(origin)
        for source, factor in zip(stack.sources, factors, strict=True):
            fill(source, piece, stored)
            np.subtract(widened(stored, piece.dtype), origin, out=way, dtype=np.float64)
            way *= factor
            total += way
        return start, origin + total

    with replacing(out) as file:
        writer = TensorWriter(file, stack.specs)
        # Pieces come in their order: each number meets the same noise in every merge.
        for piece, (start, exact) in in_order(moved, stack.pieces(PIECE)):
            if exact is not None:
                with np.errstate(over="ignore"):
                    start = narrowed(exact + deviation * noise.take(piece.count), piece.dtype)
                if not np.isfinite(widened(start, piece.dtype)).all():
                    raise NotFinite("the private mean", piece.name)
            writer.write(start)
            meter.add(piece.count * DTYPES[piece.dtype] * len(stack))
