"""The bytes between a runtime's own memory and its heap, for :mod:`inside`.

All but the table are zero when a call begins:

      0  33 words   heads of the lists of free blocks, by order
    248  word       bytes of heap in use
    256  64 bytes   BLAKE2b: the state h
    320  128 bytes  BLAKE2b: the last block, padded
    448  160 bytes  BLAKE2b: the message schedule, which the host puts there
"""

from __future__ import annotations

from typing import Final

CONTROL: Final = 640
USED: Final = 248
STATE: Final = 256
LAST: Final = 320
SCHEDULE: Final = 448
