"""Safetensors files read and written a piece at a time, without PyTorch.

A safetensors file is eight bytes of header length (little endian), a JSON header, and the
tensors' bytes one after another::

    | N: u64 | {"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, …} | data … |
    0        8                                                                      8 + N

Headers are read, and distrusted, by :mod:`decentralml.bundles.tensors`.

Source: https://github.com/huggingface/safetensors#format
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedWriter, RawIOBase
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from decentralml.bundles.manifest import DTYPES, TensorSpec
from decentralml.bundles.tensors import read_layout
from decentralml.errors import DamagedTensors, ManifestError, UnwritableModel

if TYPE_CHECKING:
    from typing_extensions import Buffer

AHEAD = 8 << 20
"""Bytes of a new file that are sent to the disk at a time while it is written."""


@dataclass(frozen=True, slots=True)
class TensorFile:
    """A safetensors file whose header was read and found sound.

    Attributes
    ----------
    path : the file.
    specs : type and shape of each tensor, in the order of the bytes.
    offsets : where each tensor's bytes begin, counted from the start of the file.
    """

    path: Path
    specs: Mapping[str, TensorSpec]
    offsets: Mapping[str, int]

    @classmethod
    def open(cls, path: Path) -> TensorFile:
        """Read the header of ``path`` (a file). Raises :class:`DamagedTensors`."""
        try:
            layout = read_layout(path)
        except OSError as error:
            raise DamagedTensors(path, error.strerror or str(error)) from None
        except ManifestError as error:
            raise DamagedTensors(path, error.reason) from None
        names = sorted(layout, key=lambda name: layout[name].offset)
        return cls(
            path,
            {name: layout[name].spec for name in names},
            {name: layout[name].offset for name in names},
        )

    def read(self, name: str, start: int = 0, count: int | None = None) -> memoryview:
        """Bytes of ``count`` elements of a tensor, from element ``start`` on (default: all)."""
        spec = self.specs[name]
        count = items(spec) - start if count is None else count
        buffer = np.empty(count * DTYPES[spec.dtype], np.uint8).data
        self.fill(name, start, buffer)
        return buffer

    def fill(self, name: str, start: int, buffer: memoryview) -> None:
        """Fill ``buffer`` with a tensor's bytes, from element ``start`` on.

        The file is open only meanwhile: a thousand updates need no thousand descriptors.
        Raises :class:`DamagedTensors`.
        """
        offset = self.offsets[name] + start * DTYPES[self.specs[name].dtype]
        try:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                while buffer:
                    got = os.preadv(descriptor, [buffer], offset)
                    if not got:
                        raise DamagedTensors(self.path, "it ends in the middle of a tensor")
                    buffer, offset = buffer[got:], offset + got
            finally:
                os.close(descriptor)
        except OSError as error:
            raise DamagedTensors(self.path, error.strerror or str(error)) from None


def items(spec: TensorSpec) -> int:
    """Elements of a tensor."""
    return prod(spec.shape)


class TensorWriter:
    """Writes the tensors of a safetensors file one after another, in the order of ``specs``."""

    def __init__(self, file: BinaryIO, specs: Mapping[str, TensorSpec]) -> None:
        self.file = file
        header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
        end = 0
        for name, spec in specs.items():
            header[name] = {
                "dtype": spec.dtype,
                "shape": list(spec.shape),
                "data_offsets": [end, end := end + items(spec) * DTYPES[spec.dtype]],
            }
        text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
        text += b" " * (-len(text) % 8)  # so that the data starts aligned
        file.write(len(text).to_bytes(8, "little") + text)

    def write(self, values: np.ndarray[Any, Any]) -> None:
        """Append the bytes of one tensor, or of the next piece of it."""
        self.file.write(np.ascontiguousarray(values).data.cast("B") if values.size else b"")


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A file that takes the place of ``path`` once everything is on the disk, and not before."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _Growing(partial.open("wb", buffering=0)) as growing:
            yield growing
            growing.finish()
        partial.replace(path)
    except OSError as error:
        raise UnwritableModel(path, error.strerror or str(error)) from None
    finally:
        partial.unlink(missing_ok=True)


class _Growing(BufferedWriter):
    """A file that goes to the disk while the rest of it is made: little is left to wait for."""

    def __init__(self, file: RawIOBase) -> None:
        super().__init__(file)
        self._pool = ThreadPoolExecutor(1)
        self._under_way: Future[None] | None = None
        self._waiting = 0

    def write(self, data: Buffer, /) -> int:
        written = super().write(data)
        self._waiting += written
        if self._waiting >= AHEAD and (self._under_way is None or self._under_way.done()):
            self._wait()
            self.flush()
            self._under_way = self._pool.submit(os.fdatasync, self.fileno())
            self._waiting = 0
        return written

    def finish(self) -> None:
        """Wait until all of it is on the disk. Raises OSError, also what went wrong before."""
        self._wait()
        self.flush()
        os.fsync(self.fileno())

    def close(self) -> None:
        self._pool.shutdown()
        super().close()

    def _wait(self) -> None:
        if self._under_way is not None:  # An error is told once only: not again by fsync.
            self._under_way.result()


def in_file_order(specs: Mapping[str, TensorSpec]) -> dict[str, TensorSpec]:
    """Widest elements first, then by name: every tensor is aligned to its own width."""
    order = sorted(specs, key=lambda name: (-DTYPES[specs[name].dtype], name))
    return {name: specs[name] for name in order}
