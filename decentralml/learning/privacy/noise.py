"""Gaussian noise that nobody can foresee or take out again without its key.

The bits are the key stream of ChaCha20 (RFC 8439); two uniform numbers of 53 bits make two normal
ones (Box and Muller, 1958). The same key gives the same noise, so that a merge that was interrupted
comes to the same model; the key must be secret and of one merge only.

Floating-point numbers are no reals: Mironov (On Significance of the Least Significant Bits for
Differential Privacy, 2012) reads secrets from the low bits of noise that is added to exact values.
The noise here is added in float64 and the sum rounded to the model's type, which hides those bits
of float32 models and makes no proof.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20

from decentralml.learning.dtypes import Doubles

KEY_BYTES: Final = 32
_NONCE: Final = bytes(16)
_PAIR: Final = 16
"""Bytes of the stream for two numbers."""


class GaussianNoise:
    """A stream of standard normal numbers; each is given out once."""

    def __init__(self, key: bytes) -> None:
        """``key``: 32 secret bytes."""
        self._stream = Cipher(ChaCha20(key, _NONCE), mode=None).encryptor()

    def take(self, count: int) -> Doubles:
        """The next ``count`` numbers."""
        pairs = (count + 1) // 2
        words = np.frombuffer(self._stream.update(bytes(_PAIR * pairs)), "<u8") >> 11
        uniform = (words.astype(np.float64) + 0.5) * 2.0**-53  # in the open interval: no log(0)
        lengths = np.sqrt(-2.0 * np.log(uniform[:pairs]))
        angles = 2 * math.pi * uniform[pairs:]
        numbers = np.concatenate((lengths * np.cos(angles), lengths * np.sin(angles)))
        return numbers[:count]
