"""Headers and blocks, as SCALE puts them on the wire.

    header     parent hash (32) | compact number | state root (32) | extrinsics root (32) | digest
    digest     compact count, then that many items
    item       kind (1) | engine (4, kinds 4 to 6) | compact length and payload (all but kind 8)
    extrinsic  compact length | version and body; the prefix is part of the extrinsic

Source: ``sp_runtime::generic::{Header, Digest, DigestItem}``.
"""

from __future__ import annotations

from dataclasses import dataclass

from decentralml.devchain.codec import DecodeError, Reader, compact, vector
from decentralml.devchain.hashes import blake2_256

CONSENSUS = 4
SEAL = 5
PRE_RUNTIME = 6
RUNTIME_UPDATED = 8
AURA = b"aura"

_WITH_ENGINE = (CONSENSUS, SEAL, PRE_RUNTIME)
_OTHER = 0
_SIGNED_OR_GENERAL = 0b1100_0000


@dataclass(frozen=True, slots=True)
class Header:
    parent: bytes
    number: int
    state_root: bytes
    extrinsics_root: bytes
    digest: tuple[bytes, ...] = ()
    """Each item SCALE encoded, kind byte included."""

    def encode(self) -> bytes:
        return b"".join(
            (
                self.parent,
                compact(self.number),
                self.state_root,
                self.extrinsics_root,
                vector(self.digest),
            )
        )

    @property
    def hash(self) -> bytes:
        return blake2_256(self.encode())

    def without_seals(self) -> Header:
        """What the runtime executes: the block's author adds its seals afterwards."""
        items = tuple(item for item in self.digest if item[0] != SEAL)
        return Header(self.parent, self.number, self.state_root, self.extrinsics_root, items)

    @classmethod
    def decode(cls, data: bytes) -> Header:
        """The header that fills `data`, to the last byte; else :class:`DecodeError`."""
        reader = Reader(data)
        header = cls.read(reader)
        reader.finish()
        return header

    @classmethod
    def read(cls, reader: Reader) -> Header:
        parent, number = reader.take(32), reader.compact()
        state_root, extrinsics_root = reader.take(32), reader.take(32)
        items = tuple(_digest_item(reader) for _ in range(reader.compact()))
        return cls(parent, number, state_root, extrinsics_root, items)


@dataclass(frozen=True, slots=True)
class Block:
    number: int
    hash: bytes
    header: bytes
    """SCALE encoded; :meth:`Header.decode` takes it apart."""
    extrinsics: tuple[bytes, ...]
    """Each with its length prefix, as a node's RPC shows them."""


def pre_runtime(engine: bytes, payload: bytes) -> bytes:
    """A digest item that tells the runtime something before the block runs."""
    return bytes((PRE_RUNTIME,)) + engine + compact(len(payload)) + payload


def check_extrinsic(extrinsic: bytes) -> None:
    """Raise :class:`DecodeError` unless the length prefix covers exactly the rest."""
    reader = Reader(extrinsic)
    length = reader.compact()
    if length == 0:
        raise DecodeError("an extrinsic cannot be empty")
    reader.take(length)
    reader.finish()


def is_inherent(extrinsic: bytes) -> bool:
    """Whether nobody signed it: the block's author put it there (the time, for one)."""
    reader = Reader(extrinsic)
    reader.compact()
    return not reader.u8() & _SIGNED_OR_GENERAL


def _digest_item(reader: Reader) -> bytes:
    start = reader.offset
    kind = reader.u8()
    if kind in _WITH_ENGINE:
        reader.take(4)
    elif kind not in (_OTHER, RUNTIME_UPDATED):
        raise DecodeError(f"a digest item of unknown kind {kind}")
    if kind != RUNTIME_UPDATED:
        reader.take(reader.compact())
    return reader.data[start : reader.offset]
