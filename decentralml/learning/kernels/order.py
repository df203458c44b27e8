"""Order statistics of float32 columns, by sorting networks that are compiled for them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import numpy as np

from decentralml.learning.dtypes import Array, Doubles
from decentralml.learning.kernels.arena import Arena
from decentralml.learning.kernels.text import (
    HEAD,
    NOTHING,
    add,
    get,
    local,
    lower,
    params,
    put,
    step,
    times,
    upper,
)
from decentralml.learning.robust.networks import Network

MOST_ROWS: Final = 64
"""To compile a network for more takes longer than most merges."""


def mean_of_ranks(arena: Arena, rows: Array, network: Network, ranks: Sequence[int]) -> Doubles:
    """The mean of those values of each column that a network brings into the rows ``ranks``.

    Summed in float64 in the order of ``ranks``; what they agree on stays as it is.

    Parameters
    ----------
    rows : float32 ``[n, count]`` from :meth:`Arena.rows`, finite, n at most :data:`MOST_ROWS`.
    """
    found: Doubles = arena.rows(1, rows.shape[1], np.dtype(np.float64))[0]
    source = _source(len(rows), network, tuple(ranks))
    arena.run(source, found, rows, rows.strides[0], rows.shape[1])
    return found


def finite(arena: Arena, rows: Array) -> bool:
    """Whether no float32 of ``rows`` (from :meth:`Arena.rows`) is NaN or infinite."""
    n, count = rows.shape
    return not arena.run(_ODD, rows, rows.strides[0], count, n)


@lru_cache(maxsize=64)
def _source(n: int, network: Network, ranks: tuple[int, ...]) -> str:
    names = [f"r{row}" for row in range(n)]
    lines = []
    spare, loaded = "spare", set()

    def load(row: int) -> None:
        if row not in loaded:
            loaded.add(row)
            at = add(get("rows"), times(get("stride"), row)) if row else get("rows")
            lines.append(put(names[row], f"(v128.load {at})"))

    for low, high, keep_low, keep_high in network:
        load(low)
        load(high)
        one, two = names[low], names[high]
        # Which of two equals is taken matters where they are zeros of two signs: none is lost.
        smaller = f"(f32x4.pmin {get(one)} {get(two)})"
        larger = f"(f32x4.pmax {get(two)} {get(one)})"
        if keep_low and keep_high:
            lines += [put(spare, smaller), put(two, larger)]
            names[low], spare = spare, one
        elif keep_low:
            lines.append(put(one, smaller))
        else:
            lines.append(put(two, larger))
    lines += [put("first", NOTHING), put("second", NOTHING)]
    for rank in ranks:
        load(rank)
        for name, half in (("first", lower), ("second", upper)):
            lines.append(put(name, f"(f64x2.add {get(name)} {half(get(names[rank]))})"))
    for place, name in ((0, "first"), (16, "second")):
        mean = f"(f64x2.div {get(name)} (f64x2.splat (f64.const {len(ranks)})))"
        lines.append(f"(v128.store offset={place} {get('out')} {mean})")
    return f"""{HEAD}
(func (export "run") {params("out rows stride count")} (result i32)
  {local("i32", ("end",))}
  {local("v128", ("spare", "first", "second", *(f"r{row}" for row in range(n))))}
  {put("end", add(get("rows"), f"(i32.shl {get('count')} (i32.const 2))"))}
  (loop $columns
    {" ".join(lines)}
    {step("out", 32)}
    {step("rows", 16)}
    (br_if $columns (i32.lt_u {get("rows")} {get("end")})))
  (i32.const 0)))
"""


_POSITIVE: Final = "(v128.const i32x4 0x7fffffff 0x7fffffff 0x7fffffff 0x7fffffff)"
_INFINITE: Final = "(v128.const i32x4 0x7f800000 0x7f800000 0x7f800000 0x7f800000)"
_LARGEST: Final = "\n".join(
    put(
        f"m{place}",
        f"(i32x4.max_u {get(f'm{place}')} "
        f"(v128.and (v128.load offset={16 * place} {get('at')}) {_POSITIVE}))",
    )
    for place in range(4)
)
# The words of floats without their signs are in the order of what they mean; NaN is above all.
_ODD: Final = f"""{HEAD}
(func (export "run") {params("rows stride count n")} (result i32)
  {local("i32", ("at", "end"))}
  {local("v128", ("m0", "m1", "m2", "m3"))}
  (loop $each
    {put("at", get("rows"))}
    {put("end", add(get("rows"), f"(i32.shl {get('count')} (i32.const 2))"))}
    (loop $elements
      {_LARGEST}
      {step("at", 64)}
      (br_if $elements (i32.lt_u {get("at")} {get("end")})))
    {step("rows", "stride")}
    (br_if $each (local.tee $n (i32.sub {get("n")} (i32.const 1)))))
  {
    put(
        "m0",
        f"(i32x4.max_u (i32x4.max_u {get('m0')} {get('m1')}) "
        f"(i32x4.max_u {get('m2')} {get('m3')}))",
    )
}
  (v128.any_true (i32x4.ge_u {get("m0")} {_INFINITE}))))
"""
