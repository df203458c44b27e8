"""Weighted sums of float32 rows, in float64."""

from __future__ import annotations

from typing import Final

from decentralml.learning.dtypes import Array, Doubles
from decentralml.learning.kernels.arena import WIDTH, Arena
from decentralml.learning.kernels.text import (
    HEAD,
    NOTHING,
    get,
    local,
    lower,
    params,
    put,
    step,
    upper,
)

SUMS: Final = [f"s{n}" for n in range(WIDTH // 2)]
"""Locals with the sums of :data:`WIDTH` elements: half of the processor's vector registers."""


def accumulate(row: str, factor: str) -> str:
    """Text that adds the float32 at the address ``row``, times ``factor``, to :data:`SUMS`.

    Both are locals; it uses the local ``four``.
    """
    found = []
    for place in range(0, len(SUMS), 2):
        found.append(put("four", f"(v128.load offset={8 * place} {get(row)})"))
        for name, wide in zip(SUMS[place : place + 2], (lower, upper), strict=True):
            product = f"(f64x2.mul {get(factor)} {wide(get('four'))})"
            found.append(put(name, f"(f64x2.add {get(name)} {product})"))
    return "\n".join(found)


def each_sum(text: str) -> str:
    """Text once for each of :data:`SUMS`: ``NAME`` and the place ``AT`` of its bytes."""
    return "\n".join(
        text.replace("NAME", name).replace("AT", str(16 * n)) for n, name in enumerate(SUMS)
    )


_ADD: Final = f"""{HEAD}
(func (export "run") {params("total rows stride count n factors anew")} (result i32)
  {local("i32", ("end", "row", "factor", "last"))}
  {local("v128", ("four", "c", "odd", *SUMS))}
  {put("end", "(i32.add (local.get $rows) (i32.shl (local.get $count) (i32.const 2)))")}
  {put("last", "(i32.add (local.get $factors) (i32.shl (local.get $n) (i32.const 3)))")}
  (loop $columns
    (if {get("anew")}
      (then {each_sum(put("NAME", NOTHING))})
      (else {each_sum(put("NAME", f"(v128.load offset=AT {get('total')})"))}))
    {put("row", get("rows"))}
    {put("factor", get("factors"))}
    (loop $terms
      {put("c", f"(v128.load64_splat {get('factor')})")}
      {accumulate("row", "c")}
      {step("row", "stride")}
      {step("factor", 8)}
      (br_if $terms (i32.lt_u {get("factor")} {get("last")})))
    {each_sum("(v128.store offset=AT (local.get $total) (local.get $NAME))")}
    ;; Zero times what is not finite is NaN, and so is every sum with that.
    {
    each_sum(
        "(local.set $odd (f64x2.add (local.get $odd) "
        "(f64x2.mul (local.get $NAME) (v128.const f64x2 0 0))))"
    )
}
    {step("total", 8 * WIDTH)}
    {step("rows", 4 * WIDTH)}
    (br_if $columns (i32.lt_u {get("rows")} {get("end")})))
  (v128.any_true (f64x2.ne {get("odd")} {get("odd")}))))
"""


def add(arena: Arena, total: Doubles, rows: Array, factors: Doubles, *, anew: bool) -> bool:
    """``total[k] += Σ factors[i] * rows[i, k]``, row after row; whether all sums are finite.

    Parameters
    ----------
    total : ``[count]``, a row from :meth:`Arena.rows`.
    rows : float32 ``[n, count]``, n at least 1, from the same.
    factors : ``[n]``, in the arena.
    anew : there is nothing in ``total`` yet.
    """
    stride, count = rows.strides[0], rows.shape[1]
    return not arena.run(_ADD, total, rows, stride, count, len(rows), factors, anew)
