"""The guest's linear memory, from the host's side.

Every pointer and length comes from the guest and is checked against the memory's size before a
byte is touched. Results that the host must place in the guest's memory go to the *arena*, a
region above the guest's heap that only the host allocates in and that is emptied after the call.
"""

from __future__ import annotations

import ctypes
import mmap
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

PAGE: Final = 65_536
_MASK: Final = 0xFFFF_FFFF
_GROW_PAGES: Final = 64
_HEADER: Final = b"\xff\0\0\0\0\0\0\0"
"""Before each block of the arena: tells the allocator's ``free`` that it is not its own."""


_OS_PAGE: Final = mmap.PAGESIZE
_DONTNEED: Final = 4
_GIVE_BACK_FROM: Final = 1 << 18
"""Bytes from which it is cheaper to have the system give zeroed pages than to write zeros: of the
stack, say, little was touched."""


class GuestFault(Exception):
    """The guest asked for something that it must not have; its call ends with a trap."""


@dataclass(frozen=True, slots=True)
class Image:
    """The memory below the heap as instantiation leaves it: zeros (the stack), then data."""

    data_at: int
    data: bytes

    @classmethod
    def of(cls, base: int, size: int) -> Image:
        content = ctypes.string_at(base, size)
        zeros = (size - len(content.lstrip(b"\0"))) & -_OS_PAGE
        return cls(zeros, content[zeros:])


class GuestMemory:
    """Reads and writes from the address `base` on.

    `grow` takes a number of pages, makes the memory at least so much larger, and returns its new
    size in bytes; with 0 it returns the present size (the guest may have grown it by itself).
    The memory never moves.
    """

    __slots__ = ("_arena", "_base", "_bytes", "_grow", "_next", "_size", "_view")

    def __init__(self, base: int, arena: int, grow: Callable[[int], int]) -> None:
        self._base = base
        self._arena = arena
        self._next = arena
        self._grow = grow
        self._measure(0)

    def read(self, pointer: int, length: int) -> bytes:
        end = pointer + length
        if end > self._size:
            self._check(pointer, length)
        found: bytes = self._bytes[pointer:end]
        return found

    def read_fat(self, fat: int) -> bytes:
        """What a *pointer-size* means: pointer in the low, length in the high 32 bits."""
        pointer = fat & _MASK
        end = pointer + (fat >> 32)
        if end > self._size:
            self._check(pointer, fat >> 32)
        found: bytes = self._bytes[pointer:end]
        return found

    def read_u32(self, pointer: int) -> int:
        return int.from_bytes(self.read(pointer, 4), "little")

    def write(self, pointer: int, data: bytes) -> None:
        end = pointer + len(data)
        if end > self._size:
            self._check(pointer, len(data))
        self._view[pointer:end] = data

    def give(self, data: bytes) -> int:
        """Place `data` in the arena; a pointer to it."""
        pointer = self._next + 8
        end = pointer + len(data)
        self._next = (end + 7) & ~7
        if self._next > self._size:
            self._extend(self._next)
        self._view[pointer - 8 : end] = _HEADER + data
        return pointer

    def give_fat(self, data: bytes) -> int:
        """Place `data` in the arena; its pointer-size."""
        return self.give(data) | len(data) << 32

    @property
    def used(self) -> int:
        """Bytes given since the arena was last emptied."""
        return self._next - self._arena

    def restore(self, image: Image, heap_used: int) -> None:
        """The memory as it was before the first call: `image`, then `heap_used` bytes of heap and
        the arena zeroed."""
        _zero(self._base, image.data_at)
        ctypes.memmove(self._base + image.data_at, image.data, len(image.data))
        _zero(self._base + image.data_at + len(image.data), heap_used)
        _zero(self._base + self._arena, self.used)
        self._next = self._arena

    def _measure(self, pages: int) -> None:
        """Make the memory larger by `pages`, if that can be, and see how large it is."""
        self._size = self._grow(pages)
        # Slices of an array are several times faster than string_at and memmove.
        self._bytes: Any = (ctypes.c_char * self._size).from_address(self._base)
        self._view = memoryview(self._bytes).cast("B")

    def _check(self, pointer: int, length: int) -> None:
        self._measure(0)
        if pointer + length > self._size:
            raise GuestFault(f"{length} bytes at {pointer:#x} are outside the memory")

    def _extend(self, end: int) -> None:
        self._measure(0)
        if end > self._size:
            self._measure(max((end - self._size + PAGE - 1) // PAGE, _GROW_PAGES))
        if end > self._size:
            self._next = self._arena
            raise GuestFault("the memory is exhausted")


def _zero(address: int, length: int) -> None:
    """Zero a part of the guest's memory, which is private and anonymous."""
    if length >= _GIVE_BACK_FROM and sys.platform == "linux":
        start, end = (address + _OS_PAGE - 1) & -_OS_PAGE, (address + length) & -_OS_PAGE
        if _libc.madvise(start, end - start, _DONTNEED) == 0:
            ctypes.memset(address, 0, start - address)
            ctypes.memset(end, 0, address + length - end)
            return
    ctypes.memset(address, 0, length)


_libc = ctypes.CDLL(None)
_libc.madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
