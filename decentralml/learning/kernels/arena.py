"""Where compiled loops find their numbers: a piece of memory that NumPy sees, too."""

from __future__ import annotations

import ctypes
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from math import prod
from typing import Any

import numpy as np
import wasmtime
from wasmtime import _ffi as ffi

from decentralml.learning.dtypes import Array

PAGE = 1 << 16
LINE = 64
"""Bytes that arrays begin at a multiple of."""
WIDTH = 16
"""Elements that loops take at a time, at most."""
SLOT = 16
MOST_ARGUMENTS = 16


KEPT = 8 << 20
"""A memory of at most so many bytes is kept for the next arena: fresh pages cost more than sums."""
MOST_KEPT = 4
MOST_FUNCTIONS = 32

_Trap = ctypes.POINTER(ffi.wasm_trap_t)
_kept: list[_Memory] = []


class Arena(threading.local):
    """Arrays in a memory that compiled loops can reach; each thread has its own.

    Arrays are good until the arena is gone, or their thread. Its memory only ever grows, to what
    the largest piece takes.
    """

    def __init__(self) -> None:
        self._lease = _Lease()
        self._memory = self._lease.memory
        self._used = 0

    def clear(self) -> None:
        """Begin anew: arrays that were made before will be written over."""
        self._used = 0

    @contextmanager
    def passing(self) -> Iterator[None]:
        """Arrays that are made meanwhile will be written over afterwards."""
        used = self._used
        yield
        self._used = used

    def array(self, shape: tuple[int, ...], dtype: np.dtype[Any] | str) -> Array:
        """An array with anything in it."""
        wanted = np.dtype(dtype)
        length = prod(shape) * wanted.itemsize
        start = -(-self._used // LINE) * LINE
        self._used = start + length
        found: Array = np.frombuffer(self._memory.part(start, length), wanted).reshape(shape)
        return found

    def rows(self, count: int, length: int, dtype: np.dtype[Any] | str) -> Array:
        """An array ``[count, length]`` with anything in it, for loops that take many at a time.

        Rows are padded with zeros to a multiple of :data:`WIDTH`, and lie an odd number of lines
        apart: were it a power of two, they would all want the same few places in the processor's
        cache.
        """
        wanted = np.dtype(dtype)
        lines = -(-length // WIDTH) * WIDTH * wanted.itemsize // LINE | 1
        whole = self.array((count, lines * LINE // wanted.itemsize), wanted)
        whole[:, length:] = 0
        return whole[:, :length]

    def run(self, source: str, *arguments: Array | int) -> int:
        """Call a loop by its source; arrays of this arena go by their address, all else as 32 bits.

        Returns what it returns.
        """
        base = self._memory.base
        return self._memory.function(source)(
            [a if isinstance(a, int) else _address(a) - base for a in arguments]
        )


class _Memory:
    """A memory and the loops that were linked to it. Not for two threads at a time."""

    def __init__(self) -> None:
        self._store = wasmtime.Store(_engine())
        self._memory = wasmtime.Memory(self._store, wasmtime.MemoryType(wasmtime.Limits(1, PAGE)))
        self.base = ctypes.addressof(self._memory.data_ptr(self._store).contents)
        self.size = PAGE
        self._functions: dict[str, _Function] = {}

    @property
    def light(self) -> bool:
        """Whether it is little to keep."""
        return self.size <= KEPT and len(self._functions) <= MOST_FUNCTIONS

    def part(self, start: int, length: int) -> memoryview:
        """So many bytes from ``start`` on; they hold on to the memory."""
        if start + length > self.size:
            more = -(-(start + length - self.size) // PAGE)
            self._memory.grow(self._store, more)
            self.size += more * PAGE
        found = (ctypes.c_uint8 * length).from_address(self.base + start)
        found.memory = self._store, self._memory  # type: ignore[attr-defined]
        return memoryview(found)

    def function(self, source: str) -> _Function:
        """The function ``run`` of a module that imports the memory."""
        found = self._functions.get(source)
        if found is None:
            instance = wasmtime.Instance(self._store, _compiled(source), [self._memory])
            found = _Function(self._store, instance.exports(self._store)["run"])
            self._functions[source] = found
        return found


class _Lease:
    """Has a memory while it lives, and then keeps it for the next, unless it has grown large."""

    def __init__(self) -> None:
        try:
            self.memory = _kept.pop()
        except IndexError:
            self.memory = _Memory()
        # Not __del__: where a lease is collected in a circle, that would come after the store's.
        weakref.finalize(self, _keep, self.memory).atexit = False


def _keep(memory: _Memory) -> None:
    if memory.light and len(_kept) < MOST_KEPT:
        _kept.append(memory)


class _Function:
    """A compiled loop, called through wasmtime's unchecked interface: its own costs ten times that.

    Arguments and result are in slots of 16 bytes, of which the first four count.
    """

    def __init__(self, store: wasmtime.Store, function: Any) -> None:
        self._keep = store, function
        self._slots = np.zeros((MOST_ARGUMENTS, SLOT // 4), np.uint32)
        self._first = self._slots[:, 0]
        self._call = (
            store._context(),
            ctypes.byref(function._func),
            ctypes.cast(self._slots.ctypes.data, ctypes.POINTER(ffi.wasmtime_val_raw_t)),
            MOST_ARGUMENTS,
        )

    def __call__(self, arguments: list[int]) -> int:
        self._first[: len(arguments)] = arguments
        trap = _Trap()
        error = ffi.wasmtime_func_call_unchecked(*self._call, ctypes.byref(trap))
        if error:
            raise wasmtime.WasmtimeError._from_ptr(error)
        if trap:
            raise wasmtime.Trap._from_ptr(trap)
        return int(self._first[0])


def _address(array: Array) -> int:
    return int(array.__array_interface__["data"][0])


@lru_cache(maxsize=1)
def _engine() -> wasmtime.Engine:
    config = wasmtime.Config()
    # An arena's arrays stay where they are when it grows.
    ffi.wasmtime_config_memory_may_move_set(config.ptr(), False)
    return wasmtime.Engine(config)


@lru_cache(maxsize=64)
def _compiled(source: str) -> wasmtime.Module:
    return wasmtime.Module(_engine(), source)
