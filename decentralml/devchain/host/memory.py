"""The guest's linear memory, from the host's side.

Every pointer and length comes from the guest and is checked against the memory's size before a
byte is touched. Results that the host must place in the guest's memory go to the *arena*, a
region above the guest's heap that only the host allocates in and that is emptied after the call.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Final

PAGE: Final = 65_536
_MASK: Final = 0xFFFF_FFFF
_GROW_PAGES: Final = 64
_HEADER: Final = b"\xff\0\0\0\0\0\0\0"
"""Before each block of the arena: tells the allocator's ``free`` that it is not its own."""


class GuestFault(Exception):
    """The guest asked for something that it must not have; its call ends with a trap."""


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

    def restore(self, image: bytes, heap_used: int) -> None:
        """The memory as it was before the first call: `image` from 0 on, then `heap_used` bytes of
        heap and the arena zeroed."""
        ctypes.memmove(self._base, image, len(image))
        ctypes.memset(self._base + len(image), 0, heap_used)
        ctypes.memset(self._base + self._arena, 0, self.used)
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
