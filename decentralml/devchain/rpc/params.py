"""What a method's parameters must be, and what they become.

A converter takes a JSON value and returns what the method works with, or raises
:class:`~decentralml.devchain.rpc.errors.RpcError` (-32602). Hexadecimal may lack its ``0x``, as
real nodes allow.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from decentralml.devchain.rpc.errors import invalid_params

Converter = Callable[[Any], Any]

_MAX_U32 = (1 << 32) - 1


@dataclass(frozen=True, slots=True)
class Param:
    """One parameter: its name (clients may send an object), what it must be, and if it must be."""

    name: str
    convert: Converter
    optional: bool = False


def convert_all(specification: Sequence[Param], given: Any) -> list[Any]:
    """The values of a request's ``params``: an array, an object, or nothing at all.

    Surplus values are ignored, as a real node does; absent optional ones become None.
    """
    if isinstance(given, Mapping):
        raw = [given.get(param.name) for param in specification]
    elif isinstance(given, Sequence) and not isinstance(given, str):
        raw = list(given[: len(specification)])
    elif given is None:
        raw = []
    else:
        raise invalid_params("params must be an array or an object")
    raw += [None] * (len(specification) - len(raw))
    values: list[Any] = []
    for param, value in zip(specification, raw, strict=True):
        if value is None:
            if not param.optional:
                raise invalid_params(f"No more params: {param.name} is missing")
            values.append(None)
        else:
            values.append(param.convert(value))
    return values


def hex_bytes(value: Any) -> bytes:
    """Bytes from hexadecimal text."""
    if not isinstance(value, str):
        raise invalid_params(f"a hex string is needed, not {_kind(value)}")
    digits = value.removeprefix("0x")
    try:
        # fromhex alone would skip white space.
        if (len(digits) % 2 == 0 and digits.isalnum()) or not digits:
            return bytes.fromhex(digits)
    except ValueError:
        pass
    raise invalid_params(f"not a hex string: {value[:40]!r}")


def block_hash(value: Any) -> bytes:
    """32 bytes from hexadecimal text."""
    data = hex_bytes(value)
    if len(data) != 32:
        raise invalid_params(f"a hash has 32 bytes, not {len(data)}")
    return data


def number(value: Any) -> int:
    """0 to 2**32 - 1, as a JSON number or as hexadecimal text (``"0x1a"``)."""
    if isinstance(value, str) and value[:2] == "0x" and value[2:].isalnum() and len(value) <= 10:
        try:
            value = int(value, 16)
        except ValueError:
            raise invalid_params(f"not a number: {value!r}") from None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _MAX_U32:
        raise invalid_params(f"a number from 0 to 2^32-1 is needed, not {str(value)[:40]}")
    return value


def text(value: Any) -> str:
    if not isinstance(value, str):
        raise invalid_params(f"a string is needed, not {_kind(value)}")
    return value


def flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise invalid_params(f"true or false is needed, not {_kind(value)}")
    return value


def anything(value: Any) -> Any:
    """For what the method itself looks at."""
    return value


def list_of(convert: Converter, at_most: int) -> Converter:
    """A list of up to `at_most` of them."""

    def convert_list(value: Any) -> list[Any]:
        if not isinstance(value, list):
            raise invalid_params(f"a list is needed, not {_kind(value)}")
        if len(value) > at_most:
            raise invalid_params(
                f"a list of {len(value)} is too long, at most {at_most} are served"
            )
        return [convert(item) for item in value]

    return convert_list


def _kind(value: Any) -> str:
    return type(value).__name__
