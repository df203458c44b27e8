"""Inner products of rows, seen from an origin, in float64."""

from __future__ import annotations

from typing import Final

import numpy as np

from decentralml.learning.dtypes import Array, Doubles
from decentralml.learning.kernels.arena import WIDTH, Arena
from decentralml.learning.kernels.text import (
    HEAD,
    NOTHING,
    add,
    get,
    least,
    local,
    lower,
    params,
    put,
    step,
    times,
    upper,
)

DEEP: Final = 128
"""Elements of each row that are worked on at a time: their float64 stay in the fastest cache."""
TALL: Final = 4
"""Rows of the matrix that are found together, by two columns: eight sums are under way, so that
none waits for its last addition."""

_ROWS: Final = tuple(f"a{n}" for n in range(TALL))
_COLUMNS: Final = ("b0", "b1")
_PAIRS: Final = tuple((row, column) for row in _ROWS for column in _COLUMNS)
_SUMS: Final = tuple(row + column for row, column in _PAIRS)


def _spread(wide: bool) -> str:
    """A part of each row less the origin, in float64, two elements of all rows side by side."""
    store = "(v128.store {at} (f64x2.sub {value} (v128.load offset={place} (local.get $o))))"
    if wide:
        first, second = (f"(v128.load offset={place} {get('r')})" for place in (0, 16))
    else:
        first, second = lower(get("four")), upper(get("four"))
    load = "" if wide else put("four", f"(v128.load {get('r')})")
    return f"""
    {put("row", get("rows"))}
    {put("to", get("part"))}
    {put("k", get("n"))}
    (loop $each
      {put("r", get("row"))}
      {put("w", get("to"))}
      {put("o", get("origin"))}
      {put("end", add(get("r"), times(get("deep"), 8 if wide else 4)))}
      (loop $elements
        {load}
        {store.format(at=get("w"), value=first, place=0)}
        {store.format(at=add(get("w"), get("across")), value=second, place=16)}
        {step("r", 32 if wide else 16)}
        {step("o", 32)}
        {step("w", times(get("across"), 2))}
        (br_if $elements (i32.lt_u {get("r")} {get("end")})))
      {step("row", "stride")}
      {step("to", 16)}
      (br_if $each (local.tee $k (i32.sub {get("k")} (i32.const 1)))))"""


def _multiply() -> str:
    loads = [
        put(name, f"(v128.load offset={16 * place} {get(start)})")
        for start, names in (("i", _ROWS), ("j", _COLUMNS))
        for place, name in enumerate(names)
    ]
    sums = [
        put(f"{a}{b}", f"(f64x2.add {get(f'{a}{b}')} (f64x2.mul {get(a)} {get(b)}))")
        for a, b in _PAIRS
    ]
    return "\n".join(loads + sums)


def _keep() -> str:
    """Add the sums to what the matrix holds."""
    lines = []
    for number, name in enumerate(_SUMS):
        row, column = divmod(number, len(_COLUMNS))
        lanes = [f"(f64x2.extract_lane {lane} {get(name)})" for lane in (0, 1)]
        at = f"offset={8 * column} {get('g')}"
        lines.append(f"(f64.store {at} (f64.add (f64.load {at}) (f64.add {lanes[0]} {lanes[1]})))")
        if column and row < TALL - 1:
            lines.append(step("g", "gram_stride"))
    return "\n".join(lines)


_ADDRESSES: Final = [
    "row",
    "to",
    "k",
    "r",
    "w",
    "o",
    "end",
    "deep",
    "first",
    "second",
    "i",
    "j",
    "last",
    "g",
]


def _source(wide: bool) -> str:
    """Loop for rows of float64 (``wide``) or float32."""
    names = "gram gram_stride rows stride count n origin part across"
    return f"""{HEAD}
(func (export "run") {params(names)} (result i32)
  {local("i32", _ADDRESSES)}
  {local("v128", ("four", *_ROWS, *_COLUMNS, *_SUMS))}
  (loop $parts
    {put("deep", least(get("count"), f"(i32.const {DEEP})"))}
    {_spread(wide)}
    {put("last", times(f"(i32.shr_u {get('deep')} (i32.const 1))", get("across")))}
    {step("last", "part")}
    {put("first", "(i32.const 0)")}
    (loop $tall
      {put("second", "(i32.const 0)")}
      (loop $two
        {put("i", add(get("part"), get("first")))}
        {put("j", add(get("part"), get("second")))}
        {"".join(put(name, NOTHING) for name in _SUMS)}
        (loop $elements
          {_multiply()}
          {step("i", "across")}
          {step("j", "across")}
          (br_if $elements (i32.lt_u {get("i")} {get("last")})))
        {put("g", add(get("gram"), f"(i32.shr_u {get('second')} (i32.const 1))"))}
        {step("g", times(f"(i32.shr_u {get('first')} (i32.const 4))", get("gram_stride")))}
        {_keep()}
        {step("second", 16 * len(_COLUMNS))}
        (br_if $two (i32.lt_u {get("second")} {add(get("first"), f"(i32.const {16 * TALL})")})))
      {step("first", 16 * TALL)}
      (br_if $tall (i32.lt_u {get("first")} {get("across")})))
    {step("rows", times(get("deep"), 8 if wide else 4))}
    {step("origin", times(get("deep"), 8))}
    (br_if $parts (local.tee $count (i32.sub {get("count")} {get("deep")}))))
  (i32.const 0)))
"""


