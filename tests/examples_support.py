"""The worked examples of ``assets/examples``, small: a few of their data, a short training."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch

from decentralml.bundles.training import LocalTraining
from decentralml.learning import scripts
from decentralml.learning.examples import (
    INPUTS_FILE,
    LABELS_FILE,
    Examples,
    read_mnist,
    write_tensors,
)
from decentralml.learning.lesson import Lesson
from decentralml.learning.train import TrainingSettings

EXAMPLES = Path(__file__).resolve().parents[1] / "assets" / "examples"
KINDS = ("vision", "text", "audio", "multimodal")
Arrays = dict[str, np.ndarray]


def load(file: Path) -> ModuleType:
    """A module of an example; those of other examples may have the same name."""
    siblings = {path.stem for path in file.parent.glob("*.py")} | {"clips"}
    before = {name: sys.modules.pop(name) for name in siblings & sys.modules.keys()}
    sys.path.insert(0, str(file.parent))
    try:
        spec = importlib.util.spec_from_file_location(file.stem, file)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module
    finally:
        sys.path.remove(str(file.parent))
        for name in siblings & sys.modules.keys():
            del sys.modules[name]
        sys.modules.update(before)


def digits(first: int, count: int) -> Examples:
    """Some MNIST digits, of each kind equally many, in a random order."""
    everything = read_mnist()
    picked = [
        np.flatnonzero(everything.labels == d)[first : first + count // 10] for d in range(10)
    ]
    return everything[np.random.default_rng(first).permutation(np.concatenate(picked))]


def vision(maker: Any, first: int, count: int) -> tuple[Arrays, Arrays]:
    return maker.scenes(digits(first, count), first)


def text(maker: Any, first: int, count: int) -> tuple[Arrays, Arrays]:
    book = maker.codes("austen-pride")[first * 100 : first * 100 + count * maker.LENGTH * 2]
    return maker.held_out(book, count, np.random.default_rng(first))


def audio(maker: Any, first: int, count: int) -> tuple[Arrays, Arrays]:
    speech = maker.Speech(np.random.default_rng(first))
    return speech.recordings(count, None, maker.TRAINING)


def multimodal(maker: Any, first: int, count: int) -> tuple[Arrays, Arrays]:
    some = digits(first, count)
    inputs = maker.senses(some, maker.read_clips(), None, maker.TRAINING, first)
    return inputs, {"labels": some.labels}


MAKERS: dict[str, Callable[[Any, int, int], tuple[Arrays, Arrays]]] = {
    "vision": vision, "text": text, "audio": audio, "multimodal": multimodal,
}  # fmt: skip
SIZES = {"vision": 160, "text": 240, "audio": 80, "multimodal": 160}
"""Of a contributor's data; the creator and the aggregators have a part of it."""
FIRST = TrainingSettings(epochs=2, learning_rate=0.003, batch=16)
OWN = LocalTraining(epochs=4, learning_rate=0.003, batch=16)


@dataclass(frozen=True)
class Play:
    """An example's small data, its first model, and its bundle with a short training."""

    kind: str
    lesson: Lesson
    folder: Path

    @property
    def bundle(self) -> Path:
        return self.folder / "task"

    @property
    def base(self) -> Path:
        return self.folder / "first" / f"{self.lesson.name}_creator"

    def data(self, name: str) -> Path:
        return self.folder / "data" / name


def play(kind: str, folder: Path) -> Play:
    """Make the data and the first model of an example."""
    example = EXAMPLES / kind
    maker, lesson = load(example / "make_data.py"), load(example / "task" / "lesson.py").LESSON
    lesson = replace(lesson, first=FIRST)
    size = SIZES[kind]
    made = Play(kind, lesson, folder)
    for name, first, count in (
        ("creator", 0, size // 4), ("contributor", 100, size), ("validation", 200, size // 2),
    ):  # fmt: skip
        inputs, labels = MAKERS[kind](maker, first, count)
        write_tensors(made.data(name) / INPUTS_FILE, inputs)
        write_tensors(made.data(name) / LABELS_FILE, labels)
    shutil.copytree(
        example / "task", made.bundle, ignore=shutil.ignore_patterns("__pycache__", "model")
    )
    OWN.write(made.bundle)
    with one_thread():
        scripts.make(lesson, made.data("creator"), folder / "first")
    return made


@contextmanager
def one_thread() -> Iterator[None]:
    """On a busy machine two threads wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
