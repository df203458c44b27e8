"""Measure a model on held-out data that neither the contributor nor the model's code ever sees.

The creator's prediction script runs in the sandbox with the inputs alone; the labels stay outside,
and the score is computed outside, from the predictions.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from decentralml.bundles.manifest import TaskManifest, canonical_json
from decentralml.errors import (
    BadExamples,
    DamagedTensors,
    EvaluationFailed,
    LearningError,
    PredictionsInvalid,
    ValidationSetInvalid,
)
from decentralml.learning.examples import INPUTS_FILE, read_labels, tensors_of, write_tensors
from decentralml.learning.meta.episodes import read_episodes
from decentralml.sandbox import Limits, Outcome, PythonEnvironment, Runner, command_for, run
from decentralml.storage.staging import lend
from decentralml.validation.scores import Score, scorer

PREDICTIONS_FILE = "predictions.safetensors"
OUTPUT_BYTES = 256 << 20
OUTPUT_FILES = 32


@dataclass(frozen=True, slots=True)
class Bench:
    """Where and how strangers' code is run to judge a result.

    Attributes
    ----------
    scratch : folder for temporary files, on the disk that may be filled.
    cache : folder that remembers the base model's score, or None.
    logs : folder for what the scripts print, or None.
    limits : its time is replaced by the task's own limit, its output by what predictions need.
    """

    scratch: Path
    cache: Path | None = None
    logs: Path | None = None
    limits: Limits = field(default_factory=Limits)
    runner: Runner = run
    python: PythonEnvironment | None = None
    on_line: Callable[[str], None] | None = None

    @contextlib.contextmanager
    def space(self) -> Iterator[Path]:
        """A temporary folder."""
        self.scratch.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="validation-", dir=self.scratch) as folder:
            yield Path(folder)

    def run(
        self,
        name: str,
        script: str,
        mounts: dict[str, Path],
        output: Path,
        seconds: float,
        *,
        output_bytes: int = OUTPUT_BYTES,
        environment: Mapping[str, str] | None = None,
    ) -> Outcome:
        """Run a script of the bundle; its log is called ``name``."""
        limits = replace(
            self.limits, seconds=seconds, output_bytes=output_bytes, file_count=OUTPUT_FILES
        )
        return self.runner(
            command_for(script),
            mounts=mounts,
            output=output,
            limits=limits,
            environment=environment,
            log=None if self.logs is None else self.logs / f"{name}.log",
            on_line=self.on_line,
            python=self.python,
        )


def evaluate(
    bundle: Path, manifest: TaskManifest, model: Path, validation_set: Path, bench: Bench
) -> Score:
    """Score of the model in the folder ``model`` on the creator's validation set.

    Parameters
    ----------
    bundle : the task's verified bundle, whose manifest has an evaluation.
    model : folder with ``model.safetensors`` and ``structure.json``, checked before.
    validation_set : folder with ``inputs.safetensors`` and ``labels.safetensors``.

    Raises
    ------
    EvaluationFailed : the prediction script failed, or its predictions cannot be scored.
    ValidationSetInvalid : the creator's data cannot be used.
    MetricUnknown : the creator asks for a metric that does not exist.
    SandboxError : nothing could be run; says nothing about the model.
    """
    evaluation = manifest.evaluation
    assert evaluation is not None and evaluation.predict is not None, "the caller looks for it"
    measure = scorer(manifest.model_type, evaluation.metric)
    with bench.space() as space:
        inputs = space / "inputs"
        inputs.mkdir()
        labels = _divided(validation_set, manifest, inputs / INPUTS_FILE)
        mounts = {"task": bundle, "data": inputs, "model": model}
        name = f"predict-{model.name}"
        outcome = bench.run(
            name, evaluation.predict, mounts, space / "output", evaluation.time_limit
        )
        if not outcome.ok:
            raise EvaluationFailed(model.name, f"{evaluation.predict} {outcome.describe()}")
        try:
            return measure(read_predictions(space / "output" / PREDICTIONS_FILE), labels)
        except PredictionsInvalid as error:
            raise EvaluationFailed(model.name, error.problem, finite=error.finite) from None


def evaluate_base(
    bundle: Path, manifest: TaskManifest, validation_set: Path, bench: Bench
) -> Score:
    """As :func:`evaluate`, for the base model in the bundle; remembered in the bench's cache.

    Raises
    ------
    EvaluationFailed, ValidationSetInvalid, MetricUnknown, SandboxError
    """
    assert manifest.base_model is not None, "the caller looks whether there is a base model"
    model = bundle / manifest.base_model
    if bench.cache is None:
        return evaluate(bundle, manifest, model, validation_set, bench)
    memory = bench.cache / f"{digest_of(bundle, validation_set)}.json"
    known = _recall(memory)
    if known is not None:
        return known
    score = evaluate(bundle, manifest, model, validation_set, bench)
    bench.cache.mkdir(parents=True, exist_ok=True)
    partial = memory.with_suffix(f".{os.getpid()}")
    partial.write_bytes(canonical_json({"ppm": score.ppm, "metrics": dict(score.metrics)}))
    partial.replace(memory)
    return score


def digest_of(*folders: Path) -> str:
    """One digest of all files in the folders, by path and content."""
    digest = hashlib.sha256()
    for number, folder in enumerate(folders):
        for file in sorted(p for p in folder.rglob("*") if p.is_file()):
            with file.open("rb") as stream:
                content = hashlib.file_digest(stream, "sha256").hexdigest()
            digest.update(f"{number} {file.relative_to(folder)} {content}\n".encode())
    return digest.hexdigest()


def read_predictions(file: Path) -> dict[str, NDArray[Any]]:
    """The tensors, by name, in a file that a stranger's program wrote.

    Raises
    ------
    PredictionsInvalid
    """
    if not file.exists():
        raise PredictionsInvalid(f"the script wrote no /output/{PREDICTIONS_FILE}")
    try:
        return tensors_of(file)
    except DamagedTensors as error:
        raise PredictionsInvalid(error.reason) from None


def _divided(validation_set: Path, manifest: TaskManifest, shown: Path) -> dict[str, NDArray[Any]]:
    """The labels to measure with; ``shown`` becomes the file of what the script is to see.

    A meta-learner sees the labels of its clients' support sets, and is asked for the others.
    """
    try:
        if manifest.meta is None:
            labels = read_labels(validation_set)
            lend(validation_set / INPUTS_FILE, shown)
            return labels
        episodes = read_episodes(validation_set, manifest.meta)
    except BadExamples as error:
        raise ValidationSetInvalid(validation_set.name, error.reason) from None
    except LearningError as error:
        raise ValidationSetInvalid(validation_set.name, str(error)) from None
    write_tensors(shown, episodes.shown())
    return episodes.asked()


def _recall(memory: Path) -> Score | None:
    try:
        document = json.loads(memory.read_bytes())
        return Score(int(document["ppm"]), dict(document["metrics"]))
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError):
        memory.unlink()  # Half written by an older version, say: measure again.
        return None
