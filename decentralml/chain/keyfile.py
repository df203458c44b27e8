"""polkadot.js's JSON form of an encrypted key, version 3.

::

    encoded = base64( salt 32 ‖ N u32 ‖ p u32 ‖ r u32 ‖ nonce 24 ‖ secretbox(pkcs8) )
    pkcs8   = header 16 ‖ secret 64 (as an expanded Ed25519 secret) ‖ divider 5 ‖ public 32

with an XSalsa20-Poly1305 secret box under scrypt(passphrase, salt). Without a passphrase
``encoded`` is the pkcs8 alone. Source: ``@polkadot/util-crypto`` (``json``, ``scrypt``) and
``@polkadot/keyring`` (``pair/encode``).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import os
import time
from typing import Any

import sr25519

from decentralml.chain import ss58
from decentralml.chain.secret import KeyPair
from decentralml.errors import (
    AddressInvalid,
    KeyFileDamaged,
    PassphraseRequired,
    WrongPassphrase,
)

VERSION = "3"
CONTENT = ["pkcs8", "sr25519"]
ENCRYPTED = ["scrypt", "xsalsa20-poly1305"]
PLAIN = ["none"]
_HEADER = bytes.fromhex("3053020101300506032b657004220420")
_DIVIDER = bytes.fromhex("a123032100")
_SALT_BYTES = 32
_NONCE_BYTES = 24
_COST = (1 << 15, 1, 8)
"""scrypt's N, p, r: the strongest that every reader of the format accepts (substrate-interface
stops at 64 MiB)."""
_ALLOWED_COSTS = frozenset(
    {
        *((1 << 13, 10, 8), (1 << 14, 5, 8), (1 << 15, 3, 8)),
        *((1 << 15, 1, 8), (1 << 16, 2, 8), (1 << 17, 1, 8)),
    }
)
"""What polkadot.js itself accepts: a hostile file must not choose how much memory we take."""
_SCRYPT_MEMORY = 256 << 20


def encode(pair: KeyPair, name: str, passphrase: str | None) -> dict[str, Any]:
    """The JSON document of a key; ``passphrase`` None leaves the secret readable."""
    pkcs8 = (
        _HEADER + bytes(sr25519.convert_secret_key_to_ed25519(pair.secret)) + _DIVIDER + pair.public
    )
    return {
        "encoded": base64.b64encode(
            pkcs8 if passphrase is None else _encrypt(pkcs8, passphrase)
        ).decode(),
        "encoding": {
            "content": CONTENT,
            "type": PLAIN if passphrase is None else ENCRYPTED,
            "version": VERSION,
        },
        "address": ss58.encode(pair.public),
        "meta": {"name": name, "whenCreated": int(time.time() * 1000)},
    }


def decode(document: dict[str, Any], name: str, passphrase: str | None, source: str) -> KeyPair:
    """The key of a JSON document; ``name`` and ``source`` are for messages.

    Raises
    ------
    KeyFileDamaged : another format, version or kind of key; contents that contradict each other.
    PassphraseRequired, WrongPassphrase
    """
    kinds = encoding_of(document, source)
    try:
        data = base64.b64decode(document["encoded"], validate=True)
    except (binascii.Error, TypeError, ValueError):
        raise KeyFileDamaged(source, "`encoded` is not base64") from None
    if kinds == ENCRYPTED:
        if passphrase is None:
            raise PassphraseRequired(name)
        data = _decrypt(data, passphrase, name, source)
    secret_end = len(_HEADER) + 64
    if (
        len(data) != secret_end + len(_DIVIDER) + 32
        or data[: len(_HEADER)] != _HEADER
        or data[secret_end : secret_end + len(_DIVIDER)] != _DIVIDER
    ):
        raise KeyFileDamaged(source, "its secret is not in the PKCS#8 form of polkadot.js")
    public, secret = sr25519.pair_from_ed25519_secret_key(data[len(_HEADER) : secret_end])
    public = bytes(public)
    if public != data[-32:] or public != account_of(document, source):
        raise KeyFileDamaged(source, "its address is not that of its secret")
    return KeyPair(public, bytes(secret))


def parse(text: str | bytes, source: str) -> dict[str, Any]:
    """The document of a file's text, checked for its fields.

    Raises
    ------
    KeyFileDamaged
    """
    try:
        document = json.loads(text)
    except ValueError:
        raise KeyFileDamaged(source, "it is not JSON") from None
    if not isinstance(document, dict) or not {"encoded", "encoding", "address"} <= set(document):
        raise KeyFileDamaged(source, "it has no `encoded`, `encoding` and `address`")
    encoding_of(document, source)
    account_of(document, source)
    return document


def encoding_of(document: dict[str, Any], source: str) -> list[str]:
    """How the secret is kept: :data:`ENCRYPTED` or :data:`PLAIN`."""
    encoding = document.get("encoding")
    if not isinstance(encoding, dict) or encoding.get("version") != VERSION:
        raise KeyFileDamaged(source, f"it is not version {VERSION} of the polkadot.js format")
    if encoding.get("content") != CONTENT:
        raise KeyFileDamaged(source, f"its key is {encoding.get('content')}, not sr25519")
    kinds = encoding.get("type")
    if kinds not in (ENCRYPTED, PLAIN):
        raise KeyFileDamaged(source, f"its encryption {kinds} is unknown")
    return list(kinds)


def account_of(document: dict[str, Any], source: str) -> bytes:
    """The account id that the document names."""
    try:
        return ss58.decode(str(document["address"]))
    except AddressInvalid as error:
        raise KeyFileDamaged(source, str(error)) from None


def _encrypt(message: bytes, passphrase: str) -> bytes:
    from nacl.secret import SecretBox

    salt = os.urandom(_SALT_BYTES)
    nonce = os.urandom(_NONCE_BYTES)
    costs = b"".join(cost.to_bytes(4, "little") for cost in _COST)
    box = SecretBox(_stretch(passphrase, salt, _COST)).encrypt(message, nonce)
    return salt + costs + bytes(box)


def _decrypt(data: bytes, passphrase: str, name: str, source: str) -> bytes:
    from nacl.exceptions import CryptoError
    from nacl.secret import SecretBox

    body = _SALT_BYTES + 12
    if len(data) < body + _NONCE_BYTES:
        raise KeyFileDamaged(source, "its secret is cut short")
    n, p, r = (
        int.from_bytes(data[start : start + 4], "little") for start in range(_SALT_BYTES, body, 4)
    )
    if (n, p, r) not in _ALLOWED_COSTS:
        raise KeyFileDamaged(source, f"its scrypt parameters {n}, {p}, {r} are not in use")
    box = SecretBox(_stretch(passphrase, data[:_SALT_BYTES], (n, p, r)))
    try:
        return bytes(box.decrypt(data[body:]))
    except CryptoError:
        raise WrongPassphrase(name) from None


def _stretch(passphrase: str, salt: bytes, costs: tuple[int, int, int]) -> bytes:
    n, p, r = costs
    return hashlib.scrypt(
        passphrase.encode(), salt=salt, n=n, r=r, p=p, maxmem=_SCRYPT_MEMORY, dklen=32
    )
