"""A coded update as the tensors of the model that it stands for, decoded as they are asked for."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

import numpy as np

from decentralml.bundles.coding import WHOLE, Coding
from decentralml.bundles.manifest import DTYPES, TensorSpec
from decentralml.errors import DamagedUpdate
from decentralml.learning.compress import layout
from decentralml.learning.compress.quantize import Bytes, Floats, dequantize
from decentralml.learning.compress.sparse import SKIP, from_gaps
from decentralml.learning.dtypes import STORED, narrowed, widened
from decentralml.learning.sources import TensorSource
from decentralml.learning.tensors import TensorFile, TensorWriter, in_file_order, items, replacing

PIECE = 1 << 18


@dataclass(frozen=True, slots=True)
class _Chunk:
    """Where the parts of one chunk lie in theirs."""

    count: int
    gaps: tuple[int, int]
    values: int
    scales: int


class CodedUpdate:
    """The model that a coded update stands for: base plus what it tells. A ``TensorSource``."""

    def __init__(self, file: TensorFile, base: TensorSource, coding: Coding) -> None:
        """Use :meth:`open`."""
        self.specs: Mapping[str, TensorSpec] = base.specs
        self._file, self._base, self._coding = file, base, coding
        self._chunks: dict[str, list[_Chunk]] = {}
        self._last = threading.local()

    @classmethod
    def open(cls, path: Path, base: TensorSource, coding: Coding) -> CodedUpdate:
        """Read the header of ``path`` and hold it against the base model.

        Raises
        ------
        DamagedTensors, DamagedUpdate
        """
        update = cls(TensorFile.open(path), base, coding)
        update._check()
        return update

    def fill(self, name: str, start: int, buffer: memoryview) -> None:
        """Fill ``buffer`` with the model's elements as they are stored, from ``start`` on.

        Raises
        ------
        DamagedTensors, DamagedUpdate
        """
        spec = self.specs[name]
        if layout.is_raw(spec):
            self._file.fill(name + layout.RAW, start, buffer)
            return
        self._base.fill(name, start, buffer)
        stored = np.frombuffer(buffer, STORED[spec.dtype])
        values = widened(stored, spec.dtype).astype(np.float64)
        end = start + len(values)
        for number in range(start // layout.CHUNK, -(-end // layout.CHUNK)):
            begin = number * layout.CHUNK
            told = self._told(name, number)
            first, last = max(start, begin), min(end, begin + len(told))
            values[first - start : last - start] += told[first - begin : last - begin]
        if not np.isfinite(values).all():
            raise self._damaged(f"{name} holds NaN or infinite numbers")
        stored[:] = narrowed(values, spec.dtype)

    # -- one chunk

    def _told(self, name: str, number: int) -> Floats:
        """What is added to a chunk; the last one asked for is kept, for each thread."""
        kept: tuple[str, int, Floats] | None = getattr(self._last, "kept", None)
        if kept is None or kept[:2] != (name, number):
            kept = (name, number, self._decoded(name, number))
            self._last.kept = kept
        return kept[2]

    def _decoded(self, name: str, number: int) -> Floats:
        chunk = self._chunks[name][number]
        length = min(layout.CHUNK, items(self.specs[name]) - number * layout.CHUNK)
        values = self._values(name, chunk)
        if not self._coding.sparse:
            return values
        gaps: Bytes = np.frombuffer(
            self._file.read(name + layout.GAPS, chunk.gaps[0], chunk.gaps[1]), np.uint8
        )
        if int(np.count_nonzero(gaps != SKIP)) != chunk.count:
            raise self._damaged(f"the gaps of {name} tell another number of elements")
        places = from_gaps(gaps)
        if chunk.count and int(places[-1]) >= length:
            raise self._damaged(f"the gaps of {name} lead outside it")
        told = np.zeros(length, np.float32)
        told[places] = values
        return told

    def _values(self, name: str, chunk: _Chunk) -> Floats:
        size = layout.value_size(chunk.count, self._coding)
        raw = self._file.read(name + layout.VALUES, chunk.values, size)
        if self._coding.bits == WHOLE:
            return np.frombuffer(raw, np.float32)
        groups = layout.scale_size(chunk.count, self._coding)
        scales = np.frombuffer(
            self._file.read(name + layout.SCALES, chunk.scales, groups), np.float32
        )
        with np.errstate(invalid="ignore", over="ignore"):  # fill() looks at what came of it
            return dequantize(np.frombuffer(raw, np.uint8), scales, self._coding.bits, chunk.count)

    # -- the header

    def _check(self) -> None:
        found = dict(self._file.specs)
        wanted = layout.marker(self._coding)
        said = TensorSpec("U8", (len(wanted),))
        # Its length first: what a stranger calls a word may be the size of the file.
        if found.get(layout.CODING) != said or self._file.read(layout.CODING) != wanted:
            raise self._damaged(f"it is not coded as {self._coding}, which the task asks for")
        expected = {layout.CODING: said}
        for name, spec in self.specs.items():
            if layout.is_raw(spec):
                expected[name + layout.RAW] = spec
                continue
            self._chunks[name] = self._laid_out(name, items(spec), found)
            expected |= self._parts(name)
        for name in sorted(expected.keys() | found.keys()):
            if expected.get(name) != found.get(name):
                raise self._damaged(f"its {name} is {found.get(name)}, not {expected.get(name)}")

    def _laid_out(self, name: str, elements: int, found: Mapping[str, TensorSpec]) -> list[_Chunk]:
        """Where each chunk's parts lie, by what the file says of their sizes."""
        lengths = [length for _, length in layout.chunks(elements)]
        if self._coding.sparse:
            spec = TensorSpec("U32", (len(lengths), 2))
            if found.get(name + layout.COUNTS) != spec:
                raise self._damaged(f"it has no sound {name + layout.COUNTS}")
            raw = np.frombuffer(self._file.read(name + layout.COUNTS), np.uint32)
            counts = [(int(told), int(gaps)) for told, gaps in raw.reshape(-1, 2)]
        else:
            counts = [(length, 0) for length in lengths]
        for (told, gaps), length in zip(counts, lengths, strict=True):
            if told > length or gaps > length + told:
                raise self._damaged(f"{name} tells more elements than it has")
        gaps_at = accumulate((gaps for _, gaps in counts), initial=0)
        values_at = accumulate(
            (layout.value_size(told, self._coding) for told, _ in counts), initial=0
        )
        scales_at = accumulate(
            (layout.scale_size(told, self._coding) for told, _ in counts), initial=0
        )
        return [
            _Chunk(told, (at, gaps), values, scales)
            for (told, gaps), at, values, scales in zip(
                counts, gaps_at, values_at, scales_at, strict=False
            )
        ]

    def _parts(self, name: str) -> dict[str, TensorSpec]:
        """Type and shape that each part of a tensor must have."""
        chunks = self._chunks[name]
        whole = self._coding.bits == WHOLE
        values = sum(layout.value_size(chunk.count, self._coding) for chunk in chunks)
        parts = {name + layout.VALUES: TensorSpec("F32" if whole else "U8", (values,))}
        if not whole:
            scales = sum(layout.scale_size(chunk.count, self._coding) for chunk in chunks)
            parts[name + layout.SCALES] = TensorSpec("F32", (scales,))
        if self._coding.sparse:
            parts[name + layout.COUNTS] = TensorSpec("U32", (len(chunks), 2))
            gaps = sum(chunk.gaps[1] for chunk in chunks)
            parts[name + layout.GAPS] = TensorSpec("U8", (gaps,))
        return parts

    def _damaged(self, reason: str) -> DamagedUpdate:
        return DamagedUpdate(self._file.path, reason)


def decode(update: Path, base: TensorSource, coding: Coding, out: Path) -> None:
    """Write the model that the coded ``update`` stands for to the file ``out``.

    Raises
    ------
    DamagedTensors, DamagedUpdate, UnwritableModel
    """
    source = CodedUpdate.open(update, base, coding)
    ordered = in_file_order(source.specs)
    with replacing(out) as file:
        writer = TensorWriter(file, ordered)
        for name, spec in ordered.items():
            for start in range(0, items(spec), PIECE):
                count = min(PIECE, items(spec) - start)
                piece = np.empty(count * DTYPES[spec.dtype], np.uint8)
                source.fill(name, start, piece.data)
                writer.write(piece)
