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
from collections.abc import Callable
from typing import Any, NamedTuple

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
from decentralml.devchain.codec import DecodeError, compact, prefixed

Decoder = Callable[[bytes, int], tuple[Any, int]]
Encoder = Callable[[Any], bytes]
_INTEGERS = {
    f"{sign}{8 * width}": (width, sign == "i") for sign in "ui" for width in (1, 2, 4, 8, 16, 32)
}


class Variant(NamedTuple):
    """One case of an enumeration, with its fields as the table of this module says."""

    name: str
    value: Any = None


class EncodeError(ValueError):
    """A value that does not fit its type."""


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
        except (TypeError, AttributeError, OverflowError, KeyError) as error:
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

    def _is_byte(self, type_id: int) -> bool:
        return self.metadata.types[type_id] == Primitive("u8")

    def _build_decoder(self, type_id: int) -> Decoder:
        match self.metadata.types[type_id]:
            case Primitive(name):
                return _decode_primitive(name)
            case Compact(of):
                return self._decode_compact(of)
            case Composite(_, fields):
                return _decode_fields(fields, self.decoder)
            case Tuple(of):
                return _decode_fields(tuple(Field(None, member) for member in of), self.decoder)
            case Variants("Option", variants):
                return _decode_option(self.decoder(variants[1].fields[0].type))
            case Variants(path, variants):
                cases = {
                    case.number: (case.name, _Lazy(case.fields, self.decoder)) for case in variants
                }
                return _decode_variant(path, cases)
            case Sequence(of):
                return _decode_bytes if self._is_byte(of) else _decode_vector(self.decoder(of))
            case Array(length, of):
                if self._is_byte(of):
                    return _decode_fixed(length)
                return _decode_array(length, self.decoder(of))
            case Bits():
                raise DecodeError(f"type {type_id} is a bit sequence, which no call here has")

    def _build_encoder(self, type_id: int) -> Encoder:
        match self.metadata.types[type_id]:
            case Primitive(name):
                return _encode_primitive(name)
            case Compact(_):
                return compact_or_refuse
            case Composite(_, fields):
                return _encode_fields(fields, self.encoder)
            case Tuple(of):
                return _encode_fields(tuple(Field(None, member) for member in of), self.encoder)
            case Variants("Option", variants):
                inner = self.encoder(variants[1].fields[0].type)
                return lambda value: b"\0" if value is None else b"\1" + inner(value)
            case Variants(path, variants):
                cases = {case.name: (bytes([case.number]), case.fields) for case in variants}
                return _encode_variant(path, cases, self.encoder)
            case Sequence(of):
                if self._is_byte(of):
                    return lambda value: prefixed(bytes_or_refuse(value))
                return _encode_vector(self.encoder(of))
            case Array(length, of):
                if self._is_byte(of):
                    return _encode_fixed(length)
                return _encode_array(length, self.encoder(of))
            case Bits():
                raise EncodeError(f"type {type_id} is a bit sequence, which no call here has")

    def _decode_compact(self, of: int) -> Decoder:
        """A compact integer, also where a wrapper (``Perbill``) or nothing is inside."""
        if self.metadata.types[of] == Tuple(()):
            return lambda _data, at: (None, at)
        return read_compact


class _Lazy:
    """The decoder of one case's fields, built when that case is first met."""

    def __init__(self, fields: tuple[Field, ...], decoder: Callable[[int], Decoder]) -> None:
        self.fields = fields
        self.decoder = decoder
        self.built: Decoder | None = None

    def __call__(self, data: bytes, at: int) -> tuple[Any, int]:
        if self.built is None:
            self.built = _decode_fields(self.fields, self.decoder)
        return self.built(data, at)


def _decode_primitive(name: str) -> Decoder:
    if name == "bool":
        return _decode_bool
    if name == "str":
        return lambda data, at: _text(*_decode_bytes(data, at))
    if name == "char":
        return lambda data, at: (chr(int.from_bytes(_take(data, at, 4), "little")), at + 4)
    width, signed = _INTEGERS[name]
    return lambda data, at: (
        int.from_bytes(_take(data, at, width), "little", signed=signed),
        at + width,
    )


def _take(data: bytes, at: int, count: int) -> bytes:
    taken = data[at : at + count]
    if len(taken) != count:
        raise DecodeError(f"{count} bytes wanted at {at}, {len(taken)} left")
    return taken


def _text(data: bytes, at: int) -> tuple[str, int]:
    return data.decode(), at


def _decode_bool(data: bytes, at: int) -> tuple[bool, int]:
    if data[at] > 1:
        raise DecodeError(f"{data[at]} at {at} is no truth value")
    return data[at] == 1, at + 1


def _decode_bytes(data: bytes, at: int) -> tuple[bytes, int]:
    length, at = read_compact(data, at)
    return _take(data, at, length), at + length


def _decode_fixed(length: int) -> Decoder:
    return lambda data, at: (_take(data, at, length), at + length)


