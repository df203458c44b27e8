"""Host functions that are WebAssembly themselves: they sit beside the runtime, in its memory.

Calling out to Python costs microseconds, and a block allocates thousands of times and hashes
hundreds of storage keys. So the heap, XXH64 and BLAKE2b are on this side. The Python functions in
:mod:`decentralml.devchain.hashes` are what the tests hold them against.
"""

from __future__ import annotations

from typing import Final

from decentralml.devchain.host.inside_blake2b import BLAKE2B, word_of_state
from decentralml.devchain.host.inside_heap import HEAP
from decentralml.devchain.host.inside_xxh64 import XXH64

FUNCTIONS: Final = frozenset(
    (
        "ext_allocator_malloc_version_1",
        "ext_allocator_free_version_1",
        "ext_hashing_twox_64_version_1",
        "ext_hashing_twox_128_version_1",
        "ext_hashing_blake2_128_version_1",
        "ext_hashing_blake2_256_version_1",
    )
)
"""What the module exports, besides ``place(control, limit)``, which must be called first."""

_AT: Final = "(i32.wrap_i64 (local.get $data))"
_LENGTH: Final = "(i32.wrap_i64 (i64.shr_u (local.get $data) (i64.const 32)))"


def _store(words: list[str]) -> str:
    return "\n    ".join(
        f"(i64.store offset={8 * n} (local.get $out) {word})" for n, word in enumerate(words)
    )


def _twox(words: int) -> str:
    hashes = [f"(call $xxh64 {_AT} {_LENGTH} (i64.const {n}))" for n in range(words)]
    return f"""
  (func (export "ext_hashing_twox_{64 * words}_version_1") (param $data i64) (result i32)
    (local $out i32)
    (local.set $out (call $malloc (i32.const {8 * words})))
    {_store(hashes)}
    (local.get $out))"""


def _blake2(words: int) -> str:
    return f"""
  (func (export "ext_hashing_blake2_{64 * words}_version_1") (param $data i64) (result i32)
    (local $out i32)
    (call $blake2b {_AT} {_LENGTH} (i64.const {8 * words}))
    (local.set $out (call $malloc (i32.const {8 * words})))
    {_store([word_of_state(n) for n in range(words)])}
    (local.get $out))"""


SOURCE: Final = f"""
(module
  (import "env" "memory" (memory 1))
  (global $control (mut i32) (i32.const 0))
  (global $limit (mut i32) (i32.const 0))      ;; bytes of heap there may be

  (func (export "place") (param $control i32) (param $limit i32)
    (global.set $control (local.get $control))
    (global.set $limit (local.get $limit)))
{HEAP}{XXH64}{BLAKE2B}{_twox(1)}{_twox(2)}{_blake2(2)}{_blake2(4)})
"""
