"""A published meta-learner made one's own, with the few examples that one has."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path

from torch import nn

from decentralml.bundles.fields import canonical_json
from decentralml.bundles.meta import MetaMethod, MetaPlan, read_meta_file
from decentralml.errors import RatesLearned, TooManyClasses
from decentralml.learning.meta.gradient import adapted_model
from decentralml.learning.meta.learners import ONCE
from decentralml.learning.meta.lesson import head_of, learner_of, require_head
from decentralml.learning.meta.saved import has_rates, read_learner
from decentralml.learning.meta.tasks import Task, counted
from decentralml.learning.models import save_model
from decentralml.learning.stacked.clients import Client, read_client
from decentralml.learning.train import evaluate, seeded

ADAPTED_FILE = "adapted.json"
ADAPTED_FORMAT = "decentralml/adapted@1"


@dataclass(frozen=True, slots=True)
class Change:
    """Accuracies on some examples, before and after adapting."""

    examples: int
    before: float
    after: float


@dataclass(frozen=True, slots=True)
class FineTuned:
    """A model that was adapted.

    Attributes
    ----------
    learner : by which it was.
    rate : of the steps; None: the model has learned one for each of its elements.
    classes : what each output of the head stands for; None: its own number.
    support, query : what it adapted on, and what it was measured on besides.
    model : where it was saved.
    """

    learner: str
    steps: int
    rate: float | None
    classes: tuple[int, ...] | None
    support: Change
    query: Change | None
    model: Path | None


def fine_tune(
    model: Path,
    support: Path,
    *,
    query: Path | None = None,
    steps: int | None = None,
    rate: float | None = None,
    out: Path | None = None,
) -> FineTuned:
    """Adapt the model in a folder to labelled examples; what its ``meta.json`` says is the usual.

    Parameters
    ----------
    support, query : folders with ``inputs.safetensors`` and ``labels.safetensors``.
    steps, rate : instead of the model's own.
    out : folder for the adapted model, which is a plain one; ``adapted.json`` in it says what the
        outputs of its head stand for.

    Raises
    ------
    UnknownModel, DamagedTensors, StructureMismatch, ManifestError, BadExamples
    NoClientExamples, UnseenClass, TooManyClasses, UnfitExamples : of the examples.
    RatesLearned, BadSettings, Diverged
    """
    plan = _plan(model, steps, rate)
    learned = plan.method is MetaMethod.META_SGD
    learner = learner_of(plan, ONCE)
    module, state = read_learner(model, learner)
    mine = read_client(support)
    asked = None if query is None else read_client(query)
    if asked is not None:
        Task(mine, asked)  # It refuses what cannot be measured.
        head_of(module, asked.inputs)
    head = head_of(module, mine.inputs)
    classes = None
    if plan.classes is not None:
        classes = tuple(sorted(set(mine.labels.tolist())))
        if len(classes) > head:
            raise TooManyClasses(mine.name, len(classes), head)
        mine = counted(mine, classes)
        asked = None if asked is None else counted(asked, classes)
    require_head(mine, head)
    with seeded(0):
        after = adapted_model(learner, module, state, mine)
    found = FineTuned(
        learner.name,
        plan.steps,
        None if learned else plan.rate,
        classes,
        _change(module, after, mine),
        None if asked is None else _change(module, after, asked),
        out,
    )
    if out is not None:
        save_model(after, out)
        said = asdict(found) | {"format": ADAPTED_FORMAT}
        del said["model"]
        (out / ADAPTED_FILE).write_bytes(canonical_json(said))
    return found


def _plan(model: Path, steps: int | None, rate: float | None) -> MetaPlan:
    """What the model's folder says, else what its tensors tell, with what is wanted otherwise."""
    plan = read_meta_file(model)
    if plan is None or plan.method is MetaMethod.OWN:
        method = MetaMethod.META_SGD if has_rates(model) else MetaMethod.MAML
        plan = replace(plan or MetaPlan(), method=method)
    if rate is not None and plan.method is MetaMethod.META_SGD:
        raise RatesLearned(model.name, rate)
    return replace(
        plan,
        steps=plan.steps if steps is None else steps,
        rate=plan.rate if rate is None else rate,
    )


def _change(before: nn.Module, after: nn.Module, client: Client) -> Change:
    found = (evaluate(m, client.inputs, client.labels)["accuracy"] for m in (before, after))
    return Change(len(client), *found)
