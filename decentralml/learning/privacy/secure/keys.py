"""Who signs, and what two clients alone can compute.

X25519 (RFC 7748), HKDF-SHA256 (RFC 5869), Ed25519 (RFC 8032), all from ``cryptography``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

SECRET_BYTES: Final = 32
SIGNATURE_BYTES: Final = 64


class Identity(Protocol):
    """Whoever signs for a client: an account's key (``chain.keys.Key``) or a key of its own."""

    @property
    def public_key(self) -> bytes:
        """32 bytes, by which the agreement names the client."""

    def sign(self, message: bytes) -> bytes:
        """64 bytes."""


Verify = Callable[[bytes, bytes, bytes], bool]
"""Whether (public key, message, signature) belong together; accounts: ``chain.keys.verify``."""


class Ed25519Identity:
    """A signing key in memory."""

    def __init__(self, secret: bytes | None = None) -> None:
        """``secret``: 32 bytes; a fresh key otherwise."""
        self._key = (
            Ed25519PrivateKey.generate()
            if secret is None
            else Ed25519PrivateKey.from_private_bytes(secret)
        )

    @property
    def public_key(self) -> bytes:
        return self._key.public_key().public_bytes_raw()

    def sign(self, message: bytes) -> bytes:
        return self._key.sign(message)


def verify_ed25519(public_key: bytes, message: bytes, signature: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def fresh_secret() -> bytes:
    """A new X25519 secret."""
    return X25519PrivateKey.generate().private_bytes_raw()


def agreed_secret(secret: bytes, public: bytes) -> bytes:
    """What the owners of two key pairs have in common; the public key must be usable."""
    return X25519PrivateKey.from_private_bytes(secret).exchange(
        X25519PublicKey.from_public_bytes(public)
    )


def derived(secret: bytes, purpose: bytes, session: bytes, *places: int) -> bytes:
    """A key of 32 bytes for one purpose, one sum and these clients in this order."""
    info = b"decentralml/secure/" + purpose + b"@1" + session
    info += b"".join(place.to_bytes(2, "big") for place in places)
    return HKDF(SHA256(), SECRET_BYTES, None, info).derive(secret)
