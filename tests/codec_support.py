"""Values of the types of the shipped runtime, as its codec shows them."""

from __future__ import annotations

from typing import Any

from chain_support import shipped_runtime
from hypothesis import strategies as st

from decentralml.chain.substrate.codec import Variant
from decentralml.chain.substrate.metadata import (
    Array,
    Bits,
    Compact,
    Composite,
    Primitive,
    Sequence,
    Tuple,
    Variants,
)

METADATA = shipped_runtime().metadata


def values(type_id: int, depth: int = 0) -> st.SearchStrategy[Any]:
    """Any value of a type, as the codec shows it."""
    match METADATA.types[type_id]:
        case Primitive("bool"):
            return st.booleans()
        case Primitive("str"):
            return st.text(max_size=20)
        case Primitive("char"):
            return st.characters()
        case Primitive(name):
            bits, low = int(name[1:]), 0
            if name[0] == "i":
                bits, low = bits - 1, -(1 << bits - 1)
            return st.integers(low, (1 << bits) - 1)
        case Compact(of):
            return values(of, depth)
        case Composite(_, fields):
            return of_fields(fields, depth)
        case Tuple(of):
            members = [values(member, depth) for member in of]
            if len(members) == 1:
                return members[0]
            return st.tuples(*members) if members else st.none()
        case Variants("Option", variants):
            return st.none() | values(variants[1].fields[0].type, depth)
        case Variants(_, variants):
            # What holds itself is cut off by its cases without fields, or simple ones.
            cases = [case for case in variants if depth < 4 or not case.fields] or variants[:1]
            return st.sampled_from(cases).flatmap(
                lambda case: of_fields(case.fields, depth + 1).map(
                    lambda inner: Variant(case.name, inner)
                )
            )
        case Sequence(of):
            if METADATA.types[of] == Primitive("u8"):
                return st.binary(max_size=80)
            return st.lists(values(of, depth + 1), max_size=0 if depth > 3 else 3)
        case Array(length, of):
            if METADATA.types[of] == Primitive("u8"):
                return st.binary(min_size=length, max_size=length)
            return st.lists(values(of, depth + 1), min_size=length, max_size=length)
        case Bits():
            raise AssertionError("no call has bit sequences")


def of_fields(fields: tuple[Any, ...], depth: int) -> st.SearchStrategy[Any]:
    members = [values(field.type, depth) for field in fields]
    if fields and fields[0].name is not None:
        return st.fixed_dictionaries(
            {field.name: member for field, member in zip(fields, members, strict=True)}
        )
    if len(members) == 1:
        return members[0]
    return st.tuples(*members) if members else st.none()


def named(path: str) -> int:
    """The number of a type."""
    return next(
        number
        for number, kind in enumerate(METADATA.types)
        if isinstance(kind, Composite) and kind.path == path
    )
