"""A key of 32 bytes for one reader: a NaCl sealed box that is the same whoever makes it.

A wrap is 80 bytes, ``ephemeral public key (32) ‖ crypto_box of the key (16 + 32)``, as libsodium's
``crypto_box_seal`` writes it, so any implementation of it opens one. What differs is where the
ephemeral secret comes from: not from chance, but from the key and the reader,

    ``blake2b-256(reader, key = the wrapped key, personalisation = "dml-wrap")``

Who knows the key can therefore compute every wrap of it and hold those of others against that; who
does not know it learns as little as from a box made by chance, because the key is 32 random bytes.
Why that matters: ``docs/sealing.md``.

Sources: https://doc.libsodium.org/public-key_cryptography/sealed_boxes and RFC 7693 (BLAKE2).
"""

from __future__ import annotations

import hashlib

from decentralml.bundles.sealing import KEY_BYTES, encryption_public_key, is_usable
from decentralml.errors import WrongWrap

WRAP_BYTES = 80
NO_WRAP = bytes(WRAP_BYTES)
"""The wrap for a public key of low order, to which nothing can be wrapped: it holds nothing."""
_PERSON = b"dml-wrap"


def wrap(key: bytes, reader: bytes) -> bytes:
    """The wrap of a key for a reader.

    A reader with a worthless public key gets :data:`NO_WRAP`: one such member must not keep a
    contributor from handing the key to the others.

    Parameters
    ----------
    key : 32 random bytes.
    reader : an X25519 public key (32 bytes).
    """
    from nacl.bindings import crypto_box

    if not is_usable(reader):
        return NO_WRAP
    secret = hashlib.blake2b(reader, digest_size=32, key=key, person=_PERSON).digest()
    ephemeral = encryption_public_key(secret)
    # The nonce of crypto_box_seal.
    nonce = hashlib.blake2b(ephemeral + reader, digest_size=24).digest()
    return ephemeral + bytes(crypto_box(key, nonce, reader, secret))


def open_wrap(wrapped: bytes, secret: bytes) -> bytes:
    """The key in a wrap.

    Parameters
    ----------
    wrapped : 80 bytes.
    secret : the reader's X25519 secret (32 bytes).

    Raises
    ------
    WrongWrap : it is another reader's, damaged, or not made by :func:`wrap`.
    """
    from nacl.bindings import crypto_box_seal_open
    from nacl.exceptions import CryptoError

    reader = encryption_public_key(secret)
    try:
        key = bytes(crypto_box_seal_open(wrapped, reader, secret))
    except (CryptoError, ValueError, TypeError):
        raise WrongWrap("it does not open with this account's key") from None
    if len(key) != KEY_BYTES:
        raise WrongWrap(f"it holds {len(key)} bytes, not a key of {KEY_BYTES}")
    if wrap(key, reader) != wrapped:
        raise WrongWrap("it was not made from the key that it holds")
    return key


def key_digest(key: bytes) -> bytes:
    """BLAKE2b-256 of a key: what the chain holds of it from the beginning."""
    return _blake2_256(key)


def release_digest(key: bytes, reader: bytes) -> bytes:
    """BLAKE2b-256 of the wrap for the reader of a task's results: what a release must match."""
    return _blake2_256(wrap(key, reader))


def _blake2_256(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=32).digest()
