"""Forged updates: what bad contributors send who know what the honest ones will send.

With ``d_i = w_i - b`` for the honest updates and the base model *b*, m and v the mean and the
standard deviation of the ``d_i`` in each coordinate:

| attack | forged update | strength s |
|---|---|---|
| sign-flip | ``b - s m`` | 1 |
| gaussian | ``b + s r N(0, 1)``, *r* the root mean square of the ``d_i`` in the piece | 10 |
| alie | ``b + m - s v`` (Baruch et al., A Little Is Enough, 2019) | 1.5 |
| ipm | ``b - s m`` (Xie et al., Fall of Empires, 2020) | 0.5 |
| free-rider | ``b`` | |
| copycat | ``w_1``, the first honest one | |

Whoever joins in sends the same. Integer tensors are the base model's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import NormalDist

import numpy as np

from decentralml.learning.attacks.names import Attack
from decentralml.learning.dtypes import FLOATS, STORED, Array, Doubles, narrowed, widened
from decentralml.learning.sources import TensorSource
from decentralml.learning.stack import Piece, Stack, fill
from decentralml.learning.tensors import TensorWriter, replacing
from decentralml.learning.update import Update

PIECE = 1 << 16

STRENGTHS: Mapping[Attack, float] = {
    Attack.SIGN_FLIP: 1.0, Attack.GAUSSIAN: 10.0, Attack.ALIE: 1.5, Attack.IPM: 0.5,
    Attack.FREE_RIDER: 0.0, Attack.COPYCAT: 0.0,
}  # fmt: skip

Forger = Callable[[Doubles, float, np.random.Generator], Doubles]
"""From honest ways ``[h, count]``, a strength and chance to the forged way ``[count]``."""


def _against(ways: Doubles, strength: float, chance: np.random.Generator) -> Doubles:
    found: Doubles = -strength * ways.mean(axis=0)
    return found


def _gaussian(ways: Doubles, strength: float, chance: np.random.Generator) -> Doubles:
    noise: Doubles = chance.standard_normal(ways.shape[1:])
    noise *= strength * np.sqrt(np.mean(ways**2))
    return noise


def _alie(ways: Doubles, strength: float, chance: np.random.Generator) -> Doubles:
    found: Doubles = ways.mean(axis=0) - strength * ways.std(axis=0, ddof=min(1, len(ways) - 1))
    return found


def _nothing(ways: Doubles, strength: float, chance: np.random.Generator) -> Doubles:
    return np.zeros(ways.shape[1])


def _first(ways: Doubles, strength: float, chance: np.random.Generator) -> Doubles:
    found: Doubles = ways[0]
    return found


FORGERS: Mapping[Attack, Forger] = {
    Attack.SIGN_FLIP: _against, Attack.IPM: _against, Attack.GAUSSIAN: _gaussian,
    Attack.ALIE: _alie, Attack.FREE_RIDER: _nothing, Attack.COPYCAT: _first,
}  # fmt: skip


def forge(
    attack: Attack,
    honest: Sequence[Update],
    base: TensorSource,
    out: Path,
    *,
    strength: float | None = None,
    seed: int = 0,
) -> None:
    """Write a forged update to the safetensors file ``out``.

    Parameters
    ----------
    attack : one of :data:`FORGERS`.
    honest : what honest contributors send.
    base : the model that they began from.
    strength : see above.
    seed : of what is drawn by chance.

    Raises
    ------
    NoUpdates, StructureMismatch, BaseMismatch, DamagedTensors, UnwritableModel
    """
    stack, chance = Stack(honest, base), np.random.default_rng(seed)
    chosen = STRENGTHS[attack] if strength is None else strength
    with replacing(out) as file:
        writer = TensorWriter(file, stack.specs)
        for piece in stack.pieces(PIECE):
            start = np.empty(piece.count, STORED[piece.dtype])
            fill(base, piece, start)
            if piece.dtype not in FLOATS:
                writer.write(start)
                continue
            begin = widened(start, piece.dtype).astype(np.float64)
            ways = np.stack([_numbers(source, piece) - begin for source in stack.sources])
            forged = begin + FORGERS[attack](ways, chosen, chance)
            writer.write(narrowed(forged, piece.dtype))


def hidden_strength(updates: int, bad: int) -> float:
    """How many standard deviations ALIE may lie by and still have most honest ones beyond it.

    ``Φ⁻¹((n - f - s) / (n - f))`` with ``s = ⌊n / 2 + 1⌋ - f`` supporters needed.
    """
    honest = updates - bad
    needed = updates // 2 + 1 - bad
    return NormalDist().inv_cdf(min(max((honest - needed) / honest, 1e-9), 1 - 1e-9))


def _numbers(source: TensorSource, piece: Piece) -> Array:
    stored = np.empty(piece.count, STORED[piece.dtype])
    fill(source, piece, stored)
    return widened(stored, piece.dtype).astype(np.float64)
