"""How each shape of type is read from bytes; :mod:`.codec` puts them together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from decentralml.chain.substrate.metadata import Field, read_compact
from decentralml.chain.substrate.values import INTEGERS, Decoder, Variant
from decentralml.devchain.codec import DecodeError

_EMPTY_ITEMS = 1 << 12
"""The most items without bytes that are taken for a vector."""


class LazyRecord:
    """The decoder of one case's fields, built when that case is first met."""

    def __init__(self, fields: tuple[Field, ...], decoder: Callable[[int], Decoder]) -> None:
        self.fields = fields
        self.decoder = decoder
        self.built: Decoder | None = None

    def __call__(self, data: bytes, at: int) -> tuple[Any, int]:
        if self.built is None:
            self.built = record(self.fields, self.decoder)
        return self.built(data, at)


def primitive(name: str) -> Decoder:
    if name == "bool":
        return _decode_bool
    if name == "str":
        return lambda data, at: _text(*byte_vector(data, at))
    if name == "char":
        return lambda data, at: (chr(int.from_bytes(_take(data, at, 4), "little")), at + 4)
    width, signed = INTEGERS[name]
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


def byte_vector(data: bytes, at: int) -> tuple[bytes, int]:
    length, at = read_compact(data, at)
    return _take(data, at, length), at + length


def fixed_bytes(length: int) -> Decoder:
    return lambda data, at: (_take(data, at, length), at + length)


def record(fields: tuple[Field, ...], decoder: Callable[[int], Decoder]) -> Decoder:
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


def option(inner: Decoder) -> Decoder:
    def decode(data: bytes, at: int) -> tuple[Any, int]:
        if data[at] > 1:
            raise DecodeError(f"{data[at]} at {at} begins no option")
        return inner(data, at + 1) if data[at] else (None, at + 1)

    return decode


def variant(path: str, cases: dict[int, tuple[str, LazyRecord]]) -> Decoder:
    def decode(data: bytes, at: int) -> tuple[Any, int]:
        case = cases.get(data[at])
        if case is None:
            raise DecodeError(f"{path} has no case {data[at]} (at {at})")
        value, at = case[1](data, at + 1)
        return Variant(case[0], value), at

    return decode


def vector(item: Decoder) -> Decoder:
    def decode(data: bytes, at: int) -> tuple[Any, int]:
        count, at = read_compact(data, at)
        return _items(item, count, data, at)

    return decode


def array(count: int, item: Decoder) -> Decoder:
    return lambda data, at: _items(item, count, data, at)


def _items(item: Decoder, count: int, data: bytes, at: int) -> tuple[list[Any], int]:
    # Items may take no bytes at all, but nobody stores very many such.
    if count > len(data) - at + _EMPTY_ITEMS:
        raise DecodeError(f"a vector of {count} items in {len(data) - at} bytes")
    values = []
    for _ in range(count):
        if at > len(data):
            raise DecodeError(f"a vector of {count} items is cut short")
        value, at = item(data, at)
        values.append(value)
    return values, at
