"""Is a result what the task asked for? Decided from the files alone; nothing in them is run.

A model is a safetensors file whose tensors have the names, types and shapes of the task's
manifest and only finite numbers; labels are a JSON object of item to label in the task's schema.
Everything is read in pieces: memory does not grow with the size of a model.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from decentralml.bundles.fields import parse_json
from decentralml.bundles.manifest import (
    DTYPES,
    LABELS_FILE,
    MODEL_FILE,
    STRUCTURE_FILE,
    LabelsResult,
    ModelResult,
    TaskManifest,
    TensorSpec,
)
from decentralml.bundles.pack import result_files
from decentralml.errors import DamagedTensors, LabelsRefused, ManifestError, ModelRefused
from decentralml.learning.dtypes import STORED, widened
from decentralml.learning.tensors import TensorFile, items
from decentralml.types import TaskType

PIECE = 1 << 17
"""Elements that are in memory at one time: few enough to stay in the processor's cache."""
MAX_STRUCTURE_BYTES = 1 << 20
MAX_LABEL = 4096
"""Characters of one label of free text."""
DISGUISES = {
    b"PK\x03\x04": "a zip archive (torch.save makes such files, with a pickle inside)",
    b"PK\x05\x06": "a zip archive",
    b"\x80\x02": "a pickle",
    b"\x80\x03": "a pickle",
    b"\x80\x04": "a pickle",
    b"\x80\x05": "a pickle",
    b"\x1f\x8b": "a gzip archive",
    b"\x89HDF": "an HDF5 file",
    b"\x93NUM": "a NumPy file",
    b"\x7fELF": "a program",
}


def check_files(folder: Path, manifest: TaskManifest) -> None:
    """Check the files of a result, before it is packed as well as after.

    Parameters
    ----------
    folder : with the files that :func:`~decentralml.bundles.pack.result_files` names; others are
        not looked at (a packed result has no others, see
        :func:`~decentralml.bundles.pack.open_result`).

    Raises
    ------
    ModelRefused, LabelsRefused
    """
    refused = LabelsRefused if isinstance(manifest.result, LabelsResult) else ModelRefused
    total = 0
    for name in result_files(manifest):
        file = folder / name
        if file.is_symlink() or not file.is_file():
            raise refused(name, "it is missing, or not a plain file")
        total += file.stat().st_size
    if total > manifest.result.max_bytes:
        raise refused(
            folder.name, f"{total} bytes, where the task takes {manifest.result.max_bytes}"
        )
    if isinstance(manifest.result, LabelsResult):
        read_labels(folder / LABELS_FILE, manifest.result)
    else:
        read_structure(folder / STRUCTURE_FILE)
        check_model(folder / MODEL_FILE, manifest.result)


def check_result(folder: Path, manifest: TaskManifest, bundle: Path) -> None:
    """As :func:`check_files`; and a contributor's model has the structure of the base model.

    Raises
    ------
    ModelRefused, LabelsRefused
    """
    check_files(folder, manifest)
    if manifest.task_type is TaskType.MODEL_CONTRIBUTOR and manifest.base_model is not None:
        given = read_structure(bundle / manifest.base_model / STRUCTURE_FILE)
        if read_structure(folder / STRUCTURE_FILE) != given:
            raise ModelRefused(STRUCTURE_FILE, "it is not the structure of the base model")


def check_model(file: Path, wanted: ModelResult) -> None:
    """Check a model file against the tensors that the task wants (any, if it names none).

    Raises
    ------
    ModelRefused
    """
    with file.open("rb") as stream:
        start = stream.read(8)
    for magic, what in DISGUISES.items():
        # A safetensors file begins with the length of its header: a brace follows 8 bytes later.
        if start.startswith(magic) and not _has_header(file):
            raise ModelRefused(file.name, f"it is {what}, not a safetensors file")
    try:
        tensors = TensorFile.open(file)
    except DamagedTensors as error:
        raise ModelRefused(file.name, error.reason) from None
    if wanted.tensors is not None:
        for problem in _differences(dict(tensors.specs), dict(wanted.tensors)):
            raise ModelRefused(file.name, problem)
    if not tensors.specs:
        raise ModelRefused(file.name, "it holds no tensors")
    for name in not_finite(tensors):
        raise ModelRefused(file.name, f"tensor {name} holds NaN or infinite numbers")


def not_finite(tensors: TensorFile) -> Iterator[str]:
    """The tensors of a file that hold NaN or infinite numbers."""
    for name, spec in tensors.specs.items():
        if not all(_finite(piece, spec.dtype) for piece in pieces(tensors, name)):
            yield name