def _decode_fields(fields: tuple[Field, ...], decoder: Callable[[int], Decoder]) -> Decoder:
    if not fields:
        return lambda _data, at: (None, at)
    members = tuple((field.name, decoder(field.type)) for field in fields)
    if fields[0].name is not None:

        def named(data: bytes, at: int) -> tuple[Any, int]:
            values = {}
            for name, member in members:
                values[name], at = member(data, at)
            return values, at

        return named
    if len(members) == 1:
        return members[0][1]

    def unnamed(data: bytes, at: int) -> tuple[Any, int]:
        values = []
        for _, member in members:
            value, at = member(data, at)
            values.append(value)
        return tuple(values), at

    return unnamed


def _decode_option(inner: Decoder) -> Decoder:
    def decode(data: bytes, at: int) -> tuple[Any, int]:
        if data[at] > 1:
            raise DecodeError(f"{data[at]} at {at} begins no option")
        return inner(data, at + 1) if data[at] else (None, at + 1)

    return decode


def _decode_variant(path: str, cases: dict[int, tuple[str, _Lazy]]) -> Decoder:
    def decode(data: bytes, at: int) -> tuple[Any, int]:
        case = cases.get(data[at])
        if case is None:
            raise DecodeError(f"{path} has no case {data[at]} (at {at})")
        value, at = case[1](data, at + 1)
        return Variant(case[0], value), at

    return decode


def _decode_vector(item: Decoder) -> Decoder:
    def decode(data: bytes, at: int) -> tuple[Any, int]:
        count, at = read_compact(data, at)
        return _items(item, count, data, at)

    return decode


def _decode_array(count: int, item: Decoder) -> Decoder:
    return lambda data, at: _items(item, count, data, at)


def _items(item: Decoder, count: int, data: bytes, at: int) -> tuple[list[Any], int]:
    values = []
    for _ in range(count):
        if at > len(data):
            raise DecodeError(f"a vector of {count} items is cut short")
        value, at = item(data, at)
        values.append(value)
    return values, at


def compact_or_refuse(value: Any) -> bytes:
    """A compact integer; anything else is refused (``compact`` would take a truth value)."""
    if not isinstance(value, int):
        raise EncodeError(f"{value!r} is no integer")
    try:
        return compact(value)
    except ValueError as error:
        raise EncodeError(str(error)) from None


def bytes_or_refuse(value: Any) -> bytes:
    """Bytes; an integer is refused (``bytes`` would make that many zeros)."""
    if not isinstance(value, bytes | bytearray):
        raise EncodeError(f"{value!r} where bytes are expected")
    return bytes(value)


def _encode_primitive(name: str) -> Encoder:
    if name == "bool":
        return lambda value: b"\1" if value else b"\0"
    if name == "str":
        return lambda value: prefixed(value.encode())
    if name == "char":
        return lambda value: ord(value).to_bytes(4, "little")
    width, signed = _INTEGERS[name]
    return lambda value: int(value).to_bytes(width, "little", signed=signed)


def _encode_fixed(length: int) -> Encoder:
    def encode(value: Any) -> bytes:
        data = bytes_or_refuse(value)
        if len(data) != length:
            raise EncodeError(f"{len(data)} bytes where {length} are expected")
        return data

    return encode


def _encode_fields(fields: tuple[Field, ...], encoder: Callable[[int], Encoder]) -> Encoder:
    if not fields:
        return lambda _value: b""
    members = tuple((field.name, encoder(field.type)) for field in fields)
    if fields[0].name is not None:

        def named(value: Any) -> bytes:
            extra = set(value) - {name for name, _ in members}
            if extra:
                raise EncodeError(f"no fields {', '.join(sorted(extra))}")
            return b"".join(member(value[name]) for name, member in members)

        return named
    if len(members) == 1:
        return members[0][1]

    def unnamed(value: Any) -> bytes:
        if len(value) != len(members):
            raise EncodeError(f"{len(value)} fields where {len(members)} are expected")
        return b"".join(member(item) for (_, member), item in zip(members, value, strict=True))

    return unnamed


def _encode_variant(
    path: str,
    cases: dict[str, tuple[bytes, tuple[Field, ...]]],
    encoder: Callable[[int], Encoder],
) -> Encoder:
    built: dict[str, Encoder] = {}

    def encode(value: Any) -> bytes:
        name, inner = (value, None) if isinstance(value, str) else value
        if name not in cases:
            raise EncodeError(f"{path} has no case {name}; it has {', '.join(cases)}")
        mark, fields = cases[name]
        if name not in built:
            built[name] = _encode_fields(fields, encoder)
        return mark + built[name](inner)

    return encode


def _encode_vector(item: Encoder) -> Encoder:
    return lambda value: compact(len(value)) + b"".join(item(member) for member in value)


def _encode_array(length: int, item: Encoder) -> Encoder:
    def encode(value: Any) -> bytes:
        if len(value) != length:
            raise EncodeError(f"{len(value)} items where {length} are expected")
        return b"".join(item(member) for member in value)

    return encode
