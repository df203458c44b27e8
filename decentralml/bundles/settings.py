"""What a task's author says about it: ``task.toml``, refined by options.

Everything may be left out; :func:`read_settings` takes the rest from what the folder holds::

    name = "Digits"                   # else the folder's name
    task_type = "ModelContributor"
    strategy = "AutoAccept"
    model_type = "Vision"
    run = "start_task.sh"
    setup = "setup.sh"                # else that file, if there is one
    base_model = "model"              # else that folder, if it holds model.safetensors
    copies = "allow"                  # else the same update from a second contributor fails

    [result]
    max_bytes = 100_000_000
    coding = "top1%-q4"               # what travels of a model; else all of it (bundles/coding.py)
    [labels]                          # DataAnnotators
    annotation = "Image"
    classes = ["0", "1"]              # else free text
    items = 100                       # else as many as the contributor has

    [evaluation]                      # else predict.py, if there is one; labels have no script
    predict = "predict.py"
    metric = "accuracy"
    minimum_score = 0.9               # shares of one
    minimum_gain = 0.01               # over the base model
    time_limit = 300                  # seconds
    [validator]                       # CustomAccept; else validator.py
    run = "validator.py"
    time_limit = 300
    [replay]                          # training that the committee can replay
    data = "data"                     # folder of the bundle: inputs and labels as safetensors
    optimizer = "momentum"            # or sgd, adam
    learning_rate = 0.05
    batch_size = 16
    steps = 200                       # of the whole run
    interval = 10                     # steps from one checkpoint to the next
    seed = 0                          # of dropout and the like
    tolerance = 0.001                 # of a segment's update
    time_limit = 300                  # seconds, for all the drawn segments
    [merge]                           # how accepted models become the next one
    rule = "mean"                     # see bundles/merge.py for what else it takes
    weights = "examples"
    [meta]                            # meta-learning: see bundles/meta.py
    method = "maml"
    [training]                        # what contributors do: see bundles/training.py
    epochs = 3
    [replay.environment]              # else the versions that this machine has
    torch = "2.9.1"
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from decentralml.bundles.coding import Coding
from decentralml.bundles.fields import MAX_SECONDS, Fields
from decentralml.bundles.judging import Copies
from decentralml.bundles.manifest import (
    MAX_CLASSES,
    MAX_RESULT_BYTES,
    MODEL_FILE,
    Evaluation,
    Validator,
    read_coding,
)
from decentralml.bundles.merge import MergePlan, read_merge
from decentralml.bundles.meta import ADAPTED_ACCURACY, MetaPlan, read_meta
from decentralml.bundles.replay import Recipe, read_recipe
from decentralml.bundles.training import LocalTraining, read_training_table
from decentralml.errors import ManifestError
from decentralml.types import (
    PPM,
    AnnotationType,
    ModelType,
    TaskType,
    ValidationStrategy,
)

T = TypeVar("T")

SETTINGS_FILE = "task.toml"
DEFAULT_RUN = "start_task.sh"
DEFAULT_SETUP = "setup.sh"
DEFAULT_PREDICT = "predict.py"
DEFAULT_VALIDATOR = "validator.py"
DEFAULT_MODEL = "model"
DEFAULT_METRIC = "accuracy"
LABELS_METRIC = "agreement"
DEFAULT_TIME_LIMIT = 300
MAX_SETTINGS_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Labels:
    """The table ``[labels]``."""

    annotation: AnnotationType = AnnotationType.IMAGE
    classes: tuple[str, ...] | None = None
    items: int | None = None


@dataclass(frozen=True, slots=True)
class TaskSettings:
    """A task as its author wants it; scores in parts per million.

    Attributes
    ----------
    max_bytes : what a result may weigh; None takes 4 times the base model and 16 MiB at least.
    coding : how updates travel; None: models travel whole.
    training : what the author asks of contributors' training; goes into ``training.json``.
    """

    name: str
    task_type: TaskType = TaskType.MODEL_CONTRIBUTOR
    strategy: ValidationStrategy = ValidationStrategy.AUTO_ACCEPT
    model_type: ModelType = ModelType.VISION
    run: str = DEFAULT_RUN
    setup: str | None = None
    base_model: str | None = None
    max_bytes: int | None = None
    coding: Coding | None = None
    labels: Labels = Labels()
    evaluation: Evaluation | None = None
    validator: Validator | None = None
    replay: Recipe | None = None
    merge: MergePlan | None = None
    copies: Copies = Copies.REFUSE
    meta: MetaPlan | None = None
    training: LocalTraining | None = None


def read_settings(
    folder: Path,
    *,
    name: str | None = None,
    task_type: TaskType | None = None,
    strategy: ValidationStrategy | None = None,
    model_type: ModelType | None = None,
    minimum_score: int | None = None,
    minimum_gain: int | None = None,
) -> TaskSettings:
    """Settings of the task in a folder: options over ``task.toml`` over what the folder holds.

    Parameters
    ----------
    minimum_score, minimum_gain : parts per million.

    Raises
    ------
    ManifestError, UnsafePath
    """
    options: Mapping[str, Any] = {
        "name": name,
        "task_type": task_type,
        "strategy": strategy,
        "model_type": model_type,
    }
    top = Fields(SETTINGS_FILE, "", _load(folder / SETTINGS_FILE))
    max_bytes, coding = _result(_get(top, "result", top.section))
    settings = TaskSettings(
        name=_text(top, "name", folder.absolute().name),
        task_type=_get(top, "task_type", lambda n: top.choice(n, TaskType))
        or TaskType.MODEL_CONTRIBUTOR,
        strategy=_get(top, "strategy", lambda n: top.choice(n, ValidationStrategy))
        or ValidationStrategy.AUTO_ACCEPT,
        model_type=_get(top, "model_type", lambda n: top.choice(n, ModelType)) or ModelType.VISION,
        run=_get(top, "run", top.path) or DEFAULT_RUN,
        setup=_get(top, "setup", top.path) or _present(folder, DEFAULT_SETUP),
        base_model=_get(top, "base_model", top.path) or _model(folder),
        max_bytes=max_bytes,
        coding=coding,
        labels=_labels(_get(top, "labels", top.section)),
        replay=read_recipe(_get(top, "replay", top.section)),
        merge=read_merge(_get(top, "merge", top.section)),
        copies=_get(top, "copies", lambda n: top.choice(n, Copies)) or Copies.REFUSE,
        meta=read_meta(_get(top, "meta", top.section)),
        training=read_training_table(_get(top, "training", top.section)),
    )
    settings = replace(settings, **{k: v for k, v in options.items() if v is not None})
    section = _get(top, "evaluation", top.section)
    if settings.task_type is TaskType.DATA_ANNOTATORS:
        evaluation = _labels_evaluation(section, minimum_score)
    else:
        usual = DEFAULT_METRIC if settings.meta is None else ADAPTED_ACCURACY
        evaluation = _evaluation(folder, section, usual)
    validator = _validator(folder, _get(top, "validator", top.section))
    top.end()
    if evaluation is not None and minimum_score is not None:
        evaluation = replace(evaluation, minimum_score=minimum_score)
    if evaluation is not None and minimum_gain is not None:
        evaluation = replace(evaluation, minimum_gain=minimum_gain)
    if evaluation is None and (minimum_score is not None or minimum_gain is not None):
        raise ManifestError(
            SETTINGS_FILE, f"a minimum score or gain needs a {DEFAULT_PREDICT} to measure with"
        )
    # A validator.py that lies beside the scripts serves CustomAccept only.
    if settings.strategy is not ValidationStrategy.CUSTOM_ACCEPT and not top.has("validator"):
        validator = None
    return replace(settings, evaluation=evaluation, validator=validator)


def _load(file: Path) -> dict[str, Any]:
    try:
        with file.open("rb") as stream:
            data = stream.read(MAX_SETTINGS_BYTES + 1)
    except FileNotFoundError:
        return {}
    if len(data) > MAX_SETTINGS_BYTES:
        raise ManifestError(SETTINGS_FILE, f"it is larger than {MAX_SETTINGS_BYTES} bytes")
    try:
        return tomllib.loads(data.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ManifestError(SETTINGS_FILE, f"it is not valid TOML ({error})") from None


def _get(fields: Fields, name: str, read: Any) -> Any:
    return read(name) if fields.has(name) else None


def _text(fields: Fields, name: str, default: str) -> str:
    return fields.text(name, 128) if fields.has(name) else default


def _present(folder: Path, name: str) -> str | None:
    return name if (folder / name).is_file() else None


def _model(folder: Path) -> str | None:
    return DEFAULT_MODEL if (folder / DEFAULT_MODEL / MODEL_FILE).is_file() else None


def _result(section: Fields | None) -> tuple[int | None, Coding | None]:
    """Its largest size and its coding."""
    if section is None:
        return None, None
    value = _get(section, "max_bytes", lambda n: section.integer(n, 1, MAX_RESULT_BYTES))
    coding = read_coding(section)
    section.end()
    return None if value is None else int(value), coding


def _labels(section: Fields | None) -> Labels:
    if section is None:
        return Labels()
    labels = Labels(
        annotation=_get(section, "annotation", lambda n: section.choice(n, AnnotationType))
        or AnnotationType.IMAGE,
        classes=_get(section, "classes", lambda n: section.texts(n, MAX_CLASSES, 256)),
        items=_get(section, "items", lambda n: section.integer(n, 1, 2**53)),
    )
    section.end()
    return labels


def _evaluation(folder: Path, section: Fields | None, metric: str) -> Evaluation | None:
    if section is None:
        predict = _present(folder, DEFAULT_PREDICT)
        if predict is None:
            return None
        return Evaluation(predict, metric, None, None, DEFAULT_TIME_LIMIT)
    evaluation = Evaluation(
        predict=_get(section, "predict", section.path) or DEFAULT_PREDICT,
        metric=_text(section, "metric", metric),
        minimum_score=_get(section, "minimum_score", lambda n: _ppm(section, n, 0)),
        minimum_gain=_get(section, "minimum_gain", lambda n: _ppm(section, n, -1)),
        time_limit=_time_limit(section),
    )
    section.end()
    return evaluation


def _labels_evaluation(section: Fields | None, minimum_score: int | None) -> Evaluation | None:
    """Labels need no script: there is something to evaluate once a minimum is asked for."""
    if section is not None:
        minimum = _get(section, "minimum_score", lambda n: _ppm(section, n, 0))
        minimum_score = minimum if minimum_score is None else minimum_score
        section.end()
    if minimum_score is None:
        return None
    return Evaluation(None, LABELS_METRIC, minimum_score, None, DEFAULT_TIME_LIMIT)


def _validator(folder: Path, section: Fields | None) -> Validator | None:
    if section is None:
        run = _present(folder, DEFAULT_VALIDATOR)
        return None if run is None else Validator(run, DEFAULT_TIME_LIMIT)
    validator = Validator(
        _get(section, "run", section.path) or DEFAULT_VALIDATOR, _time_limit(section)
    )
    section.end()
    return validator


def _time_limit(section: Fields) -> int:
    limit = _get(section, "time_limit", lambda n: section.integer(n, 1, MAX_SECONDS))
    return DEFAULT_TIME_LIMIT if limit is None else int(limit)


def _ppm(section: Fields, name: str, lowest: int) -> int:
    share = section.number(name)
    if not lowest <= share <= 1:
        raise section.wrong(f"{name} is a share from {lowest} to 1, such as 0.9")
    return round(share * PPM)
