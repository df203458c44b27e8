"""What all clients of a secure sum agree on before it begins: the first message.

Every signature and key of the sum is bound to the agreement's digest; two clients that were shown
different ones refuse each other. Each client has to hold ``context`` and ``members`` against what
it knows by itself: the server must not choose whom a client adds up with.
"""

from __future__ import annotations

import hashlib
import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Self

from decentralml.bundles.manifest import (
    MAX_DIMENSIONS,
    MAX_TENSOR_NAME,
    MAX_TENSORS,
    TensorSpec,
)
from decentralml.errors import BadPrivacy, NotInvited, UnmergeableType
from decentralml.learning.dtypes import STORED
from decentralml.learning.privacy.secure.codec import (
    DIGEST_BYTES,
    MAX_CLIENTS,
    Reader,
    header,
    number,
    table,
)
from decentralml.learning.privacy.secure.fixed_point import FixedPoint

KEY_BYTES: Final = 32
MAX_ELEMENTS: Final = 1 << 32
"""One ChaCha20 stream has 2³² blocks of 64 bytes: far more than this many words."""
MAX_AGREEMENT_BYTES: Final = 16 << 20
_KIND: Final = 0
_NUMBERS: Final = struct.Struct(">BbdIH")
_TYPES: Final = tuple(sorted(STORED))


def usual_threshold(clients: int) -> int:
    """More than two thirds: a third of the clients may help a lying server, in vain."""
    return 2 * clients // 3 + 1


@dataclass(frozen=True, slots=True)
class Agreement:
    """The terms of one secure sum.

    Attributes
    ----------
    context : 32 bytes that name what is added up: a digest of the task, the round and the model
        that everybody starts from.
    members : each client's public key (32 bytes); its place in this list is its name here.
    threshold : how many clients must stay to the end. ``2 · threshold - members - 1`` clients may
        help a lying server without learning a single update.
    coding : of the numbers.
    tensors : type and shape by name, in the order of the vector.

    Raises
    ------
    BadPrivacy, UnmergeableType
    """

    context: bytes
    members: tuple[bytes, ...]
    threshold: int
    coding: FixedPoint
    tensors: Mapping[str, TensorSpec] = field(hash=False)

    def __post_init__(self) -> None:
        count = len(self.members)
        if len(self.context) != DIGEST_BYTES:
            raise BadPrivacy("the context's length", len(self.context), f"{DIGEST_BYTES} bytes")
        if not 2 <= count <= MAX_CLIENTS:
            raise BadPrivacy("the number of clients", count, f"2 to {MAX_CLIENTS}")
        if any(len(key) != KEY_BYTES for key in self.members):
            raise BadPrivacy("a member's key", "of another length", f"{KEY_BYTES} bytes each")
        if len(set(self.members)) != count:
            raise BadPrivacy("a member's key", "there twice", "every client its own key")
        if not count < 2 * self.threshold <= 2 * count:
            raise BadPrivacy(
                "the threshold",
                self.threshold,
                f"more than half and at most all of {count} clients: with fewer, a server that "
                "shows two halves different survivors learns single updates",
            )
        if self.coding.clients != count:
            raise BadPrivacy("the coding's room", self.coding.clients, f"{count} clients")
        self._check_tensors()

    def _check_tensors(self) -> None:
        if not 1 <= len(self.tensors) <= MAX_TENSORS:
            raise BadPrivacy("the number of tensors", len(self.tensors), f"1 to {MAX_TENSORS}")
        for name, spec in self.tensors.items():
            if not 0 < len(name.encode()) <= MAX_TENSOR_NAME:
                raise BadPrivacy("a tensor's name", name[:40], f"1 to {MAX_TENSOR_NAME} bytes")
            if spec.dtype not in STORED:
                raise UnmergeableType(name, spec.dtype)
            if len(spec.shape) > MAX_DIMENSIONS or any(not 0 <= d < 1 << 63 for d in spec.shape):
                raise BadPrivacy(f"the shape of {name!r}", spec.shape, "sound dimensions")
        if self.elements > MAX_ELEMENTS:
            raise BadPrivacy("the number of elements", self.elements, f"at most {MAX_ELEMENTS}")

    @property
    def elements(self) -> int:
        """Words of a client's vector: one for its weight, then the tensors'."""
        return 1 + sum(math.prod(spec.shape) for spec in self.tensors.values())

    def place_of(self, public_key: bytes) -> int:
        """Raises NotInvited."""
        if public_key not in self.members:
            raise NotInvited(public_key.hex())
        return self.members.index(public_key)

    def digest(self) -> bytes:
        """SHA-256 of the encoding."""
        return hashlib.sha256(self.encode()).digest()

    def encode(self) -> bytes:
        coding = self.coding
        parts = [
            header(_KIND),
            self.context,
            _NUMBERS.pack(
                coding.bits, coding.fraction, coding.limit, coding.heaviest, self.threshold
            ),
            table(list(enumerate(self.members))),
            number(len(self.tensors), 4),
        ]
        for name, spec in self.tensors.items():
            raw = name.encode()
            parts += [number(len(raw), 2), raw, number(_TYPES.index(spec.dtype), 1)]
            parts += [number(len(spec.shape), 1), *(number(size, 8) for size in spec.shape)]
        return b"".join(parts)

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Raises SecureMessageInvalid, BadPrivacy, UnmergeableType."""
        name = "agreement"
        reader = Reader(name, _KIND, data[: MAX_AGREEMENT_BYTES + 1])
        if len(data) > MAX_AGREEMENT_BYTES:
            raise reader.refuse(f"it is larger than {MAX_AGREEMENT_BYTES} bytes")
        context = reader.take(DIGEST_BYTES)
        bits, fraction, limit, heaviest, threshold = _NUMBERS.unpack(reader.take(_NUMBERS.size))
        members = reader.table(KEY_BYTES)
        if [place for place, _ in members] != list(range(len(members))):
            raise reader.refuse("its members have gaps between them")
        tensors: dict[str, TensorSpec] = {}
        for _ in range(reader.number(4, MAX_TENSORS)):
            try:
                name = reader.take(reader.number(2, MAX_TENSOR_NAME)).decode()
            except UnicodeDecodeError:
                raise reader.refuse("the name of a tensor is no UTF-8") from None
            if name in tensors:
                raise reader.refuse(f"it names the tensor {name!r} twice")
            dtype = _TYPES[reader.number(1, len(_TYPES) - 1)]
            shape = tuple(reader.number(8) for _ in range(reader.number(1, MAX_DIMENSIONS)))
            tensors[name] = TensorSpec(dtype, shape)
        reader.end()
        coding = FixedPoint(bits, fraction, limit, heaviest, len(members))
        return cls(context, tuple(key for _, key in members), threshold, coding, tensors)
