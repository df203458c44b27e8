"""Grey 8-bit PNG images, read without an imaging library."""

import struct
import zlib
from pathlib import Path

import numpy as np

SIGNATURE = b"\x89PNG\r\n\x1a\n"
GREY_8_BIT = (8, 0, 0, 0, 0)
"""Bit depth, colour type, compression, filter method and interlacing of the header."""


def read_png(file: Path) -> np.ndarray:
    """The image, ``[height, width]``, 0 to 255."""
    data = file.read_bytes()
    if not data.startswith(SIGNATURE):
        raise SystemExit(f"{file.name} is no PNG image")
    packed, at = b"", len(SIGNATURE)
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        body = data[at + 8 : at + 8 + length]
        if kind == b"IHDR":
            width, height, *rest = struct.unpack(">IIBBBBB", body)
            if tuple(rest) != GREY_8_BIT:
                raise SystemExit(f"{file.name} is not a grey image of 8 bits without interlacing")
        elif kind == b"IDAT":
            packed += body
        at += 12 + length
    rows = np.frombuffer(zlib.decompress(packed), np.uint8).reshape(height, 1 + width)
    image = np.zeros((height, width), np.uint8)
    above = np.zeros(width, np.uint8)
    for y, row in enumerate(rows):
        above = image[y] = unfiltered(int(row[0]), row[1:], above)
    return image


def unfiltered(kind: int, row: np.ndarray, above: np.ndarray) -> np.ndarray:
    """A row of bytes from its filtered form and the row above; section 9 of the PNG standard."""
    if kind == 0:
        return row
    out = np.zeros(len(row), np.uint8)
    left = corner = 0
    for x, value in enumerate(row.tolist()):
        up = int(above[x])
        guess = (left, up, (left + up) // 2, paeth(left, up, corner))[kind - 1]
        out[x] = left = (value + guess) % 256
        corner = up
    return out


def paeth(left: int, up: int, corner: int) -> int:
    """The neighbour nearest to left + up - corner."""
    wanted = left + up - corner
    return min((left, up, corner), key=lambda value: abs(wanted - value))
