"""How each shape of type is written as bytes; :mod:`.codec` puts them together."""

from __future__ import annotations

from collections.abc import Callable
from operator import index
from typing import Any

from decentralml.chain.substrate.metadata import Field
from decentralml.chain.substrate.values import INTEGERS, EncodeError, Encoder
from decentralml.devchain.codec import compact, prefixed


def compact_integer(width: int) -> Encoder:
    """A compact integer of a type of so many bytes."""

    def encode(value: Any) -> bytes:
        number = index(value)
        if number.bit_length() > 8 * width:
            raise EncodeError(f"{number} needs more than {width} bytes")
        try:
            return compact(number)
        except ValueError as error:
            raise EncodeError(str(error)) from None

    return encode


def raw_bytes(value: Any) -> bytes:
    """Bytes; an integer is refused (``bytes`` would make that many zeros)."""
    if not isinstance(value, bytes | bytearray):
        raise EncodeError(f"{value!r} where bytes are expected")
    return bytes(value)


def primitive(name: str) -> Encoder:
    if name == "bool":
        return lambda value: b"\1" if value else b"\0"
    if name == "str":
        return lambda value: prefixed(value.encode())
    if name == "char":
        return lambda value: ord(value).to_bytes(4, "little")
    width, signed = INTEGERS[name]
    return lambda value: index(value).to_bytes(width, "little", signed=signed)


def fixed_bytes(length: int) -> Encoder:
    def encode(value: Any) -> bytes:
        data = raw_bytes(value)
        if len(data) != length:
            raise EncodeError(f"{len(data)} bytes where {length} are expected")
        return data

    return encode


def record(fields: tuple[Field, ...], encoder: Callable[[int], Encoder]) -> Encoder:
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


def variant(
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
            built[name] = record(fields, encoder)
        return mark + built[name](inner)

    return encode


def vector(item: Encoder) -> Encoder:
    return lambda value: compact(len(value)) + b"".join(item(member) for member in value)


def array(length: int, item: Encoder) -> Encoder:
    def encode(value: Any) -> bytes:
        if len(value) != length:
            raise EncodeError(f"{len(value)} items where {length} are expected")
        return b"".join(item(member) for member in value)

    return encode
