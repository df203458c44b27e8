"""What a runtime says of itself: its types, pallets and transactions (metadata, version 14).

:func:`parse` reads the whole document in one pass over the bytes, on the way of every command, so
it is written for speed: plain functions of ``(data, at) -> (value, at)``, and explanations are
kept as positions and read when someone asks. Source: ``frame-metadata`` 23, ``v14``, and
``scale-info`` 2.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeVar

from decentralml.devchain.codec import DecodeError

MAGIC = b"meta\x0e"
"""``meta`` and the version, 14."""
PRIMITIVES = (
    *("bool", "char", "str", "u8", "u16", "u32", "u64", "u128", "u256"),
    *("i8", "i16", "i32", "i64", "i128", "i256"),
)
T = TypeVar("T")


class Field(NamedTuple):
    """One field of a composite or variant; ``name`` is None in tuple-like ones."""

    name: str | None
    type: int


class VariantDef(NamedTuple):
    name: str
    number: int
    fields: tuple[Field, ...]
    docs: tuple[int, int]
    """Where its explanation lies in the metadata; see :meth:`Metadata.text`."""


class Composite(NamedTuple):
    path: str
    fields: tuple[Field, ...]


class Variants(NamedTuple):
    path: str
    variants: tuple[VariantDef, ...]


class Sequence(NamedTuple):
    of: int


class Array(NamedTuple):
    length: int
    of: int


class Tuple(NamedTuple):
    of: tuple[int, ...]


class Primitive(NamedTuple):
    name: str


class Compact(NamedTuple):
    of: int


class Bits(NamedTuple):
    store: int
    order: int


TypeDef = Composite | Variants | Sequence | Array | Tuple | Primitive | Compact | Bits


class StorageEntry(NamedTuple):
    """One storage item.

    ``hashers`` is empty for a plain value; ``default`` is what a missing value reads as where
    ``optional`` is false.
    """

    pallet: str
    name: str
    optional: bool
    hashers: tuple[int, ...]
    key: int | None
    value: int
    default: bytes


class Constant(NamedTuple):
    type: int
    value: bytes


class Pallet(NamedTuple):
    name: str
    number: int
    prefix: str
    """The name its storage keys are made of."""
    storage: dict[str, StorageEntry]
    calls: int | None
    event: int | None
    error: int | None
    constants: dict[str, Constant]


class SignedExtension(NamedTuple):
    """What a signed transaction carries (``type``) and signs besides (``additional``)."""

    identifier: str
    type: int
    additional: int


class Metadata(NamedTuple):
    data: bytes
    types: tuple[TypeDef, ...]
    pallets: dict[str, Pallet]
    transaction_version: int
    extensions: tuple[SignedExtension, ...]

    def pallet_at(self, number: int) -> Pallet | None:
        return next((pallet for pallet in self.pallets.values() if pallet.number == number), None)

    def text(self, docs: tuple[int, int]) -> str:
        """An explanation as one line."""
        lines, _ = _vector(self.data, docs[0], _str)
        return " ".join(line.strip() for line in lines).strip()


def parse(data: bytes) -> Metadata:
    """The metadata of a runtime.

    Raises
    ------
    DecodeError : another version than 14, or bytes that end early.
    """
    if data[:5] != MAGIC:
        raise DecodeError(f"metadata begins with {data[:5].hex()}, not with version 14's mark")
    try:
        types, at = _vector(data, 5, _portable_type)
        pallets, at = _vector(data, at, _pallet)
        _, at = read_compact(data, at)
        version = data[at]
        extensions, at = _vector(data, at + 1, _extension)
    except IndexError:
        raise DecodeError("metadata ends early") from None
    except UnicodeDecodeError as error:
        raise DecodeError(f"metadata is damaged ({error})") from None
    return Metadata(data, types, {pallet.name: pallet for pallet in pallets}, version, extensions)


def read_compact(data: bytes, at: int) -> tuple[int, int]:
    """A compact integer at a position, and the position after it."""
    first = data[at]
    mode = first & 3
    if mode == 0:
        return first >> 2, at + 1
    width = 2 if mode == 1 else 4 if mode == 2 else (first >> 2) + 5
    end = at + width
    if end > len(data):
        raise DecodeError(f"a compact integer at {at} is cut short")
    if mode == 3:
        return int.from_bytes(data[at + 1 : end], "little"), end
    return int.from_bytes(data[at:end], "little") >> 2, end


def _vector(
    data: bytes, at: int, item: Callable[[bytes, int], tuple[T, int]]
) -> tuple[tuple[T, ...], int]:
    count, at = read_compact(data, at)
    items = []
    for _ in range(count):
        value, at = item(data, at)
        items.append(value)
    return tuple(items), at


def _str(data: bytes, at: int) -> tuple[str, int]:
    length, at = read_compact(data, at)
    return data[at : at + length].decode(), at + length


def _skip_strings(data: bytes, at: int) -> int:
    count, at = read_compact(data, at)
    for _ in range(count):
        length, at = read_compact(data, at)
        at += length
    return at


def _optional(
    data: bytes, at: int, item: Callable[[bytes, int], tuple[T, int]]
) -> tuple[T | None, int]:
    if data[at] == 0:
        return None, at + 1
    return item(data, at + 1)


def _portable_type(data: bytes, at: int) -> tuple[TypeDef, int]:
    _, at = read_compact(data, at)
    path, at = _vector(data, at, _str)
    _, at = _vector(data, at, _parameter)
    kind = data[at]
    at += 1
    definition: TypeDef
    if kind == 0:
        fields, at = _vector(data, at, _field)
        definition = Composite("::".join(path), fields)
    elif kind == 1:
        variants, at = _vector(data, at, _variant)
        definition = Variants("::".join(path), variants)
    elif kind == 2:
        of, at = read_compact(data, at)
        definition = Sequence(of)
    elif kind == 3:
        length = int.from_bytes(data[at : at + 4], "little")
        of, at = read_compact(data, at + 4)
        definition = Array(length, of)
    elif kind == 4:
        members, at = _vector(data, at, read_compact)
        definition = Tuple(members)
    elif kind == 5:
        definition = Primitive(PRIMITIVES[data[at]])
        at += 1
    elif kind == 6:
        of, at = read_compact(data, at)
        definition = Compact(of)
    elif kind == 7:
        store, at = read_compact(data, at)
        order, at = read_compact(data, at)
        definition = Bits(store, order)
    else:
        raise DecodeError(f"a type of the unknown kind {kind}")
    return definition, _skip_strings(data, at)


def _parameter(data: bytes, at: int) -> tuple[None, int]:
    _, at = _str(data, at)
    _, at = _optional(data, at, read_compact)
    return None, at


def _field(data: bytes, at: int) -> tuple[Field, int]:
    name, at = _optional(data, at, _str)
    of, at = read_compact(data, at)
    if data[at]:
        length, at = read_compact(data, at + 1)
        at += length
    else:
        at += 1
    return Field(name, of), _skip_strings(data, at)


def _variant(data: bytes, at: int) -> tuple[VariantDef, int]:
    name, at = _str(data, at)
    fields, at = _vector(data, at, _field)
    number = data[at]
    end = _skip_strings(data, at + 1)
    return VariantDef(name, number, fields, (at + 1, end)), end


def _pallet(data: bytes, at: int) -> tuple[Pallet, int]:
    name, at = _str(data, at)
    prefix = name
    entries: tuple[StorageEntry, ...] = ()
    if data[at]:
        prefix, at = _str(data, at + 1)
        entries, at = _vector(data, at, _storage_entry)
    else:
        at += 1
    calls, at = _optional(data, at, read_compact)
    event, at = _optional(data, at, read_compact)
    constants, at = _vector(data, at, _constant)
    error, at = _optional(data, at, read_compact)
    storage = {entry.name: entry._replace(pallet=prefix) for entry in entries}
    pallet = Pallet(name, data[at], prefix, storage, calls, event, error, dict(constants))
    return pallet, at + 1


def _storage_entry(data: bytes, at: int) -> tuple[StorageEntry, int]:
    name, at = _str(data, at)
    optional = data[at] == 0
    plain = data[at + 1] == 0
    at += 2
    hashers: tuple[int, ...] = ()
    key = None
    if not plain:
        hashers, at = _vector(data, at, lambda data, at: (data[at], at + 1))
        key, at = read_compact(data, at)
    value, at = read_compact(data, at)
    length, at = read_compact(data, at)
    default = data[at : at + length]
    at = _skip_strings(data, at + length)
    return StorageEntry("", name, optional, hashers, key, value, default), at


def _constant(data: bytes, at: int) -> tuple[tuple[str, Constant], int]:
    name, at = _str(data, at)
    of, at = read_compact(data, at)
    length, at = read_compact(data, at)
    constant = Constant(of, data[at : at + length])
    return (name, constant), _skip_strings(data, at + length)


def _extension(data: bytes, at: int) -> tuple[SignedExtension, int]:
    identifier, at = _str(data, at)
    carried, at = read_compact(data, at)
    additional, at = read_compact(data, at)
    return SignedExtension(identifier, carried, additional), at
