"""DP-FedAvg: a merge that tells little of whether any one contributor took part.

Each update's way from the base model is shortened to the length ``clip`` at most, over all floating
tensors, buffers included; the next model is the base, plus the plain mean of those ways, plus
normal noise of standard deviation ``noise · clip / n`` on each number. Everybody counts the same:
examples are claimed, and a weight would be a way to stand out. Integer tensors stay as in the base
model.

Leaving one contributor's way out (as zero; ``n`` is no secret) moves the mean by ``clip / n`` at
most, so this is the Gaussian mechanism with noise multiplier ``noise``. Contributors choose
themselves which tasks they take, so nothing is gained by sampling: the accountant is told a rate of
one (:mod:`.accountant`).

Source: McMahan et al., Learning Differentially Private Recurrent Language Models, 2018,
algorithm 1. https://arxiv.org/abs/1710.06963
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from decentralml.bundles.manifest import DTYPES
from decentralml.errors import BadPrivacy
from decentralml.learning.dtypes import FLOATS, STORED, narrowed, widened
from decentralml.learning.privacy.noise import GaussianNoise
from decentralml.learning.robust.merge import Report, merge_updates
from decentralml.learning.robust.rules import Rule, RuleOptions
from decentralml.learning.sources import TensorSource
from decentralml.learning.stack import Progress
from decentralml.learning.tensors import TensorFile, TensorWriter, in_file_order, items, replacing
from decentralml.learning.update import Update

PIECE = 1 << 18


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
        for name in ("clip", "noise"):
            value = getattr(self, name)
            if not (np.isfinite(value) and value > 0):
                raise BadPrivacy(name, value, "a number above zero")


def merge_private(
    updates: Sequence[Update],
    out: Path,
    base: TensorSource,
    privacy: UserLevel,
    key: bytes,
    progress: Progress | None = None,
) -> Report:
    """Write the private mean of ``updates`` to the safetensors file ``out``.

    An update that is unusable is left out, and then not counted.

    Parameters
    ----------
    key : 32 secret bytes, of this merge only; the same give the same model.

    Raises
    ------
    NoUpdates, AllUpdatesRejected, BaseMismatch, DamagedTensors, UnmergeableType, UnwritableModel
    """
    exact = out.with_name(f".{out.name}.exact")
    try:
        report = merge_updates(
            updates,
            exact,
            [1.0] * len(updates),
            progress,
            rule=Rule.NORM_CLIPPING,
            base=base,
            options=RuleOptions(clip=privacy.clip, drop_unusable=True),
        )
        counted = sum(not part.rejected for part in report.parts)
        _add_noise(TensorFile.open(exact), base, out, privacy.noise * privacy.clip / counted, key)
    finally:
        exact.unlink(missing_ok=True)  # It is what must not be seen.
    return report


def _add_noise(
    exact: TensorSource, base: TensorSource, out: Path, deviation: float, key: bytes
) -> None:
    noise = GaussianNoise(key)
    specs = in_file_order(base.specs)
    with replacing(out) as file:
        writer = TensorWriter(file, specs)
        for name, spec in specs.items():
            floating = spec.dtype in FLOATS
            for start in range(0, items(spec), PIECE):
                count = min(PIECE, items(spec) - start)
                stored = np.empty(count, STORED[spec.dtype])
                piece = np.empty(count * DTYPES[spec.dtype], np.uint8)
                (exact if floating else base).fill(name, start, piece.data)
                stored[:] = piece.view(STORED[spec.dtype])
                if floating:
                    values = widened(stored, spec.dtype).astype(np.float64)
                    values += deviation * noise.take(count)
                    stored = narrowed(values, spec.dtype)
                writer.write(stored)
