"""SCALE by metadata: values of any type of a runtime, to bytes and back.

A reader or writer is built once for each type, when it is first needed, out of small closures.
How values look in Python:

=====================================  ==========================================
named fields                           ``dict``
one unnamed field (``AccountId32``)    the field's own value
several unnamed fields, tuples         ``tuple``; empty ones ``None``
a variant (enum)                       :class:`Variant` (``str`` will do to write
                                       one without fields)
``Option``                             the value or ``None``
``Vec<u8>``, ``[u8; N]``               ``bytes``
other vectors and arrays               ``list``
integers, compact ones too             ``int``
=====================================  ==========================================
"""

from __future__ import annotations

import struct
from typing import Any

from decentralml.chain.substrate import decoders, encoders
from decentralml.chain.substrate.metadata import (
    Array,
    Bits,
    Compact,
    Composite,
    Field,
    Metadata,
    Primitive,
    Sequence,
    Tuple,
    Variants,
    read_compact,
)
from decentralml.chain.substrate.values import INTEGERS, Decoder, EncodeError, Encoder, Variant
from decentralml.devchain.codec import DecodeError, prefixed

__all__ = ["Codec", "EncodeError", "Variant"]


class Codec:
    """Readers and writers for the types of one runtime."""

    def __init__(self, metadata: Metadata) -> None:
        self.metadata = metadata
        self._decoders: dict[int, Decoder] = {}
        self._encoders: dict[int, Encoder] = {}

    def decode(self, type_id: int, data: bytes) -> Any:
        """The value that these bytes are, all of them.

        Raises
        ------
        DecodeError : too few or too many bytes, or bytes that no value has.
        """
        value, end = self.decode_at(type_id, data, 0)
        if end != len(data):
            raise DecodeError(f"{len(data) - end} bytes after a value of type {type_id}")
        return value

    def decode_at(self, type_id: int, data: bytes, at: int) -> tuple[Any, int]:
        """The value that begins at a position, and the position after it."""
        try:
            return self.decoder(type_id)(data, at)
        except (IndexError, struct.error, UnicodeDecodeError) as error:
            raise DecodeError(f"type {type_id} at {at}: {error}") from None

    def encode(self, type_id: int, value: Any) -> bytes:
        """The bytes of a value.

        Raises
        ------
        EncodeError : the value does not fit the type.
        """
        try:
            return self.encoder(type_id)(value)
        except (TypeError, AttributeError, OverflowError, LookupError) as error:
            raise EncodeError(f"{value!r} is no value of type {type_id}: {error!r}") from None

    def decoder(self, type_id: int) -> Decoder:
        found = self._decoders.get(type_id)
        if found is None:
            # A type that holds itself (a call in a batch) finds this forwarder while it is built.
            self._decoders[type_id] = lambda data, at: self._decoders[type_id](data, at)
            found = self._decoders[type_id] = self._build_decoder(type_id)
        return found

    def encoder(self, type_id: int) -> Encoder:
        found = self._encoders.get(type_id)
        if found is None:
            self._encoders[type_id] = lambda value: self._encoders[type_id](value)
            found = self._encoders[type_id] = self._build_encoder(type_id)
        return found

    def _width(self, type_id: int) -> int:
        """Bytes of the integer inside a compact one, whatever it is wrapped in."""
        match self.metadata.types[type_id]:
            case Primitive(name):
                return INTEGERS[name][0]
            case Composite(_, (only,)):
                return self._width(only.type)
        return 0

    def _is_byte(self, type_id: int) -> bool:
        return self.metadata.types[type_id] == Primitive("u8")

    def _build_decoder(self, type_id: int) -> Decoder:
        match self.metadata.types[type_id]:
            case Primitive(name):
                return decoders.primitive(name)
            case Compact():
                return read_compact
            case Composite(_, fields):
                return decoders.record(fields, self.decoder)
            case Tuple(of):
                return decoders.record(tuple(Field(None, member) for member in of), self.decoder)
            case Variants("Option", variants):
                return decoders.option(self.decoder(variants[1].fields[0].type))
            case Variants(path, variants):
                cases = {
                    case.number: (case.name, decoders.LazyRecord(case.fields, self.decoder))
                    for case in variants
                }
                return decoders.variant(path, cases)
            case Sequence(of):
                return (
                    decoders.byte_vector if self._is_byte(of) else decoders.vector(self.decoder(of))
                )
            case Array(length, of):
                if self._is_byte(of):
                    return decoders.fixed_bytes(length)
                return decoders.array(length, self.decoder(of))
            case Bits():
                raise DecodeError(f"type {type_id} is a bit sequence, which no call here has")

    def _build_encoder(self, type_id: int) -> Encoder:
        match self.metadata.types[type_id]:
            case Primitive(name):
                return encoders.primitive(name)
            case Compact(of):
                return encoders.compact_integer(self._width(of))
            case Composite(_, fields):
                return encoders.record(fields, self.encoder)
            case Tuple(of):
                return encoders.record(tuple(Field(None, member) for member in of), self.encoder)
            case Variants("Option", variants):
                inner = self.encoder(variants[1].fields[0].type)
                return lambda value: b"\0" if value is None else b"\1" + inner(value)
            case Variants(path, variants):
                cases = {case.name: (bytes([case.number]), case.fields) for case in variants}
                return encoders.variant(path, cases, self.encoder)
            case Sequence(of):
                if self._is_byte(of):
                    return lambda value: prefixed(encoders.raw_bytes(value))
                return encoders.vector(self.encoder(of))
            case Array(length, of):
                if self._is_byte(of):
                    return encoders.fixed_bytes(length)
                return encoders.array(length, self.encoder(of))
            case Bits():
                raise EncodeError(f"type {type_id} is a bit sequence, which no call here has")
