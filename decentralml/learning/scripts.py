"""The scripts of a bundle whose model is described by a :class:`~.lesson.Lesson`, a line each.

contribute(LESSON)   # train.py: the contributor's
predict(LESSON)      # predict.py: the aggregators'
create(LESSON)       # the creator's, before there is a task and after it
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch

from decentralml.bundles.manifest import MANIFEST_FILE
from decentralml.bundles.pack import OUTCOME_FILE
from decentralml.bundles.training import EPSILON
from decentralml.errors import BadExamples, DecentralMLError
from decentralml.learning.examples import INPUTS_FILE, tensors_of, write_tensors
from decentralml.learning.federate import federate
from decentralml.learning.lesson import Lesson, Metrics, evaluate, learn, predictions, read_folder
from decentralml.learning.local import local_settings
from decentralml.learning.models import load_model, save_model
from decentralml.learning.update import Update

HELD_OUT = 10
"""A contributor keeps one example in so many, to measure what it has trained."""
PREDICTIONS_FILE = "predictions.safetensors"


def contribute(lesson: Lesson) -> None:
    """Train the creator's model on one's own examples; DML_DATA and so on name the folders."""
    with ready():
        work(lesson, *folders())


def folders() -> tuple[Path, Path, Path, Path, str]:
    """A contributor's: bundle, base model, own data, output, and its name."""
    env = os.environ
    bundle = bundle_folder()
    parser = argparse.ArgumentParser(description="Train the creator's model on your own examples.")
    parser.add_argument("--model", type=Path, default=bundle / "model")
    parser.add_argument("--data", type=Path, default=env.get("DML_DATA"))
    parser.add_argument("--output", type=Path, default=env.get("DML_OUTPUT"))
    parser.add_argument("--contributor", default=env.get("DML_CONTRIBUTOR", "me"))
    options = parser.parse_args()
    if options.data is None or options.output is None:
        parser.error("name the folders: --data and --output, or DML_DATA and DML_OUTPUT")
    return bundle, options.model, options.data, options.output, options.contributor


def bundle_folder() -> Path:
    """The bundle whose script is running: what the sandbox says, else where the script lies."""
    named = os.environ.get("DML_TASK")
    return Path(sys.argv[0]).parent if named is None else Path(named)


def work(
    lesson: Lesson, bundle: Path, base: Path, data: Path, output: Path, contributor: str
) -> Path:
    """Train the model in ``base`` on a folder of examples; returns the result's folder."""
    examples = read_folder(data)
    held_out = np.arange(len(examples)) % HELD_OUT == 0
    own, kept = examples[~held_out], examples[held_out]
    model = load_model(base)
    before = evaluate(lesson, model, kept)
    settings = local_settings(bundle, lesson.own)
    spent = learn(lesson, model, own, settings, _shown)
    metrics = evaluate(lesson, model, kept)
    for name, value in metrics.items():
        print(f"{name} on examples held out: {before[name]:.3f} -> {value:.3f}")
    if spent is not None:
        print(f"privacy of each example: epsilon {spent.epsilon:.3g} at delta {spent.delta:g}")
        metrics[EPSILON] = spent.epsilon
    folder = save_model(model, output / f"{lesson.name}_{contributor}")
    return with_outcome(folder, len(own), metrics)


def predict(lesson: Lesson) -> None:
    """Predictions of the model in DML_MODEL for the inputs in DML_DATA, into DML_OUTPUT."""
    with ready():
        model = load_model(Path(os.environ["DML_MODEL"]))
        inputs = tensors_of(Path(os.environ["DML_DATA"]) / INPUTS_FILE)
        found = predictions(lesson, model, inputs)
        write_tensors(Path(os.environ["DML_OUTPUT"]) / PREDICTIONS_FILE, found)


def create(lesson: Lesson) -> None:
    """``make`` the first model, ``merge`` the contributors' into the next one, ``measure`` one."""
    parser = argparse.ArgumentParser(description="Make the first model, or merge results.")
    commands = parser.add_subparsers(dest="command", required=True)
    first = commands.add_parser("make", help="make, train and save the first model")
    first.add_argument("--data", type=Path, required=True)
    merged = commands.add_parser("merge", help="merge contributors' models by their examples")
    merged.add_argument("--models", type=Path, nargs="+", required=True)
    for command in (first, merged):
        command.add_argument("--output", type=Path, required=True)
    measured = commands.add_parser("measure", help="measure a model on a folder of examples")
    measured.add_argument("--model", type=Path, required=True)
    measured.add_argument("--data", type=Path, required=True)
    options = parser.parse_args()
    with ready():
        if options.command == "make":
            print(make(lesson, options.data, options.output))
        elif options.command == "merge":
            print(merge(lesson, options.models, options.output))
        else:
            found = evaluate(lesson, load_model(options.model), read_folder(options.data))
            print("\n".join(f"{name}: {value:.4g}" for name, value in found.items()))


def make(lesson: Lesson, data: Path, output: Path) -> Path:
    """A first model, trained on the creator's few examples; returns its folder."""
    examples = read_folder(data)
    torch.manual_seed(lesson.first.seed)
    model = lesson.model()
    learn(lesson, model, examples, lesson.first, _shown)
    # Without examples held back, all that can be measured is how well it learned these.
    found = evaluate(lesson, model, examples)
    metrics = {f"training_{name}": value for name, value in found.items()}
    folder = save_model(model, output / f"{lesson.name}_creator")
    return with_outcome(folder, len(examples), metrics)


def merge(lesson: Lesson, models: Sequence[Path], output: Path) -> Path:
    """The mean of results, each weighted by the examples that it was trained on."""
    updates = [Update(path, examples_of(path)) for path in models]
    folder = output / f"{lesson.name}_merged"
    federate(updates, folder)
    return with_outcome(folder, sum(update.examples for update in updates), {})


def examples_of(folder: Path) -> int:
    """How many examples a result says it was trained on: in its manifest once it was sent."""
    sent = folder / MANIFEST_FILE
    try:
        document = json.loads((sent if sent.exists() else folder / OUTCOME_FILE).read_text())
        return int(document["examples"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadExamples(folder, f"it is no result ({error})") from None


def with_outcome(folder: Path, examples: int, metrics: Metrics) -> Path:
    """Write what a run says of itself into its result's folder, which is returned."""
    document = {"examples": examples, "metrics": metrics}
    (folder / OUTCOME_FILE).write_text(json.dumps(document, indent=2) + "\n")
    return folder


def _shown(epoch: int, loss: float) -> None:
    print(f"epoch {epoch}: loss {loss:.4f}", flush=True)


@contextmanager
def ready() -> Iterator[None]:
    """As many threads as the sandbox grants; what the user can mend is said without a traceback."""
    torch.set_num_threads(int(os.environ.get("DML_THREADS", "1")))
    try:
        yield
    except DecentralMLError as error:
        raise SystemExit(str(error)) from None
