"""Words that the loops' source texts share."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

HEAD: Final = '(module (import "arena" "memory" (memory 1))'
NOTHING: Final = "(v128.const f64x2 -0 -0)"
"""What a sum begins with that leaves the first number as it is, a zero's sign included."""
_UPPER: Final = "8 9 10 11 12 13 14 15 8 9 10 11 12 13 14 15"


def get(name: str) -> str:
    return f"(local.get ${name})"


def put(name: str, value: str) -> str:
    return f"(local.set ${name} {value})"


def add(one: str, two: str) -> str:
    """The sum of two numbers or addresses."""
    return f"(i32.add {one} {two})"


def times(one: str, two: str | int) -> str:
    return f"(i32.mul {one} {two if isinstance(two, str) else f'(i32.const {two})'})"


def step(name: str, by: str | int) -> str:
    """Move a local on: by another, by what an expression gives, or by so much."""
    if isinstance(by, int):
        by = f"(i32.const {by})"
    return put(name, add(get(name), by if by.startswith("(") else get(by)))


def least(one: str, two: str) -> str:
    """The smaller of two expressions, which are written twice."""
    return f"(select {one} {two} (i32.lt_u {one} {two}))"


def params(names: str) -> str:
    return " ".join(f"(param ${name} i32)" for name in names.split())


def local(kind: str, names: Iterable[str]) -> str:
    return " ".join(f"(local ${name} {kind})" for name in names)


def lower(four: str) -> str:
    """The first two of four float32, as float64."""
    return f"(f64x2.promote_low_f32x4 {four})"


def upper(four: str) -> str:
    """The other two; ``four`` is written twice: a local's name."""
    return lower(f"(i8x16.shuffle {_UPPER} {four} {four})")
