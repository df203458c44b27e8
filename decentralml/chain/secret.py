"""From what a person keeps (words, a seed, a derivation) to an sr25519 key pair.

A secret URI is ``WORDS|0xSEED[/soft][//hard]...[///password]``, as in ``subkey`` and polkadot.js;
with neither words nor seed it starts from the public development phrase.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from hashlib import blake2b

import sr25519

from decentralml.errors import SecretInvalid

DEVELOPMENT_PHRASE = "bottom drive obey lake curtain smoke basket hold race lonely fit walk"
_DEVELOPMENT_SEED = bytes.fromhex(
    "fac7959dbfe72f052e5a0c3c8d6530f202b02fd8f9f5ca3580ec8deb7797479e"
)
_URI = re.compile(r"(?P<secret>[^/]*)(?P<path>(?://?[^/]+)*)(?:///(?P<password>.*))?", re.DOTALL)
_JUNCTION = re.compile(r"(//?)([^/]+)")
_WORD_COUNTS = (12, 15, 18, 21, 24)


@dataclass(frozen=True, slots=True)
class KeyPair:
    """An sr25519 key pair.

    Attributes
    ----------
    public : 32 bytes, the account id.
    secret : 64 bytes, scalar then nonce seed (schnorrkel's canonical form).
    development : derived from the development phrase, so everybody has it.
    """

    public: bytes
    secret: bytes = field(repr=False)
    development: bool = False


def new_mnemonic() -> str:
    """Twelve fresh words (128 bits of entropy, BIP-39 English)."""
    from bip39 import bip39_generate

    return str(bip39_generate(12, "en"))


def key_pair(uri: str) -> KeyPair:
    """The key pair of a secret URI (see the module).

    Raises
    ------
    SecretInvalid : no words of BIP-39, a seed of another length, or an unreadable derivation.
    """
    match = _URI.fullmatch(uri.strip())
    if match is None:
        raise SecretInvalid("it is not written as WORDS//derivation")
    phrase = " ".join(match["secret"].split())
    if phrase.lower() in ("", DEVELOPMENT_PHRASE) and not match["password"]:
        if not phrase and not match["path"]:
            raise SecretInvalid("it is empty")
        seed, development = _DEVELOPMENT_SEED, True
    else:
        seed, development = _seed(phrase, match["password"] or ""), False
    public, secret = sr25519.pair_from_seed(seed)
    for mark, name in _JUNCTION.findall(match["path"]):
        derive = sr25519.hard_derive_keypair if mark == "//" else sr25519.derive_keypair
        _, public, secret = derive((junction(name), public, secret), b"")
    return KeyPair(bytes(public), bytes(secret), development)


def junction(name: str) -> bytes:
    """The 32-byte chain code of one derivation step.

    A number is its little-endian bytes, a text its SCALE encoding, hashed when longer than 32
    bytes; either is padded with zeros.
    """
    if name.isdecimal():
        number = int(name)
        if number >= 1 << 256:
            raise SecretInvalid(f"the derivation {name} is too large a number")
        return number.to_bytes(32, "little")
    text = name.encode()
    if len(text) >= 1 << 14:
        raise SecretInvalid("a derivation is too long")
    length = len(text) << 2 if len(text) < 64 else len(text) << 2 | 1
    encoded = length.to_bytes(1 if len(text) < 64 else 2, "little") + text
    if len(encoded) > 32:
        return blake2b(encoded, digest_size=32).digest()
    return encoded.ljust(32, b"\0")


def _seed(phrase: str, password: str) -> bytes:
    if phrase.startswith("0x"):
        try:
            seed = bytes.fromhex(phrase[2:])
        except ValueError:
            raise SecretInvalid("the seed is not hexadecimal") from None
        if len(seed) != 32:
            raise SecretInvalid(f"the seed has {len(seed)} bytes, not 32")
        return seed
    words = phrase.split()
    if len(words) not in _WORD_COUNTS:
        raise SecretInvalid(f"{len(words)} words where 12 to 24 are expected")
    from bip39 import bip39_to_mini_secret

    try:
        return bytes(bip39_to_mini_secret(phrase.lower(), password, "en"))
    except ValueError:
        raise SecretInvalid("a word is not in the BIP-39 list, or their checksum fails") from None
