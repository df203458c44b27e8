"""``ext_crypto_*``: signatures.

Bad signatures, keys that are no points and the like are answers, not faults.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import coincurve
import ed25519_zebra
import sr25519

from decentralml.devchain.codec import Reader, compact
from decentralml.devchain.host.context import Host
from decentralml.devchain.host.keystore import ecdsa_digest
from decentralml.devchain.host.memory import GuestFault

_BAD_RS, _BAD_V, _BAD_SIGNATURE = b"\1\0", b"\1\1", b"\1\2"
"""``Result<_, EcdsaVerifyError>``."""

_SECP256K1_ORDER: Final = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141


# -- verification


def ext_crypto_sr25519_verify_version_2(host: Host, signature: int, message: int, key: int) -> int:
    memory = host.memory
    return _good(
        sr25519.verify, memory.read(signature, 64), memory.read_fat(message), memory.read(key, 32)
    )


def ext_crypto_ed25519_verify_version_1(host: Host, signature: int, message: int, key: int) -> int:
    memory = host.memory
    return _good(
        ed25519_zebra.ed_verify,
        memory.read(signature, 64),
        memory.read_fat(message),
        memory.read(key, 32),
    )


def ext_crypto_ecdsa_verify_version_2(host: Host, signature: int, message: int, key: int) -> int:
    return _ecdsa_good(host, signature, ecdsa_digest(host.memory.read_fat(message)), key)


def ext_crypto_ecdsa_verify_prehashed_version_1(
    host: Host, signature: int, digest: int, key: int
) -> int:
    return _ecdsa_good(host, signature, host.memory.read(digest, 32), key)


def ext_crypto_secp256k1_ecdsa_recover_version_2(host: Host, signature: int, digest: int) -> int:
    """The 64 bytes of the uncompressed key, without their prefix."""
    found = recover(host.memory.read(signature, 65), host.memory.read(digest, 32))
    if isinstance(found, coincurve.PublicKey):
        return host.memory.give_fat(b"\0" + found.format(compressed=False)[1:])
    return host.memory.give_fat(found)


def ext_crypto_secp256k1_ecdsa_recover_compressed_version_2(
    host: Host, signature: int, digest: int
) -> int:
    found = recover(host.memory.read(signature, 65), host.memory.read(digest, 32))
    if isinstance(found, coincurve.PublicKey):
        return host.memory.give_fat(b"\0" + found.format())
    return host.memory.give_fat(found)


def recover(signature: bytes, digest: bytes) -> coincurve.PublicKey | bytes:
    """The key that signed, or the error in SCALE. `signature` is r, s, v; v is 0 to 3 or 27 to
    30."""
    v = signature[64] - 27 if signature[64] > 26 else signature[64]
    if v > 3:
        return _BAD_V
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big")
    if r >= _SECP256K1_ORDER or s >= _SECP256K1_ORDER:
        return _BAD_RS
    try:
        return coincurve.PublicKey.from_signature_and_message(
            signature[:64] + bytes((v,)), digest, hasher=None
        )
    except Exception:
        return _BAD_SIGNATURE


# -- batches, which old runtimes ask for: each signature is verified at once


def ext_crypto_start_batch_verify_version_1(host: Host) -> None:
    host.batch = True


def ext_crypto_finish_batch_verify_version_1(host: Host) -> int:
    if host.batch is None:
        raise GuestFault("no batch of signatures was started")
    good, host.batch = host.batch, None
    return int(good)


def ext_crypto_sr25519_batch_verify_version_1(
    host: Host, signature: int, message: int, key: int
) -> int:
    return _batched(host, ext_crypto_sr25519_verify_version_2(host, signature, message, key))


def ext_crypto_ed25519_batch_verify_version_1(
    host: Host, signature: int, message: int, key: int
) -> int:
    return _batched(host, ext_crypto_ed25519_verify_version_1(host, signature, message, key))


# -- keys of the runtime's own


def ext_crypto_sr25519_generate_version_1(host: Host, key_type: int, seed: int) -> int:
    return _generate(host, "sr25519", key_type, seed)


def ext_crypto_ed25519_generate_version_1(host: Host, key_type: int, seed: int) -> int:
    return _generate(host, "ed25519", key_type, seed)


def ext_crypto_ecdsa_generate_version_1(host: Host, key_type: int, seed: int) -> int:
    return _generate(host, "ecdsa", key_type, seed)


def ext_crypto_sr25519_public_keys_version_1(host: Host, key_type: int) -> int:
    return _public_keys(host, "sr25519", key_type)


def ext_crypto_ed25519_public_keys_version_1(host: Host, key_type: int) -> int:
    return _public_keys(host, "ed25519", key_type)


def ext_crypto_ecdsa_public_keys_version_1(host: Host, key_type: int) -> int:
    return _public_keys(host, "ecdsa", key_type)


def ext_crypto_sr25519_sign_version_1(host: Host, key_type: int, key: int, message: int) -> int:
    return _sign(host, "sr25519", key_type, host.memory.read(key, 32), message)


def ext_crypto_ed25519_sign_version_1(host: Host, key_type: int, key: int, message: int) -> int:
    return _sign(host, "ed25519", key_type, host.memory.read(key, 32), message)


def ext_crypto_ecdsa_sign_version_1(host: Host, key_type: int, key: int, message: int) -> int:
    memory = host.memory
    digest = ecdsa_digest(memory.read_fat(message))
    return _signature(host, "ecdsa", key_type, memory.read(key, 33), digest)


def ext_crypto_ecdsa_sign_prehashed_version_1(
    host: Host, key_type: int, key: int, digest: int
) -> int:
    memory = host.memory
    return _signature(host, "ecdsa", key_type, memory.read(key, 33), memory.read(digest, 32))


# -- inside


def _good(verify: Callable[[bytes, bytes, bytes], bool], *arguments: bytes) -> int:
    try:
        return int(verify(*arguments))
    except Exception:  # the libraries raise various things for what is no key or no signature
        return 0


def _ecdsa_good(host: Host, signature: int, digest: bytes, key: int) -> int:
    found = recover(host.memory.read(signature, 65), digest)
    return int(
        isinstance(found, coincurve.PublicKey) and found.format() == host.memory.read(key, 33)
    )


def _batched(host: Host, good: int) -> int:
    if host.batch is not None:
        host.batch = host.batch and bool(good)
    return good


def _generate(host: Host, scheme: str, key_type: int, seed: int) -> int:
    wanted = Reader(host.memory.read_fat(seed)).option()
    return host.memory.give(host.keystore.generate(scheme, host.memory.read(key_type, 4), wanted))


def _public_keys(host: Host, scheme: str, key_type: int) -> int:
    found = host.keystore.public_keys(scheme, host.memory.read(key_type, 4))
    return host.memory.give_fat(compact(len(found)) + b"".join(found))


def _sign(host: Host, scheme: str, key_type: int, key: bytes, message: int) -> int:
    return _signature(host, scheme, key_type, key, host.memory.read_fat(message))


def _signature(host: Host, scheme: str, key_type: int, key: bytes, message: bytes) -> int:
    signed = host.keystore.sign(scheme, host.memory.read(key_type, 4), key, message)
    return host.memory.give_fat(b"\0" if signed is None else b"\1" + signed)
