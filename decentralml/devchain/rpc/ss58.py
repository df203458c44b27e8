"""Reading account addresses in requests.

A node's own reading, beside the client's (:mod:`decentralml.chain.ss58`): this floor lies below.
``base58(prefix ‖ account ‖ checksum)``, the checksum being the first two bytes of
BLAKE2b-512("SS58PRE" ‖ prefix ‖ account); any network's prefix is accepted.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

from decentralml.devchain.rpc.errors import invalid_params

_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_ACCOUNT, _CHECKSUM = 32, 2
_LONGEST = 49


def account_id(address: Any) -> bytes:
    """The 32 bytes of an account; :class:`RpcError` (-32602) if the text is no address."""
    if not isinstance(address, str) or not 0 < len(address) <= _LONGEST:
        raise invalid_params("an SS58 address is needed")
    number = 0
    for character in address:
        digit = _ALPHABET.find(character)
        if digit < 0:
            raise invalid_params(f"an SS58 address has no {character!r}")
        number = number * 58 + digit
    data = number.to_bytes(_LONGEST, "big").lstrip(b"\0")
    # The prefix 0 (one network's own) is lost among leading zeros: they are written as '1'.
    data = b"\0" * (len(address) - len(address.lstrip(_ALPHABET[0]))) + data
    prefix = 1 if data[:1] < b"\x40" else 2
    if len(data) != prefix + _ACCOUNT + _CHECKSUM:
        raise invalid_params("Length is bad")
    body, checksum = data[:-_CHECKSUM], data[-_CHECKSUM:]
    if blake2b(b"SS58PRE" + body).digest()[:_CHECKSUM] != checksum:
        raise invalid_params("Invalid checksum")
    return body[prefix:]
