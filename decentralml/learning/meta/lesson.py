"""A model that is meta-learned over the marketplace: what a contributor and an aggregator do.

A contributor's result is the model after one step against its meta-gradient: θ - η·g, with the
η (``outer_rate``) that the bundle's ``[meta]`` pins. So a result is a model of the base's very
structure, and whatever the marketplace does with models is done to meta-gradients without a word
about them: checks, scores, sketches, coded updates, private and robust merges, lineage. And nothing
is lost by it: with weights w of one sum, Σ w·(θ - η·g) = θ - η·Σ w·g, the step against the mean
meta-gradient; a server's optimizer (``[merge]``) gets η·Σ w·g as its direction, by which FedAdam
and its kind step without η but for their adaptivity.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from decentralml.bundles.manifest import MANIFEST_FILE
from decentralml.bundles.meta import ADAPTED_ACCURACY, MetaMethod, MetaPlan
from decentralml.bundles.pack import open_task
from decentralml.bundles.settings import SETTINGS_FILE, read_settings
from decentralml.errors import BadSettings, Diverged, ManifestError, TooManyClasses, UnfitExamples
from decentralml.learning.local import local_settings
from decentralml.learning.meta.episodes import Episodes
from decentralml.learning.meta.gradient import adapted_model, assess, meta_gradient
from decentralml.learning.meta.learners import MAML, ONCE, Learner, MetaSGD, Reptile
from decentralml.learning.meta.saved import with_values
from decentralml.learning.meta.tasks import Task
from decentralml.learning.models import MODELS
from decentralml.learning.stacked.clients import Client, prepared
from decentralml.learning.stacked.model import Tensors
from decentralml.learning.stacked.traits import traits
from decentralml.learning.train import Loss, TrainingSettings, seeded

SEEDS = 1_000_003
"""Apart enough that no two clients of two rounds share their seed of local training."""


@dataclass(frozen=True, slots=True)
class MetaLesson:
    """A model, and how clients make it theirs.

    Attributes
    ----------
    name : of the model; a result is saved in a folder NAME_CONTRIBUTOR.
    model : makes a new one.
    prepare : stored inputs ``[N, …]`` as the model takes them; ``decentralml adapt`` knows the
        usual way only.
    loss : of each example; None: cross entropy.
    learner : makes the learner of a plan; None: the plan's method names it.
    local : how Reptile trains, where a federated run does not say.
    classes : the classes that a saved model may be, by name.
    seed : of the first model.
    """

    name: str
    model: Callable[[], nn.Module]
    prepare: Callable[[NDArray[Any]], Tensor] = prepared
    loss: Loss | None = None
    learner: Callable[[MetaPlan], Learner] | None = None
    local: TrainingSettings = ONCE
    classes: Mapping[str, type[nn.Module]] = field(default_factory=lambda: MODELS)
    seed: int = 0

    def learner_of(self, plan: MetaPlan, bundle: Path | None = None) -> Learner:
        """The learner that a plan asks for; ``bundle`` may hold settings of a run's local training.

        Raises
        ------
        BadSettings : it is the bundle's own, and the bundle has none.
        ManifestError
        """
        if self.learner is not None:
            return self.learner(plan)
        local = self.local if bundle is None else local_settings(bundle, self.local)
        return learner_of(plan, local)


def learner_of(plan: MetaPlan, local: TrainingSettings) -> Learner:
    """The learner of a plan's method. Raises :class:`BadSettings` for a bundle's own."""
    if plan.method is MetaMethod.REPTILE:
        return Reptile(local, plan.rate, plan.steps)
    if plan.method is MetaMethod.META_SGD:
        return MetaSGD(plan.rate, plan.steps)
    if plan.method is MetaMethod.OWN:
        raise BadSettings("[meta] method", plan.method, "one that is known where its code is not")
    return MAML(plan.rate, plan.steps, plan.method is MetaMethod.FOMAML)


def plan_of(bundle: Path) -> MetaPlan:
    """What a bundle, packed or as its author has it, says of meta-learning.

    Raises
    ------
    ManifestError
    """
    packed = (bundle / MANIFEST_FILE).exists()
    plan = open_task(bundle).meta if packed else read_settings(bundle).meta
    if plan is None:
        file = bundle / (MANIFEST_FILE if packed else SETTINGS_FILE)
        raise ManifestError(str(file), "it has no [meta], which says how to meta-learn")
    return plan


def tasks_of(lesson: MetaLesson, episodes: Episodes, module: nn.Module) -> list[Task]:
    """The clients as tasks of the engine. Raises :class:`TooManyClasses`."""
    inputs, labels = lesson.prepare(episodes.inputs), torch.from_numpy(episodes.labels)
    head = head_of(module, inputs)
    tasks = []
    for each in episodes.each:
        support, query = (
            Client(each.name, inputs[places], labels[places])
            for places in (each.support, each.query)
        )
        require_head(support, head)
        tasks.append(Task(support, query))
    return tasks


@dataclass(frozen=True, slots=True)
class Stepped:
    """A contributor's work.

    Attributes
    ----------
    module, state : after the step; the module has the buffers.
    examples : of all its clients.
    loss : the clients' mean query loss before the step.
    before, after : mean adapted accuracy of its own clients.
    """

    module: nn.Module
    state: Tensors
    examples: int
    loss: float
    before: float
    after: float


def step(
    lesson: MetaLesson,
    learner: Learner,
    module: nn.Module,
    state: Tensors,
    tasks: Sequence[Task],
    outer_rate: float,
    seed: int = 0,
) -> Stepped:
    """The state after one step against the clients' meta-gradient.

    Clients are weighed by their examples: then the mean of several contributors' results, each by
    its examples, is the step against the mean of all clients, whoever holds them.

    Raises
    ------
    NoUpdates, Diverged, NotStackable
    """
    sizes = [len(task.support) + len(task.query) for task in tasks]
    with seeded(seed):
        found = meta_gradient(
            learner, module, state, tasks, weights=sizes, loss=lesson.loss,
            seeds=[seed * SEEDS + place for place in range(len(tasks))],
        )  # fmt: skip
    after = {
        name: value - outer_rate * found.gradient[name] if value.is_floating_point() else value
        for name, value in state.items()
    }
    moved = with_values(module, found.buffers)
    with seeded(seed):
        scores = [
            assess(learner, where, what, tasks, loss=lesson.loss).accuracies.mean().item()
            for where, what in ((module, state), (moved, after))
        ]
    return Stepped(moved, after, sum(sizes), found.losses.mean().item(), *scores)


def metrics_of(stepped: Stepped) -> dict[str, float]:
    """What a contributor says of its own clients."""
    return {"query_loss": stepped.loss, ADAPTED_ACCURACY: stepped.after}


def predicted(
    lesson: MetaLesson, learner: Learner, module: nn.Module, state: Tensors, episodes: Episodes
) -> NDArray[np.float32]:
    """Scores of every example by its client's adapted model, ``[N, outputs]``.

    They are the same for everybody, dropout or not. What a client's adaptation diverges in is NaN,
    and told: it is the model's fault, not that of who measures it.
    """
    inputs, labels = lesson.prepare(episodes.inputs), torch.from_numpy(episodes.labels)
    head = head_of(module, inputs)
    scores = torch.full((len(inputs), head), torch.nan)
    known = traits(module, inputs)
    for place, each in enumerate(episodes.each):
        support = Client(each.name, inputs[each.support], labels[each.support])
        require_head(support, head)
        try:
            with seeded(place):
                adapted = adapted_model(learner, module, state, support, lesson.loss, known)
        except Diverged as error:
            print(error, flush=True)
            continue
        mine = np.concatenate([each.support, each.query])
        with torch.inference_mode():
            scores[mine] = adapted(inputs[mine]).float()
    found: NDArray[np.float32] = scores.numpy()
    return found


def head_of(module: nn.Module, inputs: Tensor) -> int:
    """How many classes the model tells apart in such inputs. Raises :class:`UnfitExamples`."""
    name, shape = type(module).__name__, tuple(inputs.shape[1:])
    try:
        with torch.inference_mode():
            scores = module.eval()(inputs[:1])
    except (RuntimeError, TypeError, ValueError, IndexError) as error:
        raise UnfitExamples(name, shape, str(error).split("\n")[0]) from None
    if not isinstance(scores, Tensor) or scores.ndim != 2:
        raise UnfitExamples(name, shape, "it gives no scores [N, classes]")
    return scores.shape[1]


def require_head(client: Client, head: int) -> None:
    """Refuse labels that a head of so many outputs does not have.

    Raises
    ------
    TooManyClasses, BadSettings
    """
    if len(client) and int(client.labels.min()) < 0:
        raise BadSettings(f"a label of client {client.name}", int(client.labels.min()), "0 or more")
    needed = int(client.labels.max()) + 1 if len(client) else 0
    if needed > head:
        raise TooManyClasses(client.name, needed, head)
