"""BLAKE2b in WebAssembly text; see :mod:`decentralml.devchain.host.inside`.

Source: RFC 7693, whose names these are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from decentralml.devchain.host.control import LAST, SCHEDULE, STATE

_IV: Final = (
    0x6A09E667F3BCC908,
    0xBB67AE8584CAA73B,
    0x3C6EF372FE94F82B,
    0xA54FF53A5F1D36F1,
    0x510E527FADE682D1,
    0x9B05688C2B3E6C1F,
    0x1F83D9ABFB41BD6B,
    0x5BE0CD19137E2179,
)
SCHEDULE_ROWS: Final = bytes(
    int(word, 16)
    for word in (
        "0123456789abcdef"
        "ea489fd61c02b753"
        "b8c052fdae367194"
        "7931dcbe265a40f8"
        "905724afe1bc683d"
        "2c6a0b834d75fe19"
        "c51fed4a0763928b"
        "db7ec13950f4862a"
        "6fe9b308c2d714a5"
        "a2847615fb9e3cd0"
    )
)
"""Ten rows of sixteen: which message word each step of a round takes."""


def _mix(a: int, b: int, c: int, d: int, x: int) -> str:
    """The function G on four words of $v, with message words `x` and `x` + 1 of this round."""

    def message(index: int) -> str:
        return f"""(i64.load (i32.add (local.get $m)
          (i32.shl (i32.load8_u offset={index} (local.get $row)) (i32.const 3))))"""

    def add(x: int, y: int, more: str = "") -> str:
        total = f"(i64.add (local.get $v{x}) (local.get $v{y}))"
        return f"(local.set $v{x} {f'(i64.add {total} {more})' if more else total})"

    def turn(x: int, y: int, bits: int) -> str:
        mixed = f"(i64.xor (local.get $v{x}) (local.get $v{y}))"
        return f"(local.set $v{x} (i64.rotr {mixed} (i64.const {bits})))"

    return "\n      ".join(
        (
            add(a, b, message(x)),
            turn(d, a, 32),
            add(c, d),
            turn(b, c, 24),
            add(a, b, message(x + 1)),
            turn(d, a, 16),
            add(c, d),
            turn(b, c, 63),
        )
    )


_COLUMNS_AND_DIAGONALS: Final = (
    (0, 4, 8, 12),
    (1, 5, 9, 13),
    (2, 6, 10, 14),
    (3, 7, 11, 15),
    (0, 5, 10, 15),
    (1, 6, 11, 12),
    (2, 7, 8, 13),
    (3, 4, 9, 14),
)
_ROUND: Final = "\n      ".join(
    _mix(*words, 2 * step) for step, words in enumerate(_COLUMNS_AND_DIAGONALS)
)


def word_of_state(index: int) -> str:
    return f"(i64.load offset={STATE + 8 * index} (global.get $control))"


def _set_word(index: int, value: str) -> str:
    return f"(i64.store offset={STATE + 8 * index} (global.get $control) {value})"


def _each(count: int, line: Callable[[int], str], start: int = 0) -> str:
    return "\n    ".join(line(n) for n in range(start, count))


_DECLARE_V: Final = _each(16, lambda n: f"(local $v{n} i64)")
_LOAD_V: Final = _each(8, lambda n: f"(local.set $v{n} {word_of_state(n)})")
_LOAD_IV: Final = _each(8, lambda n: f"(local.set $v{n + 8} (i64.const {_IV[n]}))")
_FOLD_V: Final = _each(
    8,
    lambda n: _set_word(
        n, f"(i64.xor {word_of_state(n)} (i64.xor (local.get $v{n}) (local.get $v{n + 8})))"
    ),
)
_START: Final = _each(8, lambda n: _set_word(n, f"(i64.const {_IV[n]})"), start=1)
_CLEAR_LAST: Final = _each(
    16, lambda n: f"(i64.store offset={LAST + 8 * n} (global.get $control) (i64.const 0))"
)

BLAKE2B: Final = f"""
  (func $compress (param $m i32) (param $count i64) (param $final i64)
    (local $row i32) (local $round i32)
    {_DECLARE_V}
    {_LOAD_V}
    {_LOAD_IV}
    (local.set $v12 (i64.xor (local.get $v12) (local.get $count)))
    (local.set $v14 (i64.xor (local.get $v14) (local.get $final)))
    (loop $rounds
      (local.set $row (i32.add
        (i32.add (global.get $control) (i32.const {SCHEDULE}))
        (i32.shl (i32.rem_u (local.get $round) (i32.const 10)) (i32.const 4))))
      {_ROUND}
      (br_if $rounds (i32.lt_u
        (local.tee $round (i32.add (local.get $round) (i32.const 1))) (i32.const 12))))
    {_FOLD_V})

  ;; The digest is in the state afterwards.
  (func $blake2b (param $at i32) (param $length i32) (param $size i64)
    (local $left i32) (local $count i64) (local $n i32)
    {_START}
    {_set_word(0, f"(i64.xor (local.get $size) (i64.const {_IV[0] ^ 0x01010000}))")}
    (if (i32.lt_u (i32.add (local.get $at) (local.get $length)) (local.get $at))
      (then unreachable))
    (local.set $left (local.get $length))
    (block $last (loop $blocks
      (br_if $last (i32.le_u (local.get $left) (i32.const 128)))
      (local.set $count (i64.add (local.get $count) (i64.const 128)))
      (call $compress (local.get $at) (local.get $count) (i64.const 0))
      (local.set $at (i32.add (local.get $at) (i32.const 128)))
      (local.set $left (i32.sub (local.get $left) (i32.const 128)))
      (br $blocks)))
    {_CLEAR_LAST}
    (block $copied (loop $copy
      (br_if $copied (i32.eq (local.get $n) (local.get $left)))
      (i32.store8 offset={LAST} (i32.add (global.get $control) (local.get $n))
        (i32.load8_u (i32.add (local.get $at) (local.get $n))))
      (local.set $n (i32.add (local.get $n) (i32.const 1)))
      (br $copy)))
    (call $compress (i32.add (global.get $control) (i32.const {LAST}))
      (i64.extend_i32_u (local.get $length)) (i64.const -1)))
"""