def _has_header(file: Path) -> bool:
    with file.open("rb") as stream:
        stream.seek(8)
        return stream.read(1) == b"{"


def _differences(found: dict[str, TensorSpec], wanted: dict[str, TensorSpec]) -> Iterator[str]:
    missing = sorted(set(wanted) - set(found))
    if missing:
        yield f"tensor {missing[0]} is missing" + _more(missing)
    extra = sorted(set(found) - set(wanted))
    if extra:
        yield f"tensor {extra[0]} is not one of the task's" + _more(extra)
    for name in sorted(set(found) & set(wanted)):
        if found[name] != wanted[name]:
            yield f"tensor {name} is {_shown(found[name])}, not {_shown(wanted[name])}"


def _more(names: list[str]) -> str:
    return f" (and {len(names) - 1} more)" if len(names) > 1 else ""


def _shown(spec: TensorSpec) -> str:
    return f"{spec.dtype} {list(spec.shape)}"


def pieces(file: TensorFile, name: str) -> Iterator[memoryview]:
    """The bytes of a tensor, some elements at a time; each piece is gone when the next is taken."""
    total, width = items(file.specs[name]), DTYPES[file.specs[name].dtype]
    buffer = np.empty(min(PIECE, total) * width, np.uint8)
    for start in range(0, total, PIECE):
        piece = buffer[: min(PIECE, total - start) * width].data
        file.fill(name, start, piece)
        yield piece


def _finite(piece: memoryview, dtype: str) -> bool:
    if dtype == "F8_E4M3":  # No infinity; NaN has all bits but the sign set.
        return not bool(np.any((np.frombuffer(piece, "u1") & 0x7F) == 0x7F))
    if dtype == "F8_E5M2":  # Infinity and NaN have all five bits of the exponent set.
        return not bool(np.any((np.frombuffer(piece, "u1") & 0x7C) == 0x7C))
    values = np.frombuffer(piece, STORED[dtype])
    if dtype == "BOOL":
        return bool(np.all(values <= 1))
    return "F" not in dtype or bool(np.all(np.isfinite(widened(values, dtype))))


def same_tensors(first: Path, second: Path) -> bool:
    """Whether two safetensors files hold the same tensors, bit for bit, in whatever order.

    Raises
    ------
    DamagedTensors
    """
    one, other = TensorFile.open(first), TensorFile.open(second)
    if dict(one.specs) != dict(other.specs):
        return False
    return all(same_bytes(one, name, other, name) for name in one.specs)


def same_bytes(one: TensorFile, name: str, other: TensorFile, other_name: str) -> bool:
    """Whether two tensors of one type and shape are the same, bit for bit."""
    return all(a == b for a, b in zip(pieces(one, name), pieces(other, other_name), strict=True))


def read_structure(file: Path) -> object:
    """The JSON object in a model's ``structure.json``. Raises :class:`ModelRefused`."""
    try:
        return parse_json(_read(file, MAX_STRUCTURE_BYTES), file.name, MAX_STRUCTURE_BYTES)
    except ManifestError as error:
        raise ModelRefused(file.name, error.reason) from None


def read_labels(file: Path, schema: LabelsResult) -> dict[str, str]:
    """The labels in ``labels.json``, item by item, checked against the task's schema.

    Raises
    ------
    LabelsRefused
    """
    try:
        document = parse_json(_read(file, schema.max_bytes), file.name, schema.max_bytes)
    except ManifestError as error:
        raise LabelsRefused(file.name, error.reason) from None
    if not document:
        raise LabelsRefused(file.name, "it labels nothing")
    if schema.items is not None and len(document) != schema.items:
        raise LabelsRefused(
            file.name, f"{len(document)} items are labelled, where the task has {schema.items}"
        )
    allowed = None if schema.classes is None else frozenset(schema.classes)
    for item, label in document.items():
        if not isinstance(label, str) or not 0 < len(label) <= MAX_LABEL:
            raise LabelsRefused(
                file.name, f"the label of {item!r:.60} is no text of 1 to {MAX_LABEL} characters"
            )
        if allowed is not None and label not in allowed:
            raise LabelsRefused(
                file.name, f"{item!r:.60} is labelled {label!r:.60}, which is not a class"
            )
    return document


def _read(file: Path, largest: int) -> bytes:
    with file.open("rb") as stream:
        return stream.read(largest + 1)
