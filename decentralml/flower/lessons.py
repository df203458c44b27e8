"""A Flower client that trains a bundle's lesson, without a line of code.

``flower-supernode --node-config 'client="decentralml.flower.lessons:client_fn"
bundle="assets/examples/vision/task" data="data/contributor-1" name="hospital-1"'``

The bundle's ``lesson.py`` runs with the rights of who starts the node: name only one that you know.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from flwr.app import Context
from flwr.client import Client, NumPyClient

from decentralml.bundles.settings import read_settings
from decentralml.errors import ClientAppInvalid
from decentralml.flower.replies import CLIENT, LLM_TYPE, Array
from decentralml.learning.lesson import Lesson, Metrics, evaluate, learn, read_folder
from decentralml.learning.local import local_settings

HELD_OUT = 10
"""One example in so many is kept to measure what was trained."""
LESSON_FILE = "lesson.py"
SETTINGS = ("bundle", "data", "name")


def client_fn(context: Context) -> Client:
    """The client of a node's configuration. Raises ClientAppInvalid."""
    told = context.node_config
    missing = [key for key in SETTINGS[:2] if not isinstance(told.get(key), str)]
    if missing:
        raise ClientAppInvalid(f"{__name__}:client_fn", f"the node names no {missing[0]}")
    name = str(told.get("name", f"client-{context.node_id}"))
    return LessonClient(Path(str(told["bundle"])), Path(str(told["data"])), name).to_client()


class LessonClient(NumPyClient):
    """Trains a lesson's model on a folder of examples, and measures it on some held back."""

    def __init__(self, bundle: Path, data: Path, name: str) -> None:
        self.lesson = load_lesson(bundle)
        self.llm_type = str(read_settings(bundle).model_type)
        self.settings = local_settings(bundle, self.lesson.own)
        self.name = name
        examples = read_folder(data)
        kept = np.arange(len(examples)) % HELD_OUT == 0
        self.own, self.kept = examples[~kept], examples[kept]

    def get_parameters(self, config: Mapping[str, Any]) -> list[Array]:
        """A new model's arrays, in the order of its state."""
        torch.manual_seed(self.lesson.first.seed)
        return _arrays(self.lesson.model())

    def fit(
        self, parameters: list[Array], config: Mapping[str, Any]
    ) -> tuple[list[Array], int, dict[str, Any]]:
        """Train from the arrays given; arrays, examples, and what is told of them."""
        model = self._model(parameters)
        losses: list[float] = []
        learn(self.lesson, model, self.own, self.settings, lambda _, loss: losses.append(loss))
        measured: Metrics = evaluate(self.lesson, model, self.kept)
        told: dict[str, Any] = {"loss": losses[-1], **measured, **load()}
        return _arrays(model), len(self.own), told | {LLM_TYPE: self.llm_type, CLIENT: self.name}

    def evaluate(
        self, parameters: list[Array], config: Mapping[str, Any]
    ) -> tuple[float, int, dict[str, Any]]:
        """Loss and metrics of the arrays given on the examples held back."""
        model = self._model(parameters)
        metrics = evaluate(self.lesson, model, self.kept)
        prepared = self.lesson.prepare(self.kept.inputs | self.kept.labels)
        with torch.inference_mode():
            loss = float(self.lesson.loss(model, prepared))
        return loss, len(self.kept), {**metrics, LLM_TYPE: self.llm_type, CLIENT: self.name}

    def _model(self, parameters: list[Array]) -> torch.nn.Module:
        torch.set_num_threads(int(os.environ.get("DML_THREADS", "1")))
        model = self.lesson.model()
        names = model.state_dict()
        tensors = [torch.from_numpy(np.array(values)) for values in parameters]
        model.load_state_dict(dict(zip(names, tensors, strict=True)))
        return model


def load_lesson(bundle: Path) -> Lesson:
    """The lesson of a bundle, by running its ``lesson.py``. Raises ClientAppInvalid."""
    file = bundle / LESSON_FILE
    spec = importlib.util.spec_from_file_location(f"lesson_of_{bundle.name}", file)
    if spec is None or spec.loader is None or not file.is_file():
        raise ClientAppInvalid(str(bundle), f"it has no {LESSON_FILE}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    lesson = getattr(module, "LESSON", None)
    if not isinstance(lesson, Lesson):
        raise ClientAppInvalid(str(bundle), f"its {LESSON_FILE} names no LESSON")
    return lesson


def load() -> dict[str, float]:
    """How busy this machine is, percent: ``cpu_usage`` and ``memory_usage``, where it tells."""
    found = {}
    if hasattr(os, "getloadavg"):
        found["cpu_usage"] = min(100 * os.getloadavg()[0] / (os.cpu_count() or 1), 100.0)
    memory = Path("/proc/meminfo")
    if memory.exists():
        lines = (line.split() for line in memory.read_text().splitlines())
        sizes = {words[0].rstrip(":"): int(words[1]) for words in lines}
        found["memory_usage"] = 100 * (1 - sizes["MemAvailable"] / sizes["MemTotal"])
    return found


def _arrays(model: torch.nn.Module) -> list[Array]:
    return [tensor.detach().numpy().copy() for tensor in model.state_dict().values()]
