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
from typing import Final

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
    """Reads and writes between `base` and `base + size`.

    `grow` takes a number of pages, makes the memory at least so much larger, and returns its new
    size in bytes; with 0 it returns the present size (the guest may have grown it by itself).
    The memory never moves.
    """

    __slots__ = ("_arena", "_base", "_grow", "_next", "_size")

    def __init__(self, base: int, size: int, arena: int, grow: Callable[[int], int]) -> None:
        self._base = base
        self._size = size
        self._arena = arena
        self._next = arena
        self._grow = grow

    def read(self, pointer: int, length: int) -> bytes:
        if pointer + length > self._size:
            self._check(pointer, length)
        return ctypes.string_at(self._base + pointer, length)

    def read_fat(self, fat: int) -> bytes:
        """What a *pointer-size* means: pointer in the low, length in the high 32 bits."""
        pointer = fat & _MASK
        length = fat >> 32
        if pointer + length > self._size:
            self._check(pointer, length)
        return ctypes.string_at(self._base + pointer, length)

    def read_u32(self, pointer: int) -> int:
        return int.from_bytes(self.read(pointer, 4), "little")

    def write(self, pointer: int, data: bytes) -> None:
        length = len(data)
        if pointer + length > self._size:
            self._check(pointer, length)
        ctypes.memmove(self._base + pointer, data, length)

    def give(self, data: bytes) -> int:
        """Place `data` in the arena; a pointer to it."""
        pointer = self._next + 8
        end = (pointer + len(data) + 7) & ~7
        if end > self._size:
            self._extend(end)
        self._next = end
        ctypes.memmove(self._base + pointer - 8, _HEADER + data, len(data) + 8)
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

    def _check(self, pointer: int, length: int) -> None:
        self._size = self._grow(0)
        if pointer + length > self._size:
            raise GuestFault(f"{length} bytes at {pointer:#x} are outside the memory")

    def _extend(self, end: int) -> None:
        self._size = self._grow(0)
        if end > self._size:
            pages = max((end - self._size + PAGE - 1) // PAGE, _GROW_PAGES)
            self._size = self._grow(pages)
        if end > self._size:
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
