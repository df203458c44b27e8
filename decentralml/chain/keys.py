"""Keys that sign: what a signer is, and an sr25519 key held in memory."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from typing import Protocol

import sr25519

from decentralml.chain import ss58
from decentralml.chain.secret import KeyPair, key_pair
from decentralml.errors import SecretInvalid
from decentralml.types import Address

ENCRYPTION_INFO = b"decentralml/encryption/x25519@1"
"""HKDF's ``info`` for the key to which others wrap keys."""
SIGNATURE_BYTES = 64


class Signer(Protocol):
    """Whoever can sign for an account: a key in memory, a device, another process."""

    @property
    def address(self) -> Address: ...

    @property
    def public_key(self) -> bytes:
        """The account id, 32 bytes."""
        ...

    @property
    def development(self) -> bool:
        """Whether everybody has this key; then it is good on development chains only."""
        ...

    def sign(self, message: bytes) -> bytes:
        """An sr25519 signature of 64 bytes, in the signing context of Substrate."""
        ...


@dataclass(frozen=True, slots=True)
class Key:
    """An sr25519 key in memory; its secret is never shown by ``repr``."""

    name: str
    pair: KeyPair = field(repr=False)

    @property
    def address(self) -> Address:
        return ss58.encode(self.pair.public)

    @property
    def public_key(self) -> bytes:
        return self.pair.public

    @property
    def development(self) -> bool:
        return self.pair.development

    def sign(self, message: bytes) -> bytes:
        return bytes(sr25519.sign((self.pair.public, self.pair.secret), message))

    def encryption_secret(self) -> bytes:
        """The X25519 secret (32 bytes) that opens what is wrapped for this account."""
        return self.derive(ENCRYPTION_INFO)

    def derive(self, info: bytes) -> bytes:
        """A secret of 32 bytes for one purpose, the same whenever it is asked for.

        HKDF-SHA256 (RFC 5869) with no salt, this info and, as key material, the secret scalar
        alone: the other half of an sr25519 secret, the nonce seed, differs between two derivations
        of one key.
        """
        return _hkdf_sha256(self.pair.secret[:32], info)


def verify(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether a signature of a message is the account's."""
    if len(public_key) != ss58.ACCOUNT_BYTES or len(signature) != SIGNATURE_BYTES:
        return False
    try:
        return bool(sr25519.verify(signature, message, public_key))
    except ValueError:
        return False


def development_key(uri: str) -> Key:
    """The key of a development URI: ``//Alice``, ``//Alice//stash``, ``//contributor/7`` …

    Raises
    ------
    SecretInvalid : not a derivation.
    """
    if not uri.startswith("/"):
        raise SecretInvalid(f"{uri!r} is not a development key such as //Alice")
    return Key(uri, key_pair(uri))


def _hkdf_sha256(material: bytes, info: bytes) -> bytes:
    """The first 32 bytes of HKDF-SHA256 without salt: one round of expansion."""
    extracted = hmac.digest(bytes(32), material, "sha256")
    return hmac.digest(extracted, info + b"\x01", "sha256")
