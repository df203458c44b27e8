"""Masks: streams of words that look like chance to whoever lacks the key.

ChaCha20's key stream (RFC 8439), read as words; a uniform word added to any word modulo 2^k is
uniform. Streams are produced a piece at a time, all in step, so that memory does not grow with the
vector. A key is for one stream only: all are derived for one sum and one pair.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext
from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20

from decentralml.learning.privacy.secure.fixed_point import UNSIGNED, Words

PIECE: Final = 1 << 16
"""Words at a time."""
_NONCE: Final = bytes(16)


class Masks:
    """Streams that are added to a vector or taken off it, one piece after the other."""

    def __init__(self, bits: int) -> None:
        self._plus: list[CipherContext] = []
        self._minus: list[CipherContext] = []
        self._stream = np.empty(PIECE, UNSIGNED[bits])
        self._zeros = memoryview(bytes(self._stream.nbytes))

    def add(self, key: bytes) -> None:
        self._plus.append(Cipher(ChaCha20(key, _NONCE), mode=None).encryptor())

    def subtract(self, key: bytes) -> None:
        self._minus.append(Cipher(ChaCha20(key, _NONCE), mode=None).encryptor())

    def apply(self, words: Words) -> None:
        """Put the next part of all masks on ``words``, in place (at most ``PIECE`` of them)."""
        stream = self._stream[: words.size]
        raw = memoryview(stream).cast("B")  # type: ignore[arg-type]  # arrays are buffers
        for mask in self._plus:
            mask.update_into(self._zeros[: raw.nbytes], raw)
            np.add(words, stream, out=words)
        for mask in self._minus:
            mask.update_into(self._zeros[: raw.nbytes], raw)
            np.subtract(words, stream, out=words)
