"""The hash functions of Substrate's storage keys and tries."""

from __future__ import annotations

from hashlib import blake2b

import xxhash


def blake2_256(data: bytes) -> bytes:
    return blake2b(data, digest_size=32).digest()


def blake2_128(data: bytes) -> bytes:
    return blake2b(data, digest_size=16).digest()


def twox(data: bytes, words: int) -> bytes:
    """XXH64 with the seeds 0, 1, …, little endian: `words` times 8 bytes."""
    return b"".join(
        xxhash.xxh64_intdigest(data, seed).to_bytes(8, "little") for seed in range(words)
    )


def storage_prefix(pallet: str, item: str) -> bytes:
    """The key of a storage value, and the first 32 bytes of a map's keys."""
    return twox(pallet.encode(), 2) + twox(item.encode(), 2)
