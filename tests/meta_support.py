"""Clients that each divide the plane by a line of their own: no single model suits all of them."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import torch
from examples_support import EXAMPLES, load

from decentralml.bundles.meta import MetaMethod, MetaPlan
from decentralml.learning.examples import INPUTS_FILE, LABELS_FILE, write_tensors
from decentralml.learning.meta import scripts
from decentralml.learning.meta.lesson import MetaLesson
from decentralml.learning.models import PlainNet

EXAMPLE = EXAMPLES / "meta_digits"
LESSON = MetaLesson("start", lambda: PlainNet(2, (16,), 2), seed=1)


def write_clients(
    folder: Path, clients: int = 6, seed: int = 0, *, each: int = 20, classes: int = 2
) -> Path:
    """A folder of clients with so many points each, both sides of the line in all of them."""
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(clients, each, 2)).astype(np.float32)
    distances = np.einsum("nei,ni->ne", points, rng.normal(size=(clients, 2)))
    labels = distances.argsort(1).argsort(1) * classes // each
    return write_folder(
        folder, points.reshape(-1, 2), labels.reshape(-1), np.repeat(np.arange(clients), each)
    )


def write_folder(
    folder: Path,
    inputs: object,
    labels: object,
    clients: object = None,
    support: object = None,
) -> Path:
    named = {"clients": clients, "support": support}
    given = {name: np.asarray(values) for name, values in named.items() if values is not None}
    write_tensors(folder / INPUTS_FILE, {"inputs": np.asarray(inputs, np.float32)} | given)
    write_tensors(folder / LABELS_FILE, {"labels": np.asarray(labels, np.int64)})
    return folder


def write_bundle(folder: Path, meta: str = "", rest: str = "") -> Path:
    """The example's bundle, small: clients of :func:`write_clients`, and another ``[meta]``."""
    shutil.copytree(EXAMPLE / "task", folder, ignore=shutil.ignore_patterns("__pycache__"))
    lesson = (folder / "lesson.py").read_text()
    lesson = lesson.replace("inputs=14 * 14, hidden=(64,)", "inputs=2, hidden=(16,)")
    (folder / "lesson.py").write_text(lesson)
    (folder / "task.toml").write_text(
        'name = "start"\nmodel_type = "Vision"\n'
        f"[meta]\nsupport = 0.5\nrate = 0.5\nsteps = 2\nouter_rate = 0.3\nclasses = 2\n{meta}\n"
        f"{rest}"
    )
    return folder


def lesson_of(bundle: Path) -> MetaLesson:
    lesson: MetaLesson = load(bundle / "lesson.py").LESSON
    return lesson


def plan(method: str = "maml", **other: object) -> MetaPlan:
    usual = {"rate": 0.5, "steps": 2, "support": 0.5, "outer_rate": 0.3} | other
    return MetaPlan(MetaMethod(method), **usual)  # type: ignore[arg-type]


def first_model(bundle: Path, folder: Path) -> Path:
    """The model that contributors begin from."""
    torch.set_num_threads(1)
    return scripts.make(lesson_of(bundle), bundle, folder)
