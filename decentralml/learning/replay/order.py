"""Which examples a step takes, decided by the chain and the same on every machine.

The seed is made of the hash of a block that did not exist when the task was accepted, so that
nobody chose it. Everything else is BLAKE2b of it and of counters; no library's random numbers are
involved. Numbers are little-endian.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from decentralml.types import TaskId

SEED_BYTES = 32
_WORDS = 8
"""Sort keys of 64 bits in one hash of 64 bytes."""


def order_seed(block_hash: bytes, task: TaskId, index: int) -> bytes:
    """The seed of one assignment: ``blake2_256(block hash ++ task u64 ++ index u32)``, 32 bytes.

    Parameters
    ----------
    block_hash : of the block after that of the acceptance, 32 bytes.
    index : of the submission.
    """
    data = block_hash + task.to_bytes(8, "little") + index.to_bytes(4, "little")
    return hashlib.blake2b(data, digest_size=SEED_BYTES).digest()


def batch(seed: bytes, step: int, size: int, examples: int) -> NDArray[np.int64]:
    """Numbers of the examples that a step takes, ``[size]``.

    Steps read on and on from the epochs' orders laid end to end: each example is as often seen as
    every other, and a step at the end of an epoch goes on with the next.

    Parameters
    ----------
    seed : 32 bytes.
    step : from 0.
    examples : how many there are.
    """
    first = step * size
    epochs = range(first // examples, (first + size - 1) // examples + 1)
    joined = np.concatenate([epoch_order(seed, epoch, examples) for epoch in epochs])
    start = first - epochs.start * examples
    return joined[start : start + size]


@lru_cache(maxsize=2)
def epoch_order(seed: bytes, epoch: int, examples: int) -> NDArray[np.int64]:
    """A permutation of ``range(examples)``: by sort keys, of equal ones the lower number first.

    Example ``i`` has the key number ``i mod 8`` (of 8 bytes) in
    ``blake2b_512(seed ++ "order" ++ epoch u64 ++ i div 8 u64)``.
    """
    prefix = seed + b"order" + epoch.to_bytes(8, "little")
    hashes = (
        hashlib.blake2b(prefix + block.to_bytes(8, "little")).digest()
        for block in range(-(-examples // _WORDS))
    )
    keys = np.frombuffer(b"".join(hashes), "<u8")[:examples]
    order = np.argsort(keys, kind="stable").astype(np.int64)
    order.setflags(write=False)
    return order


def step_seed(seed: bytes, salt: int, step: int) -> int:
    """The seed (63 bits) of what is random inside a step, dropout say."""
    data = seed + b"step" + salt.to_bytes(8, "little") + step.to_bytes(8, "little")
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "little") >> 1
