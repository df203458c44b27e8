"""Strict reading of JSON objects and TOML tables, one field at a time.

A reader asks for each field by name and type; :meth:`Fields.end` refuses what nobody asked for.
Every complaint names the file and the field.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, TypeVar

from decentralml.errors import ManifestError, UnsafePath
from decentralml.storage.names import check_name

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)

MAX_PATH = 1024
MAX_METRICS = 64
MAX_SECONDS = 7 * 24 * 3600
"""The longest time limit of a script."""


class Fields:
    """The fields of one object, taken one by one.

    Parameters
    ----------
    file : what to call the document in complaints.
    where : dotted name of the object in it, empty for the top.
    values : the object.
    """

    def __init__(self, file: str, where: str, values: Mapping[str, Any]) -> None:
        self._file = file
        self._where = where
        self._values = values
        self._taken: set[str] = set()

    def wrong(self, reason: str) -> ManifestError:
        """The error that says what is wrong with this object."""
        return ManifestError(self._file, f"{self._where}: {reason}" if self._where else reason)

    def names(self) -> list[str]:
        return list(self._values)

    def has(self, name: str) -> bool:
        return name in self._values

    def take(self, name: str) -> Any:
        """The raw value; complains where it is missing."""
        if name not in self._values:
            raise ManifestError(self._file, f"the field {self._dotted(name)} is missing")
        self._taken.add(name)
        return self._values[name]

    def end(self) -> None:
        """Refuse fields that nobody took."""
        unknown = sorted(set(self._values) - self._taken)
        if unknown:
            names = ", ".join(repr(self._dotted(name)) for name in unknown[:5])
            raise ManifestError(self._file, f"unknown field {names}")

    def optional(self, name: str, read: Callable[[str], T]) -> T | None:
        """None where the field is null, else what ``read`` makes of it."""
        if self.take(name) is None:
            return None
        return read(name)

    def constant(self, name: str, expected: str) -> None:
        value = self.take(name)
        if value != expected:
            raise self._type(name, f'"{expected}"', value)

    def text(self, name: str, longest: int) -> str:
        value = self.take(name)
        if not _is_text(value, longest):
            raise self._type(name, f"text of 1 to {longest} printable characters", value)
        return str(value)

    def texts(self, name: str, most: int, longest: int) -> tuple[str, ...]:
        """A list of different texts."""
        values = self.take(name)
        good = (
            isinstance(values, list)
            and 0 < len(values) <= most
            and all(_is_text(v, longest) for v in values)
        )
        if not good or len(set(values)) != len(values):
            raise self._type(name, f"a list of 1 to {most} different texts", values)
        return tuple(values)

    def integer(self, name: str, low: int, high: int) -> int:
        value = self.take(name)
        if not _is_integer(value, low, high):
            raise self._type(name, f"an integer from {low} to {high}", value)
        return int(value)

    def integers(self, name: str, most: int, low: int, high: int) -> tuple[int, ...]:
        values = self.take(name)
        good = isinstance(values, list) and len(values) <= most
        if not good or not all(_is_integer(v, low, high) for v in values):
            raise self._type(name, f"a list of at most {most} integers from {low}", values)
        return tuple(values)

    def number(self, name: str) -> float:
        value = self.take(name)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self._type(name, "a number", value)
        try:
            return float(value)
        except OverflowError:
            raise self._type(name, "a finite number", "a huge integer") from None

    def choice(self, name: str, words: type[E]) -> E:
        value = self.take(name)
        try:
            return words(value)
        except ValueError:
            raise self._type(name, f"one of {', '.join(words)}", value) from None

    def path(self, name: str) -> str:
        """A relative path that stays inside its folder."""
        value = self.text(name, MAX_PATH)
        check_path(value)
        return value

    def hexadecimal(self, name: str, size: int) -> str:
        """``0x`` and ``size`` bytes in lower case."""
        value = self.take(name)
        if not isinstance(value, str) or not re.fullmatch(rf"0x[0-9a-f]{{{2 * size}}}", value):
            raise self._type(name, f"0x and {2 * size} hexadecimal digits", value)
        return value

    def section(self, name: str) -> Fields:
        """A nested object."""
        value = self.take(name)
        if not isinstance(value, dict):
            raise self._type(name, "an object", value)
        return Fields(self._file, self._dotted(name), value)

    def sections(self, name: str, most: int) -> tuple[Fields, ...]:
        """A list of nested objects."""
        values = self.take(name)
        good = isinstance(values, list) and len(values) <= most
        if not good or not all(isinstance(value, dict) for value in values):
            raise self._type(name, f"a list of at most {most} objects", values)
        where = self._dotted(name)
        return tuple(Fields(self._file, f"{where}[{n}]", value) for n, value in enumerate(values))

    def _dotted(self, name: str) -> str:
        return f"{self._where}.{name}" if self._where else name

    def _type(self, name: str, wanted: str, found: Any) -> ManifestError:
        shown = repr(found)
        shown = shown if len(shown) <= 60 else shown[:57] + "..."
        return ManifestError(self._file, f"{self._dotted(name)} must be {wanted}, not {shown}")


def canonical_json(document: Mapping[str, Any]) -> bytes:
    """Sorted keys, two spaces of indentation, UTF-8, a final newline; NaN is refused."""
    text = json.dumps(document, sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8") + b"\n"


def parse_json(data: bytes, file: str, largest: int) -> dict[str, Any]:
    """A JSON object without NaN, repeated keys or absurd nesting.

    Raises
    ------
    ManifestError
    """
    if len(data) > largest:
        raise ManifestError(file, f"it is larger than {largest} bytes")
    try:
        text = data.decode("utf-8")
        document = json.loads(text, object_pairs_hook=_object, parse_constant=_no_constant)
    except UnicodeDecodeError:
        raise ManifestError(file, "it is not UTF-8 text") from None
    except RecursionError:
        raise ManifestError(file, "it is nested too deep") from None
    except ValueError as error:
        raise ManifestError(file, f"it is not valid JSON ({error})") from None
    if not isinstance(document, dict):
        raise ManifestError(file, "it is not a JSON object")
    return document


def check_path(path: str) -> None:
    """Refuse a path that is absolute, leaves its folder, or is not in its simplest form.

    Raises
    ------
    UnsafePath
    """
    if len(path) > MAX_PATH:
        raise UnsafePath(path[:60] + "…", f"it is longer than {MAX_PATH} characters")
    if path.startswith("/"):
        raise UnsafePath(path, "it is absolute")
    for name in path.split("/"):
        check_name(name, path)


def check_sha256(section: Fields, name: str) -> str:
    """64 lower-case hexadecimal digits."""
    value = section.text(name, 64)
    if not re.fullmatch(r"[0-9a-f]{64}", value):
        raise section.wrong(f"{name} must be 64 hexadecimal digits")
    return value


def parse_metrics(section: Fields) -> dict[str, float]:
    """Finite numbers by name, at most :data:`MAX_METRICS`."""
    if len(section.names()) > MAX_METRICS:
        raise section.wrong(f"more than {MAX_METRICS} entries")
    metrics = {}
    for name in section.names():
        if not name.isprintable() or not 0 < len(name) <= 64:
            raise section.wrong(f"{name!r} is no name of 1 to 64 printable characters")
        value = section.number(name)
        if not math.isfinite(value):
            raise section.wrong(f"{name} is not a finite number")
        metrics[name] = value
    section.end()
    return metrics


def _is_text(value: Any, longest: int) -> bool:
    return isinstance(value, str) and 0 < len(value) <= longest and value.isprintable()


def _is_integer(value: Any, low: int, high: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise ValueError("a key occurs twice")
    return document


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a finite number")
