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
# A recipe is: whether it starts from the sum of all, how many rows follow, which.
_MIX: Final = f"""{HEAD}
(func (export "run") {params("mixed to_stride m rows stride count n recipes scales all whole")}
  (result i32)
  {local("i32", ("end", "row", "k", "to", "left", "recipe", "scale"))}
  {local("v128", ("four", "c", *SUMS))}
  {put("end", add(get("rows"), f"(i32.shl {get('count')} (i32.const 2))"))}
  (loop $columns
    (if {get("all")} (then
      {_BEGIN}
      {put("c", "(v128.const f64x2 1 1)")}
      {put("row", get("rows"))}
      {put("k", get("n"))}
      (loop $terms
        {accumulate("row", "c")}
        {step("row", "stride")}
        (br_if $terms (local.tee $k (i32.sub {get("k")} (i32.const 1)))))
      {each_sum(f"(v128.store offset=AT {get('whole')} {get('NAME')})")}))
    {put("to", get("mixed"))}
    {put("left", get("m"))}
    {put("recipe", get("recipes"))}
    {put("scale", get("scales"))}
    (loop $each
      (if (i32.load {get("recipe")})
        (then {each_sum(put("NAME", f"(v128.load offset=AT {get('whole')})"))})
        (else {_BEGIN}))
      {put("k", f"(i32.load offset=4 {get('recipe')})")}
      {step("recipe", 8)}
      {put("c", f"(v128.load64_splat {get('scale')})")}
      (if {get("k")} (then
        (loop $terms
          {put("row", add(get("rows"), times(f"(i32.load {get('recipe')})", get("stride"))))}
          {accumulate("row", "c")}
          {step("recipe", 4)}
          (br_if $terms (local.tee $k (i32.sub {get("k")} (i32.const 1)))))))
      {put("c", f"(v128.load64_splat offset=8 {get('scale')})")}
      {_STORE}
      {step("scale", 16)}
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
    table : for each mixed row whether it starts from the sum of all, how many rows follow, which.
    scales : ``[m, 2]``: whether those are added or taken away, and what their sum is multiplied by.
    from_all : whether any starts from the sum of all.
    """

    table: Array
    scales: Doubles
    from_all: bool


def recipes(mixing: Doubles) -> Recipes:
    """Of a matrix ``[m, n]``; what is not zero in one of its rows must be all the same.

    Where that is most of a row, the others are taken from the sum of all.
    """
    table: list[int] = []
    scales = []
    for parts in mixing:
        inside, outside = np.flatnonzero(parts), np.flatnonzero(parts == 0)
        most = len(inside) > len(outside)
        picked = outside if most else inside
        table += [int(most), len(picked), *picked.tolist()]
        scales.append((-1.0 if most else 1.0, parts[inside[0]]))
    starts = np.count_nonzero(mixing, axis=1) * 2 > mixing.shape[1]
    return Recipes(np.array(table, np.int32), np.array(scales), bool(starts.any()))


def mixed(arena: Arena, rows: Array, how: Recipes) -> Array:
    """``mixing @ rows``, float32 ``[m, count]``, summed in float64 in the order of the rows.

    ``rows``: float32 ``[n, count]`` from :meth:`Arena.rows`.
    """
    n, count = rows.shape
    found = arena.rows(len(how.scales), count, rows.dtype)
    table = arena.array(how.table.shape, how.table.dtype)
    scales = arena.array(how.scales.shape, how.scales.dtype)
    table[:], scales[:] = how.table, how.scales
    whole = arena.array((WIDTH,), np.dtype(np.float64))
    arena.run(
        _MIX, found, found.strides[0], len(scales), rows, rows.strides[0], count, n, table, scales,
        how.from_all, whole,
    )  # fmt: skip
    return found
