"""Keys that a runtime may generate, list and sign with (``SessionKeys_generate_session_keys``).

In memory only, and each one really random: nothing in the chain file depends on them.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field

import coincurve
import ed25519_zebra
import sr25519

from decentralml.devchain.codec import DecodeError
from decentralml.devchain.hashes import blake2_256

Sign = Callable[[bytes], bytes]


@dataclass(slots=True)
class Keystore:
    """Signing functions by scheme, key type (4 bytes) and public key."""

    _keys: dict[tuple[str, bytes], dict[bytes, Sign]] = field(default_factory=dict)

    def generate(self, scheme: str, key_type: bytes, seed: bytes | None) -> bytes:
        """A new key's public half. `seed` is ``0x`` and 64 hexadecimal digits, or None."""
        public, sign = _SCHEMES[scheme](os.urandom(32) if seed is None else _secret(seed))
        self._keys.setdefault((scheme, key_type), {})[public] = sign
        return public

    def public_keys(self, scheme: str, key_type: bytes) -> list[bytes]:
        return sorted(self._keys.get((scheme, key_type), {}))

    def sign(self, scheme: str, key_type: bytes, public: bytes, message: bytes) -> bytes | None:
        """None if the key is not here. ECDSA signs `message` as the 32-byte hash that it is."""
        sign = self._keys.get((scheme, key_type), {}).get(public)
        return None if sign is None else sign(message)


def ecdsa_digest(message: bytes) -> bytes:
    """What Substrate's ECDSA signs of a message."""
    return blake2_256(message)


def _sr25519(secret: bytes) -> tuple[bytes, Sign]:
    pair = sr25519.pair_from_seed(secret)
    return bytes(pair[0]), lambda message: bytes(sr25519.sign(pair, message))


def _ed25519(secret: bytes) -> tuple[bytes, Sign]:
    private, public = ed25519_zebra.ed_from_seed(secret)
    return bytes(public), lambda message: bytes(ed25519_zebra.ed_sign(private, message))


def _ecdsa(secret: bytes) -> tuple[bytes, Sign]:
    key = coincurve.PrivateKey(secret)
    return key.public_key.format(), lambda digest: key.sign_recoverable(digest, hasher=None)


_SCHEMES: dict[str, Callable[[bytes], tuple[bytes, Sign]]] = {
    "sr25519": _sr25519,
    "ed25519": _ed25519,
    "ecdsa": _ecdsa,
}


def _secret(seed: bytes) -> bytes:
    try:
        secret = bytes.fromhex(seed.decode("ascii").removeprefix("0x"))
    except (UnicodeDecodeError, ValueError):
        secret = b""
    if len(secret) != 32:
        raise DecodeError("a key's seed must be 0x and 64 hexadecimal digits")
    return secret
