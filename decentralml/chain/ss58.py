"""SS58: how an account is written.

``base58(prefix ‖ account ‖ checksum)``, the checksum being the first two bytes of
BLAKE2b-512("SS58PRE" ‖ prefix ‖ account). Source: docs.polkadot.com, "Accounts", and Parity's
``sp_core::crypto::Ss58Codec``.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b

from decentralml.errors import AddressInvalid
from decentralml.types import Address

PREFIX = 42
"""Prefix of chains that have not registered one of their own."""
ACCOUNT_BYTES = 32
_CHECKSUM_BYTES = 2
_LONGEST = 64
"""Characters; no address is as long, and a long text would take long to read."""
_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_DIGITS = {character: digit for digit, character in enumerate(_ALPHABET)}


@lru_cache(maxsize=4096)
def encode(account: bytes, prefix: int = PREFIX) -> Address:
    """The address of a 32-byte account id (a public key).

    Raises
    ------
    ValueError : not 32 bytes, or a prefix outside 0 to 16383.
    """
    if len(account) != ACCOUNT_BYTES:
        raise ValueError(f"an account id has {ACCOUNT_BYTES} bytes, not {len(account)}")
    body = _prefix_bytes(prefix) + account
    return Address(_base58(body + _checksum(body)))


def decode(address: str, prefix: int | None = None) -> bytes:
    """The 32-byte account id of an address, of any prefix unless one is given.

    Raises
    ------
    AddressInvalid : not base58, of a wrong length, checksum or prefix.
    """
    if len(address) > _LONGEST:
        raise AddressInvalid(address, "it is too long")
    data = _unbase58(address)
    width = 1 if data and data[0] < 64 else 2
    if len(data) != width + ACCOUNT_BYTES + _CHECKSUM_BYTES:
        raise AddressInvalid(address, f"{len(data)} bytes where an account has {ACCOUNT_BYTES}")
    body, checksum = data[:-_CHECKSUM_BYTES], data[-_CHECKSUM_BYTES:]
    if _checksum(body) != checksum:
        raise AddressInvalid(address, "its checksum does not match: a character is wrong")
    if prefix is not None and body[:width] != _prefix_bytes(prefix):
        raise AddressInvalid(address, f"it belongs to another network; this one has {prefix}")
    return body[width:]


def _prefix_bytes(prefix: int) -> bytes:
    """One byte below 64, else two: ``01llllll hhhhhhll`` of the 14 bits ``hhhhhhllllllll``."""
    if not 0 <= prefix < 1 << 14:
        raise ValueError(f"no SS58 prefix {prefix}")
    if prefix < 64:
        return bytes([prefix])
    return bytes([(prefix & 0b1111_1100) >> 2 | 0b0100_0000, prefix >> 8 | (prefix & 0b11) << 6])


def _checksum(body: bytes) -> bytes:
    return blake2b(b"SS58PRE" + body).digest()[:_CHECKSUM_BYTES]


def _base58(data: bytes) -> str:
    number = int.from_bytes(data, "big")
    text = ""
    while number:
        number, digit = divmod(number, 58)
        text = _ALPHABET[digit] + text
    zeros = len(data) - len(data.lstrip(b"\0"))
    return _ALPHABET[0] * zeros + text


def _unbase58(text: str) -> bytes:
    number = 0
    for character in text:
        digit = _DIGITS.get(character)
        if digit is None:
            raise AddressInvalid(text, f"{character!r} is not a base58 character")
        number = number * 58 + digit
    zeros = len(text) - len(text.lstrip(_ALPHABET[0]))
    return b"\0" * zeros + number.to_bytes((number.bit_length() + 7) // 8, "big")
