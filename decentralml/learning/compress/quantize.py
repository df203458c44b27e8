"""Numbers in 8, 4 or 2 bits: whole multiples of a scale that a group of them shares.

With ``L = 2^(bits-1) - 1`` an element becomes an integer from ``-L`` to ``L``; zero stays zero.

- 8 and 4 bits: the scale is the group's largest magnitude over ``L``.
- 2 bits, ``L = 1``: magnitudes up to 0.7 of the group's mean become zero, the others their own
  mean, which loses least for numbers spread like a bell (Li and Liu, Ternary Weight Networks,
  2016, https://arxiv.org/abs/1605.04711, equation 6).

Rounding is to the nearest: what it loses is the business of error feedback
(:mod:`decentralml.learning.compress.encode`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]

GROUP = 256
"""Elements that share a scale."""
_THRESHOLD = np.float32(0.7)


def quantize(values: Floats, bits: int) -> tuple[Bytes, Floats]:
    """Elements ``[n]`` as packed codes ``[ceil(n * bits / 8)]`` and scales ``[ceil(n / 256)]``."""
    groups = _grouped(values)
    scales = _ternary_scales(groups) if bits == 2 else _scales(groups, bits)
    steps = np.where(scales > 0, scales, 1)[:, None]
    largest = 2 ** (bits - 1) - 1
    if bits == 2:
        # The border between zero and one scale is the threshold, wherever the scale lies.
        border = _THRESHOLD * _means(groups)[:, None]
        levels = np.where(np.abs(groups) > border, np.sign(groups), 0)
    else:
        levels = np.clip(np.rint(groups / steps), -largest, largest)
    codes = (levels + largest).astype(np.uint8).reshape(-1)[: len(values)]
    return _packed(codes, bits), scales


def dequantize(packed: Bytes, scales: Floats, bits: int, count: int) -> Floats:
    """``count`` elements from their packed codes and scales."""
    levels = _unpacked(packed, bits)[:count].astype(np.float32)
    levels -= 2 ** (bits - 1) - 1
    levels *= np.repeat(scales, GROUP)[:count]
    return levels


def packed_bytes(count: int, bits: int) -> int:
    return -(-count * bits // 8)


def groups_of(count: int) -> int:
    return -(-count // GROUP)


def _grouped(values: Floats) -> Floats:
    """Rows of one group each, the last one filled up with zeros."""
    rows = np.zeros((groups_of(len(values)), GROUP), np.float32)
    rows.reshape(-1)[: len(values)] = values
    return rows


def _scales(groups: Floats, bits: int) -> Floats:
    largest: Floats = np.abs(groups).max(axis=1, initial=0)
    return largest / np.float32(2 ** (bits - 1) - 1)


def _means(groups: Floats) -> Floats:
    """Mean magnitude of what is not zero: padding does not count."""
    sizes = np.abs(groups)
    counts = np.maximum(np.count_nonzero(sizes, axis=1), 1)
    means: Floats = (sizes.sum(axis=1) / counts).astype(np.float32)
    return means


def _ternary_scales(groups: Floats) -> Floats:
    sizes = np.abs(groups)
    above = sizes > _THRESHOLD * _means(groups)[:, None]
    counts = np.maximum(np.count_nonzero(above, axis=1), 1)
    scales: Floats = (np.where(above, sizes, 0).sum(axis=1) / counts).astype(np.float32)
    return scales


def _packed(codes: Bytes, bits: int) -> Bytes:
    each = 8 // bits
    rows = np.zeros((packed_bytes(len(codes), bits), each), np.uint8)
    rows.reshape(-1)[: len(codes)] = codes
    packed: Bytes = np.bitwise_or.reduce(rows << _shifts(bits), axis=1)
    return packed


def _unpacked(packed: Bytes, bits: int) -> Bytes:
    codes: Bytes = (packed[:, None] >> _shifts(bits)) & np.uint8(2**bits - 1)
    return codes.reshape(-1)


def _shifts(bits: int) -> NDArray[Any]:
    """The first of a byte's codes is in its low bits."""
    return np.arange(0, 8, bits, dtype=np.uint8)
