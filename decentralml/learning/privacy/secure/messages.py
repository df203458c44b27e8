"""What clients and the server of a secure sum send each other after the agreement.

Every message begins with its kind and the agreement's digest (:mod:`.codec`); fields have fixed
widths, so a message can be no larger than the number of clients allows.

===== =================== ========= ===============================================================
round message             from      holds
===== =================== ========= ===============================================================
0     Advert              client    two public keys, a commitment to its self mask, a signature
0     KeyList             server    everybody's
1     SealedShares        client    for each other client, shares of its two secrets, sealed
1     Delivery            server    those that the others sealed for this client
2     MaskedPiece (many)  client    words of the masked vector
2     Survivors           server    whose vectors are complete
3     Attestation         client    its signature of all that it was told until now
3     Proof               server    everybody's
4     Reveal              client    shares: the mask secrets of who is lost, self masks of the rest
===== =================== ========= ===============================================================
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

from decentralml.learning.privacy.secure.agreement import KEY_BYTES
from decentralml.learning.privacy.secure.codec import (
    PLACE_BYTES,
    Reader,
    header,
    number,
    table,
)
from decentralml.learning.privacy.secure.keys import SIGNATURE_BYTES
from decentralml.learning.privacy.secure.masks import PIECE
from decentralml.learning.privacy.secure.shares import SHARE_BYTES

TAG_BYTES = 16
SEALED_BYTES = 2 * SHARE_BYTES + TAG_BYTES
"""A share of the mask secret and one of the self mask, and Poly1305's tag."""
COMMITMENT_BYTES = 32
_INDEX_BYTES = 4
_MAX_PIECE_BYTES = 8 * PIECE

Places = tuple[int, ...]
Fields = tuple[tuple[int, bytes], ...]
"""A field by place, ascending."""


@dataclass(frozen=True, slots=True)
class Advert:
    """A client's public keys for this sum, and SHA-256's commitment to its self mask's seed."""

    KIND: ClassVar = 1
    NAME: ClassVar = "advert"
    WIDTH: ClassVar = 2 * KEY_BYTES + COMMITMENT_BYTES + SIGNATURE_BYTES

    session: bytes
    place: int
    cipher_key: bytes
    mask_key: bytes
    commitment: bytes
    signature: bytes

    def signed(self) -> bytes:
        """What the signature is of."""
        return b"decentralml/secure/advert@1" + self.session + _place(self.place) + self.keys()

    def keys(self) -> bytes:
        return self.cipher_key + self.mask_key + self.commitment

    def encode(self) -> bytes:
        return header(self.KIND, self.session) + _place(self.place) + self.keys() + self.signature

    @classmethod
    def decode(cls, data: bytes, session: bytes) -> Self:
        """Raises SecureMessageInvalid."""
        reader = Reader(cls.NAME, cls.KIND, data, session)
        place, raw = reader.place(), reader.take(cls.WIDTH)
        reader.end()
        return cls.of(session, place, raw)

    @classmethod
    def of(cls, session: bytes, place: int, raw: bytes) -> Self:
        """From the four fields, one after the other."""
        cipher, mask, commitment = (raw[at : at + KEY_BYTES] for at in (0, 32, 64))
        return cls(session, place, cipher, mask, commitment, raw[96:])


@dataclass(frozen=True, slots=True)
class KeyList:
    """All adverts; who is in it, is in the sum."""

    KIND: ClassVar = 2
    NAME: ClassVar = "key list"

    session: bytes
    adverts: tuple[Advert, ...]

    def encode(self) -> bytes:
        rows = [(advert.place, advert.keys() + advert.signature) for advert in self.adverts]
        return header(self.KIND, self.session) + table(rows)

    @classmethod
    def decode(cls, data: bytes, session: bytes) -> Self:
        """Raises SecureMessageInvalid."""
        reader = Reader(cls.NAME, cls.KIND, data, session)
        rows = reader.table(Advert.WIDTH)
        reader.end()
        return cls(session, tuple(Advert.of(session, place, raw) for place, raw in rows))


@dataclass(frozen=True, slots=True)
class _PlacedFields:
    """A client and a field for (or of) each of some others."""

    KIND: ClassVar[int]
    NAME: ClassVar[str]
    WIDTH: ClassVar[int]

    session: bytes
    place: int
    fields: Fields

    def encode(self) -> bytes:
        return header(self.KIND, self.session) + _place(self.place) + table(self.fields)

    @classmethod
    def decode(cls, data: bytes, session: bytes) -> Self:
        """Raises SecureMessageInvalid."""
        reader = Reader(cls.NAME, cls.KIND, data, session)
        message = cls(session, reader.place(), reader.table(cls.WIDTH))
        reader.end()
        return message


