"""Memory that merging takes at its peak: by tracemalloc, and what loops have of their own."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable
from unittest.mock import patch

import wasmtime

from decentralml.learning.kernels import arena


def peak_of(work: Callable[[], object]) -> int:
    """Bytes at the highest; of the loops' memories, which only grow, all there ever were."""
    grown = 0
    grow = wasmtime.Memory.grow

    def counted(memory: wasmtime.Memory, store: wasmtime.Store, pages: int) -> int:
        nonlocal grown
        grown += arena.PAGE * pages
        return grow(memory, store, pages)

    gc.collect()
    tracemalloc.start()
    try:
        with patch.object(wasmtime.Memory, "grow", counted), patch.object(arena, "_kept", []):
            work()
        return grown + tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
