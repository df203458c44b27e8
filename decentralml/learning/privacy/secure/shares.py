"""Secrets in shares: any ``threshold`` of them give the secret, fewer give nothing.

Shamir's scheme over GF(2¹²⁸) (pycryptodome), each half of a secret by itself. The client at place p
has the share at the point p + 1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import combinations, islice
from typing import Final

from Crypto.Protocol.SecretSharing import Shamir

SHARE_BYTES: Final = 32
_HALF: Final = 16
_ATTEMPTS: Final = 64
"""Choices of shares that are tried where some are wrong."""


def split(secret: bytes, threshold: int, clients: int) -> list[bytes]:
    """A secret of 32 bytes as one share of 32 bytes for each place."""
    halves = (
        Shamir.split(threshold, clients, half, ssss=False)
        for half in (secret[:_HALF], secret[_HALF:])
    )
    return [left + right for (_, left), (_, right) in zip(*halves, strict=True)]


def combine(
    shares: Mapping[int, bytes], threshold: int, is_it: Callable[[bytes], bool]
) -> bytes | None:
    """The secret that passes ``is_it``, from shares by place; None: these do not give it.

    A few wrong shares do no harm where there are more than ``threshold``.
    """
    for places in islice(combinations(sorted(shares), threshold), _ATTEMPTS):
        secret = b"".join(
            Shamir.combine([(place + 1, shares[place][half]) for place in places], ssss=False)
            for half in (slice(_HALF), slice(_HALF, None))
        )
        if is_it(secret):
            return secret
    return None
