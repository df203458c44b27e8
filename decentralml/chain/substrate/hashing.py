"""The hashes that storage keys and transactions are made of, by Substrate's names.

:data:`HASHERS` follows ``StorageHasher`` of the metadata: how each makes its part of a map's key,
and how many bytes of hash stand before the key itself (None where the key cannot be read back).
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b

import xxhash


def blake2_256(data: bytes) -> bytes:
    return blake2b(data, digest_size=32).digest()


def blake2_128(data: bytes) -> bytes:
    return blake2b(data, digest_size=16).digest()


def twox_64(data: bytes) -> bytes:
    return _twox(data, 1)


def twox_128(data: bytes) -> bytes:
    return _twox(data, 2)


def _twox(data: bytes, words: int) -> bytes:
    """``words`` 64-bit XXH64 digests, seeded 0, 1 …, little endian."""
    return b"".join(
        xxhash.xxh64_intdigest(data, seed).to_bytes(8, "little") for seed in range(words)
    )


HASHERS: tuple[tuple[Callable[[bytes], bytes], int | None], ...] = (
    (blake2_128, None),
    (blake2_256, None),
    (lambda key: blake2_128(key) + key, 16),
    (twox_128, None),
    (lambda key: _twox(key, 4), None),
    (lambda key: twox_64(key) + key, 8),
    (lambda key: key, 0),
)
