"""The scripts of a bundle that is meta-learned, a line each.

contribute(LESSON)   # train.py: the contributor's
predict(LESSON)      # predict.py: the aggregators'
create(LESSON)       # the creator's: a first model, and measuring one
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import torch

from decentralml.bundles.meta import ADAPTED_ACCURACY, write_meta_file
from decentralml.bundles.training import read_training
from decentralml.learning.examples import INPUTS_FILE, tensors_of, write_tensors
from decentralml.learning.meta.episodes import read_episodes, shown_episodes
from decentralml.learning.meta.gradient import assess
from decentralml.learning.meta.lesson import (
    MetaLesson,
    metrics_of,
    plan_of,
    predicted,
    step,
    tasks_of,
)
from decentralml.learning.meta.saved import read_learner, save_learner
from decentralml.learning.scripts import (
    PREDICTIONS_FILE,
    bundle_folder,
    folders,
    ready,
    with_outcome,
)


def contribute(lesson: MetaLesson) -> None:
    """One step against the meta-gradient of one's own clients, from the creator's model."""
    with ready():
        work(lesson, *folders())


def work(
    lesson: MetaLesson, bundle: Path, base: Path, data: Path, output: Path, contributor: str
) -> Path:
    """The same of named folders; returns the result's.

    Raises
    ------
    BundleError, LearningError
    """
    plan = plan_of(bundle)
    learner = lesson.learner_of(plan, bundle)
    module, state = read_learner(base, learner, lesson.classes)
    tasks = tasks_of(lesson, read_episodes(data, plan), module)
    asked = read_training(bundle)
    number = asked.round if asked is not None and asked.round is not None else 1
    done = step(lesson, learner, module, state, tasks, plan.outer_rate, seed=number)
    print(
        f"{learner.name} on {len(tasks)} clients of {done.examples} examples: query loss "
        f"{done.loss:.4f}; adapted accuracy {done.before:.3f} -> {done.after:.3f}"
    )
    folder = save_learner(done.module, done.state, output / f"{lesson.name}_{contributor}")
    return with_outcome(folder, done.examples, metrics_of(done))


def predict(lesson: MetaLesson) -> None:
    """Adapt the model in DML_MODEL to each client in DML_DATA; scores into DML_OUTPUT."""
    with ready():
        learner = lesson.learner_of(plan_of(bundle_folder()))
        module, state = read_learner(Path(os.environ["DML_MODEL"]), learner, lesson.classes)
        shown = shown_episodes(tensors_of(Path(os.environ["DML_DATA"]) / INPUTS_FILE))
        found = predicted(lesson, learner, module, state, shown)
        write_tensors(Path(os.environ["DML_OUTPUT"]) / PREDICTIONS_FILE, {"predictions": found})


def create(lesson: MetaLesson, bundle: Path) -> None:
    """``make`` the first meta-learner, or ``measure`` one; ``bundle`` is the author's folder."""
    parser = argparse.ArgumentParser(description="Make the first meta-learner, or measure one.")
    commands = parser.add_subparsers(dest="command", required=True)
    first = commands.add_parser("make", help="make and save the first model; it knows nothing yet")
    first.add_argument("--output", type=Path, required=True)
    measured = commands.add_parser("measure", help="adapt a model to clients, and measure it")
    measured.add_argument("--model", type=Path, required=True)
    measured.add_argument("--data", type=Path, required=True)
    options = parser.parse_args()
    with ready():
        if options.command == "make":
            print(make(lesson, bundle, options.output))
        else:
            print(f"{ADAPTED_ACCURACY}: {measure(lesson, bundle, options.model, options.data):.4g}")


def make(lesson: MetaLesson, bundle: Path, output: Path) -> Path:
    """A first meta-learner: new weights, and what else its learner keeps; returns its folder."""
    plan = plan_of(bundle)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(lesson.seed)
        module = lesson.model()
    state = lesson.learner_of(plan).start({n: p.detach() for n, p in module.named_parameters()})
    folder = save_learner(module, state, output / f"{lesson.name}_creator")
    write_meta_file(folder, plan)
    return with_outcome(folder, 0, {})


def measure(lesson: MetaLesson, bundle: Path, model: Path, data: Path) -> float:
    """Mean adapted accuracy of a meta-learner over the clients of a folder."""
    plan = plan_of(bundle)
    learner = lesson.learner_of(plan)
    module, state = read_learner(model, learner, lesson.classes)
    tasks = tasks_of(lesson, read_episodes(data, plan), module)
    return assess(learner, module, state, tasks, loss=lesson.loss).accuracies.mean().item()
