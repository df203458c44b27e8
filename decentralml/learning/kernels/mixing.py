"""Means of some float32 rows each, rounded to float32 again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from decentralml.learning.dtypes import Array, Doubles
from decentralml.learning.kernels.arena import WIDTH, Arena
from decentralml.learning.kernels.sums import SUMS, accumulate, each_sum
from decentralml.learning.kernels.text import (
    HEAD,
    NOTHING,
    add,
    get,
    local,
    params,
    put,
    step,
    times,
)

_BEGIN: Final = each_sum(put("NAME", NOTHING))
_FIRST_HALVES: Final = "0 1 2 3 4 5 6 7 16 17 18 19 20 21 22 23"


def _narrowed(two: str) -> str:
    return f"(f32x4.demote_f64x2_zero (f64x2.mul {get(two)} {get('c')}))"


_STORE: Final = "\n".join(
    f"(v128.store offset={8 * place} {get('to')} (i8x16.shuffle {_FIRST_HALVES} "
    f"{_narrowed(SUMS[place])} {_narrowed(SUMS[place + 1])}))"
    for place in range(0, len(SUMS), 2)
)


def _each(count: str, factor: int) -> str:
    """Text that adds, or takes away, the rows that a list at ``at`` names, and leaves it there."""
    return f"""
      {put("c", f"(v128.const f64x2 {factor} {factor})")}
      (if {get(count)} (then
        (loop $terms
          {put("row", add(get("rows"), times(f"(i32.load {get('at')})", get("stride"))))}
          {accumulate("row", "c")}
          {step("at", 4)}
          (br_if $terms (local.tee ${count} (i32.sub {get(count)} (i32.const 1)))))))"""


# A recipe is: whether it starts from the sum of the core, how many rows are added to that and how
# many are taken away, which are added, which are taken away.
_MIX: Final = f"""{HEAD}
(func (export "run") {params("mixed to_stride m rows stride count recipes scales core all whole")}
  (result i32)
  {local("i32", ("end", "row", "k", "less", "at", "to", "left", "scale"))}
  {local("v128", ("four", "c", *SUMS))}
  {put("end", add(get("rows"), f"(i32.shl {get('count')} (i32.const 2))"))}
  (loop $columns
    (if {get("all")} (then
      {_BEGIN}
      {put("at", get("core"))}
      {put("k", get("all"))}
      {_each("k", 1)}
      {each_sum(f"(v128.store offset=AT {get('whole')} {get('NAME')})")}))
    {put("to", get("mixed"))}
    {put("left", get("m"))}
    {put("at", get("recipes"))}
    {put("scale", get("scales"))}
    (loop $each
      (if (i32.load {get("at")})
        (then {each_sum(put("NAME", f"(v128.load offset=AT {get('whole')})"))})
        (else {_BEGIN}))
      {put("k", f"(i32.load offset=4 {get('at')})")}
      {put("less", f"(i32.load offset=8 {get('at')})")}
      {step("at", 12)}
      {_each("k", 1)}
      {_each("less", -1)}
      {put("c", f"(v128.load64_splat {get('scale')})")}
      {_STORE}
      {step("scale", 8)}
      {step("to", "to_stride")}
      (br_if $each (local.tee $left (i32.sub {get("left")} (i32.const 1)))))
    {step("mixed", 4 * WIDTH)}
    {step("rows", 4 * WIDTH)}
    (br_if $columns (i32.lt_u {get("rows")} {get("end")})))
  (i32.const 0)))
"""


@dataclass(frozen=True, slots=True)
class Recipes:
    """How rows are mixed, as the loop reads it.

    Attributes
    ----------
    table : for each mixed row whether it starts from the sum of the core, how many rows are added
        and how many taken away, which, and which.
    scales : ``[m]``: what each sum is multiplied by.
    core : rows whose sum is found once for all recipes that start from it.
    """

    table: Array
    scales: Doubles
    core: Array


def recipes(mixing: Doubles) -> Recipes:
    """Of a matrix ``[m, n]``; what is not zero in one of its rows must be all the same.

    The core is what more than half of the mixed rows are made of. Nothing else is ever added only
    to be taken away again: a row of giants would leave nothing of what it was added to.
    """
    used = mixing != 0
    inner = np.count_nonzero(used, axis=0) * 2 > len(mixing)
    table: list[int] = []
    for inside in used:
        added, taken = np.flatnonzero(inside & ~inner), np.flatnonzero(inner & ~inside)
        from_core = len(added) + len(taken) < np.count_nonzero(inside)
        if not from_core:
            added, taken = np.flatnonzero(inside), taken[:0]
        table += [int(from_core), len(added), len(taken), *added.tolist(), *taken.tolist()]
    core = np.flatnonzero(inner).astype(np.int32)
    return Recipes(np.array(table, np.int32), mixing.max(axis=1), core)


def mixed(arena: Arena, rows: Array, how: Recipes) -> Array:
    """``mixing @ rows``, float32 ``[m, count]``, summed in float64: the core, then the others.

    ``rows``: float32 ``[n, count]`` from :meth:`Arena.rows`.
    """
    count = rows.shape[1]
    found = arena.rows(len(how.scales), count, rows.dtype)
    table = arena.array(how.table.shape, how.table.dtype)
    scales = arena.array(how.scales.shape, how.scales.dtype)
    core = arena.array((max(1, len(how.core)),), how.core.dtype)
    table[:], scales[:], core[: len(how.core)] = how.table, how.scales, how.core
    whole = arena.array((WIDTH,), np.dtype(np.float64))
    arena.run(
        _MIX, found, found.strides[0], len(scales), rows, rows.strides[0], count, table, scales,
        core, len(how.core), whole,
    )  # fmt: skip
    return found
