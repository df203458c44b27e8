"""``ext_hashing_*``."""

from __future__ import annotations

import hashlib
from typing import Final

from Crypto.Hash import keccak

from decentralml.devchain.hashes import blake2_128, blake2_256, twox
from decentralml.devchain.host.context import Host

_MOST_KEPT: Final = 4096
_LONGEST_KEPT: Final = 64


def ext_hashing_blake2_128_version_1(host: Host, data: int) -> int:
    return host.memory.give(blake2_128(host.memory.read_fat(data)))


def ext_hashing_blake2_256_version_1(host: Host, data: int) -> int:
    return host.memory.give(blake2_256(host.memory.read_fat(data)))


def ext_hashing_twox_64_version_1(host: Host, data: int) -> int:
    return host.memory.give(twox(host.memory.read_fat(data), 1))


def ext_hashing_twox_128_version_1(host: Host, data: int) -> int:
    memory, known = host.memory, host.twox_128
    name = memory.read_fat(data)
    hashed = known.get(name)
    if hashed is None:
        hashed = twox(name, 2)
        if len(known) < _MOST_KEPT and len(name) <= _LONGEST_KEPT:
            known[name] = hashed
    return memory.give(hashed)


def ext_hashing_twox_256_version_1(host: Host, data: int) -> int:
    return host.memory.give(twox(host.memory.read_fat(data), 4))


def ext_hashing_sha2_256_version_1(host: Host, data: int) -> int:
    return host.memory.give(hashlib.sha256(host.memory.read_fat(data)).digest())


def ext_hashing_keccak_256_version_1(host: Host, data: int) -> int:
    return host.memory.give(_keccak(host.memory.read_fat(data), 256))


def ext_hashing_keccak_512_version_1(host: Host, data: int) -> int:
    return host.memory.give(_keccak(host.memory.read_fat(data), 512))


def _keccak(data: bytes, bits: int) -> bytes:
    return keccak.new(digest_bits=bits, data=data).digest()
