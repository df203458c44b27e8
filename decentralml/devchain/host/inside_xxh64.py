"""XXH64 in WebAssembly text; see :mod:`decentralml.devchain.host.inside`.

Source: https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md
"""

from __future__ import annotations

from typing import Final

_P1, _P2, _P3, _P4, _P5 = (
    0x9E3779B185EBCA87,
    0xC2B2AE3D27D4EB4F,
    0x165667B19E3779F9,
    0x85EBCA77C2B2AE63,
    0x27D4EB2F165667C5,
)


def _lane(accumulator: str, offset: int) -> str:
    """One of the four accumulators takes its 8 bytes of a stripe."""
    return f"""(local.set ${accumulator} (call $round
          (local.get ${accumulator}) (i64.load offset={offset} (local.get $at))))"""


def _converge(accumulator: str) -> str:
    return f"""(local.set $h (i64.add (i64.const {_P4}) (i64.mul (i64.const {_P1})
          (i64.xor (local.get $h)
            (call $round (i64.const 0) (local.get ${accumulator}))))))"""


def _avalanche(shift: int) -> str:
    return f"(local.set $h (i64.xor (local.get $h) (i64.shr_u (local.get $h) (i64.const {shift}))))"


def _take(count: int, word: str, rotate: int, factor: int, plus: int) -> str:
    """Mix `word`, the next `count` bytes, into $h."""
    return f"""(local.set $h (i64.add (i64.const {plus}) (i64.mul (i64.const {factor})
          (i64.rotl (i64.xor (local.get $h) {word}) (i64.const {rotate})))))
        (local.set $at (i32.add (local.get $at) (i32.const {count})))"""


_TAKE_EIGHT: Final = _take(
    8, "(call $round (i64.const 0) (i64.load (local.get $at)))", 27, _P1, _P4
)
_TAKE_FOUR: Final = _take(
    4, f"(i64.mul (i64.load32_u (local.get $at)) (i64.const {_P1}))", 23, _P2, _P3
)
_TAKE_ONE: Final = _take(
    1, f"(i64.mul (i64.load8_u (local.get $at)) (i64.const {_P5}))", 11, _P1, 0
)

XXH64: Final = f"""
  (func $round (param $accumulator i64) (param $lane i64) (result i64)
    (i64.mul (i64.const {_P1})
      (i64.rotl
        (i64.add (local.get $accumulator) (i64.mul (local.get $lane) (i64.const {_P2})))
        (i64.const 31))))

  (func $xxh64 (param $at i32) (param $length i32) (param $seed i64) (result i64)
    (local $end i32) (local $h i64) (local $a i64) (local $b i64) (local $c i64) (local $d i64)
    (local.set $end (i32.add (local.get $at) (local.get $length)))
    (if (i32.lt_u (local.get $end) (local.get $at)) (then unreachable))
    (if (i32.ge_u (local.get $length) (i32.const 32))
      (then
        (local.set $a (i64.add (local.get $seed) (i64.const {(_P1 + _P2) % 2**64})))
        (local.set $b (i64.add (local.get $seed) (i64.const {_P2})))
        (local.set $c (local.get $seed))
        (local.set $d (i64.sub (local.get $seed) (i64.const {_P1})))
        (loop $stripes
          {_lane("a", 0)}
          {_lane("b", 8)}
          {_lane("c", 16)}
          {_lane("d", 24)}
          (local.set $at (i32.add (local.get $at) (i32.const 32)))
          (br_if $stripes
            (i32.ge_u (i32.sub (local.get $end) (local.get $at)) (i32.const 32))))
        (local.set $h
          (i64.add
            (i64.add
              (i64.rotl (local.get $a) (i64.const 1)) (i64.rotl (local.get $b) (i64.const 7)))
            (i64.add
              (i64.rotl (local.get $c) (i64.const 12)) (i64.rotl (local.get $d) (i64.const 18)))))
        {_converge("a")}
        {_converge("b")}
        {_converge("c")}
        {_converge("d")})
      (else (local.set $h (i64.add (local.get $seed) (i64.const {_P5})))))
    (local.set $h (i64.add (local.get $h) (i64.extend_i32_u (local.get $length))))
    (block $no_eights (loop $eights
      (br_if $no_eights
        (i32.lt_u (i32.sub (local.get $end) (local.get $at)) (i32.const 8)))
      {_TAKE_EIGHT}
      (br $eights)))
    (if (i32.ge_u (i32.sub (local.get $end) (local.get $at)) (i32.const 4))
      (then {_TAKE_FOUR}))
    (block $no_bytes (loop $bytes
      (br_if $no_bytes (i32.eq (local.get $at) (local.get $end)))
      {_TAKE_ONE}
      (br $bytes)))
    {_avalanche(33)}
    (local.set $h (i64.mul (local.get $h) (i64.const {_P2})))
    {_avalanche(29)}
    (local.set $h (i64.mul (local.get $h) (i64.const {_P3})))
    {_avalanche(32)}
    (local.get $h))
"""