_SOURCES: Final = {np.dtype("f4"): _source(False), np.dtype("f8"): _source(True)}


def products(arena: Arena, rows: Array, origin: Doubles) -> Doubles:
    """``(rows - origin) @ (rows - origin).T``.

    A sum is over :data:`DEEP` elements, every other one apart, and of those sums one after another.

    Parameters
    ----------
    rows : float32 or float64 ``[n, count]``, and
    origin : ``[count]``, both from :meth:`Arena.rows`.
    """
    n, count = rows.shape
    size = -(-n // TALL) * TALL
    gram = arena.rows(size, size, np.dtype(np.float64))
    part = arena.array((DEEP // 2, size, 2), np.dtype(np.float64))
    gram[:], part[:] = 0, 0
    arena.run(
        _SOURCES[rows.dtype], gram, gram.strides[0], rows, rows.strides[0],
        -(-count // WIDTH) * WIDTH, n, origin, part, 16 * size,
    )  # fmt: skip
    under = np.tril(gram[:n, :n], -1)
    found: Doubles = under + under.T
    np.fill_diagonal(found, gram.diagonal()[:n])
    return found


_LANES: Final = ("s0", "s1", "s2", "s3")


def _squared(place: int, name: str) -> list[str]:
    """Text: the squares of four float32 less their origin, added to a sum and the next one."""
    lines = [
        put("four", f"(v128.load offset={4 * place} {get('r')})"),
        put("from", f"(v128.load offset={4 * place} {get('o')})"),
    ]
    for half, wide in enumerate((lower, upper)):
        way, total = f"w{half}", _LANES[_LANES.index(name) + half]
        lines += [
            put(way, f"(f64x2.sub {wide(get('four'))} {wide(get('from'))})"),
            put(total, f"(f64x2.add {get(total)} (f64x2.mul {get(way)} {get(way)}))"),
        ]
    return lines


_SQUARES: Final = f"""{HEAD}
(func (export "run") {params("found rows stride count n origin")} (result i32)
  {local("i32", ("r", "o", "end"))}
  {local("v128", ("four", "from", "w0", "w1", *_LANES))}
  (loop $each
    {put("r", get("rows"))}
    {put("o", get("origin"))}
    {put("end", add(get("r"), f"(i32.shl {get('count')} (i32.const 2))"))}
    {"".join(put(name, NOTHING) for name in _LANES)}
    (loop $elements
      {" ".join(_squared(0, "s0") + _squared(4, "s2"))}
      {step("r", 32)}
      {step("o", 32)}
      (br_if $elements (i32.lt_u {get("r")} {get("end")})))
    {
    put(
        "s0", f"(f64x2.add (f64x2.add {get('s0')} {get('s1')}) (f64x2.add {get('s2')} {get('s3')}))"
    )
}
    (f64.store {get("found")} (f64.add (f64x2.extract_lane 0 {get("s0")})
                                       (f64x2.extract_lane 1 {get("s0")})))
    {step("found", 8)}
    {step("rows", "stride")}
    (br_if $each (local.tee $n (i32.sub {get("n")} (i32.const 1)))))
  (i32.const 0)))
"""


def squares(arena: Arena, rows: Array, origin: Array) -> Doubles:
    """The inner product of each row less the origin with itself, ``[n]``.

    Eight sums, each over every eighth element, are added up.

    Parameters
    ----------
    rows : ``[n, count]``, and
    origin : ``[count]``, both float32 from :meth:`Arena.rows`.
    """
    found: Doubles = arena.array((len(rows),), np.dtype(np.float64))
    arena.run(_SQUARES, found, rows, rows.strides[0], rows.shape[1], len(rows), origin)
    return found
