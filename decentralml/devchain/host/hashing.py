"""``ext_hashing_*`` that are not in :mod:`decentralml.devchain.host.inside`."""

from __future__ import annotations

import hashlib

from Crypto.Hash import keccak

from decentralml.devchain.hashes import twox
from decentralml.devchain.host.context import Host


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
