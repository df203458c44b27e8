"""What the script of a replayable task calls: one line, for contributor and committee alike.

::

    ReplayableTrainer.from_bundle(prepare=images).run()

Started by a contributor, it trains the run and leaves a result with its checkpoints. Started by a
committee member, it takes up the run at the contributor's checkpoints and does the drawn segments
again. The script is the task author's in both cases, never the contributor's.
"""

from __future__ import annotations

import json
import os
import re
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from decentralml.bundles.manifest import MANIFEST_FILE, parse_task
from decentralml.bundles.replay import Environment, Recipe, checkpoint_file
from decentralml.errors import NotReplayable
from decentralml.learning.examples import read_examples
from decentralml.learning.models import MODELS, load_model, save_model
from decentralml.learning.replay.training import Loss, Training
from decentralml.learning.replay.variables import CHECKPOINTS, read_order_seed, read_segments

Prepare = Callable[[NDArray[Any]], NDArray[Any]]

START = checkpoint_file(0)
"""What a replay leaves besides its segments: the state in which every run must begin."""


@dataclass(frozen=True, slots=True)
class ReplayableTrainer:
    """Trains or replays one run.

    Attributes
    ----------
    training : at the start of the run.
    name : of the result's folder.
    output : folder for what it makes.
    replay : segments to do again, or None to train the run.
    checkpoints : folder with the checkpoint at which each of them starts.
    """

    training: Training
    name: str
    output: Path
    replay: tuple[int, ...] | None = None
    checkpoints: Path | None = None

    @classmethod
    def from_bundle(
        cls,
        *,
        prepare: Prepare | None = None,
        loss: Loss = nn.functional.cross_entropy,
        model: nn.Module | None = None,
        classes: Mapping[str, type[nn.Module]] = MODELS,
        environment: Mapping[str, str] | None = None,
    ) -> ReplayableTrainer:
        """The run that the bundle in ``DML_TASK`` pins.

        Parameters
        ----------
        prepare : turns inputs as they are stored into what the model takes; else they go as they
            are.
        loss : of the model's outputs and the labels.
        model : holding the base model's weights; else it is loaded as one of ``classes``.
        environment : variables; else the process's.

        Raises
        ------
        NotReplayable, OrderSeedMissing, EnvironmentMismatch, ManifestError, BadExamples,
        UnknownModel, StructureMismatch
        """
        found = os.environ if environment is None else environment
        task = Path(found["DML_TASK"])
        manifest = parse_task((task / MANIFEST_FILE).read_bytes())
        recipe = manifest.replay
        if recipe is None or manifest.base_model is None:
            raise NotReplayable("its task.toml has no table [replay], or it has no base model")
        seed = read_order_seed(found)
        recipe.environment.check(Environment.here())
        torch.set_num_threads(int(found.get("DML_THREADS", "1")))
        examples = read_examples(task / recipe.data)
        inputs = examples.inputs if prepare is None else prepare(examples.inputs)
        training = Training(
            load_model(task / manifest.base_model, classes) if model is None else model,
            torch.from_numpy(np.array(inputs)),
            torch.from_numpy(examples.labels),
            recipe,
            seed,
            loss,
        )
        word = re.sub(r"[^A-Za-z0-9.-]+", "-", manifest.name).strip(".-") or "model"
        segments = read_segments(found)
        return cls(
            training,
            f"{word}_{found.get('DML_CONTRIBUTOR', 'me')}",
            Path(found["DML_OUTPUT"]),
            segments,
            Path(found[CHECKPOINTS]) if segments is not None else None,
        )

    def run(self) -> None:
        """Train the run, or replay what is to be replayed.

        Raises
        ------
        SystemExit : a segment could not be replayed; what is wrong was printed.
        """
        if self.replay is None or self.checkpoints is None:
            self.train()
        else:
            _replay(self.training, self.replay, self.checkpoints, self.output)

    def train(self) -> Path:
        """Train the run and write its result, with all checkpoints; the result's folder."""
        folder = self.output / self.name
        training = self.training
        recipe: Recipe = training.recipe
        training.save(folder / START)
        for number in range(1, recipe.checkpoints):
            training.advance(recipe.interval)
            training.save(folder / checkpoint_file(number))
            mean = sum(training.losses[-recipe.interval :]) / recipe.interval
            print(f"step {training.step}/{recipe.steps}: loss {mean:.4f}")
        save_model(training.model, folder)
        document = {"examples": len(training.inputs), "metrics": {"loss": mean}}
        (folder / "result.json").write_text(json.dumps(document, indent=2) + "\n")
        return folder


def _replay(training: Training, segments: Sequence[int], starts: Path, output: Path) -> None:
    """Do segments again, each from its own start; a failure of one does not keep the others.

    Writes the state at the start of the run, and that at the end of each segment.
    """
    training.save(output / START)
    fresh = training.tensors()
    failed = []
    for segment in segments:
        training.load(fresh, "the start")
        try:
            if segment:  # The first begins as every run does.
                training.restore(starts / Path(checkpoint_file(segment)).name)
            training.advance(training.recipe.interval)
            training.save(output / checkpoint_file(segment + 1))
        except Exception:
            traceback.print_exc()
            failed.append(str(segment))
    if failed:
        raise SystemExit(f"segments that could not be replayed: {', '.join(failed)}")