class SealedShares(_PlacedFields):
    """By reader: what the client at ``place`` sealed for it."""

    __slots__ = ()
    KIND = 3
    NAME = "sealed shares"
    WIDTH = SEALED_BYTES


class Delivery(_PlacedFields):
    """By sender: what it sealed for the client at ``place``."""

    __slots__ = ()
    KIND = 4
    NAME = "delivery"
    WIDTH = SEALED_BYTES


@dataclass(frozen=True, slots=True)
class MaskedPiece:
    """A part of a masked vector, little-endian words."""

    KIND: ClassVar = 5
    NAME: ClassVar = "masked piece"

    session: bytes
    place: int
    index: int
    words: bytes

    def encode(self) -> bytes:
        index = number(self.index, _INDEX_BYTES)
        return header(self.KIND, self.session) + _place(self.place) + index + self.words

    @classmethod
    def decode(cls, data: bytes, session: bytes) -> Self:
        """Raises SecureMessageInvalid."""
        reader = Reader(cls.NAME, cls.KIND, data, session)
        message = cls(session, reader.place(), reader.number(_INDEX_BYTES), reader.rest())
        if len(message.words) > _MAX_PIECE_BYTES:
            raise reader.refuse(f"it holds more than {_MAX_PIECE_BYTES} bytes")
        return message


@dataclass(frozen=True, slots=True)
class Survivors:
    """Whose vectors are in the sum."""

    KIND: ClassVar = 6
    NAME: ClassVar = "survivors"

    session: bytes
    places: Places

    def encode(self) -> bytes:
        return header(self.KIND, self.session) + table([(place, b"") for place in self.places])

    @classmethod
    def decode(cls, data: bytes, session: bytes) -> Self:
        """Raises SecureMessageInvalid."""
        reader = Reader(cls.NAME, cls.KIND, data, session)
        places = tuple(place for place, _ in reader.table(0))
        reader.end()
        return cls(session, places)


@dataclass(frozen=True, slots=True)
class Attestation:
    """A client's signature of the transcript (:mod:`.transcript`)."""

    KIND: ClassVar = 7
    NAME: ClassVar = "attestation"

    session: bytes
    place: int
    signature: bytes

    def encode(self) -> bytes:
        return header(self.KIND, self.session) + _place(self.place) + self.signature

    @classmethod
    def decode(cls, data: bytes, session: bytes) -> Self:
        """Raises SecureMessageInvalid."""
        reader = Reader(cls.NAME, cls.KIND, data, session)
        message = cls(session, reader.place(), reader.take(SIGNATURE_BYTES))
        reader.end()
        return message


@dataclass(frozen=True, slots=True)
class Proof:
    """The attestations of those who are still there."""

    KIND: ClassVar = 8
    NAME: ClassVar = "proof"

    session: bytes
    signatures: Fields

    def encode(self) -> bytes:
        return header(self.KIND, self.session) + table(self.signatures)

    @classmethod
    def decode(cls, data: bytes, session: bytes) -> Self:
        """Raises SecureMessageInvalid."""
        reader = Reader(cls.NAME, cls.KIND, data, session)
        message = cls(session, reader.table(SIGNATURE_BYTES))
        reader.end()
        return message


@dataclass(frozen=True, slots=True)
class Reveal:
    """Shares by owner: mask secrets of the lost, self masks' seeds of the survivors."""

    KIND: ClassVar = 9
    NAME: ClassVar = "reveal"

    session: bytes
    place: int
    lost: Fields
    kept: Fields

    def encode(self) -> bytes:
        tables = table(self.lost) + table(self.kept)
        return header(self.KIND, self.session) + _place(self.place) + tables

    @classmethod
    def decode(cls, data: bytes, session: bytes) -> Self:
        """Raises SecureMessageInvalid."""
        reader = Reader(cls.NAME, cls.KIND, data, session)
        place = reader.place()
        message = cls(session, place, reader.table(SHARE_BYTES), reader.table(SHARE_BYTES))
        reader.end()
        return message


def _place(place: int) -> bytes:
    return number(place, PLACE_BYTES)
