"""The guest's heap, in WebAssembly text; see :mod:`decentralml.devchain.host.inside`.

Sizes are powers of two from 8 bytes up (the exponent is the *order*), each with its list of free
blocks. The first word of a free block points to the next one, the word 8 bytes before a block
holds its order. New blocks come from the end of the used heap. So does ``sp-allocator``, for which
runtimes are written.
"""

from __future__ import annotations

from typing import Final

from decentralml.devchain.host.control import CONTROL, USED

LARGEST: Final = 32 << 20
"""Bytes one allocation may ask for (``MAX_POSSIBLE_ALLOCATION``)."""

_ORDERS: Final = 33

HEAP: Final = f"""
  (func $malloc (export "ext_allocator_malloc_version_1") (param $size i32) (result i32)
    (local $order i32) (local $list i32) (local $block i32) (local $used i32)
    (if (i32.gt_u (local.get $size) (i32.const {LARGEST})) (then unreachable))
    (local.set $order
      (select
        (i32.const 3)
        (i32.sub (i32.const 32) (i32.clz (i32.sub (local.get $size) (i32.const 1))))
        (i32.le_u (local.get $size) (i32.const 8))))
    (local.set $list
      (i32.add (global.get $control) (i32.shl (local.get $order) (i32.const 2))))
    (local.set $block (i32.load (local.get $list)))
    (if (local.get $block)
      (then
        (i32.store (local.get $list) (i32.load (local.get $block)))
        (return (local.get $block))))
    (local.set $used (i32.load offset={USED} (global.get $control)))
    (local.set $block
      (i32.add (i32.add (global.get $control) (i32.const {CONTROL + 8})) (local.get $used)))
    (local.set $used
      (i32.add
        (i32.add (local.get $used) (i32.const 8))
        (i32.shl (i32.const 1) (local.get $order))))
    (if (i32.gt_u (local.get $used) (global.get $limit)) (then unreachable))
    (i32.store offset={USED} (global.get $control) (local.get $used))
    (i32.store (i32.sub (local.get $block) (i32.const 8)) (local.get $order))
    (local.get $block))

  (func (export "ext_allocator_free_version_1") (param $block i32)
    (local $order i32) (local $list i32)
    (local.set $order (i32.load (i32.sub (local.get $block) (i32.const 8))))
    (if (i32.lt_u (local.get $order) (i32.const {_ORDERS}))   ;; else from the host's arena
      (then
        (local.set $list
          (i32.add (global.get $control) (i32.shl (local.get $order) (i32.const 2))))
        (i32.store (local.get $block) (i32.load (local.get $list)))
        (i32.store (local.get $list) (local.get $block)))))
"""
