"""A model and how it learns, whatever from: sounds, texts, scenes, several senses.

A bundle says in a :class:`Lesson` how its examples are prepared, what the loss is and what is
predicted; :mod:`.scripts` makes the scripts of contributor, aggregators and creator of it.
Examples are arrays by name whose first axis counts them: those of ``inputs.safetensors``, which
the model sees, and those of ``labels.safetensors``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from decentralml.bundles.training import ExamplePrivacy
from decentralml.errors import BadExamples, DamagedTensors
from decentralml.learning.examples import INPUTS_FILE, LABELS_FILE, tensors_of
from decentralml.learning.settings import Local, TrainingSettings

if TYPE_CHECKING:
    from decentralml.learning.privacy.accountant import Spent

Arrays = dict[str, NDArray[Any]]
Tensors = dict[str, Tensor]
Metrics = dict[str, float]


@dataclass(frozen=True, slots=True)
class Lesson:
    """A model, and how it learns.

    Attributes
    ----------
    name : of the model; a result is saved in a folder NAME_CONTRIBUTOR.
    model : makes a new one.
    prepare : stored arrays (inputs, and labels where they are known) as the model takes them;
        the first axis stays that of the examples.
    loss : mean loss of a batch of prepared tensors.
    predict : predictions by name, as the metric wants them, of prepared inputs.
    measure : metrics by name of predictions and labels: the aggregators' own.
    first, own : how the creator trains, and how a contributor does. By Adam (Kingma and Ba
        2015), whose β₁ is the settings' momentum; FedSGD takes its one step by plain gradient.
    """

    name: str
    model: Callable[[], nn.Module]
    prepare: Callable[[Arrays], Tensors]
    loss: Callable[[nn.Module, Tensors], Tensor]
    predict: Callable[[nn.Module, Tensors], Tensors]
    measure: Callable[[Arrays, Arrays], Mapping[str, float]]
    first: TrainingSettings
    own: TrainingSettings


@dataclass(frozen=True, slots=True)
class Folder:
    """Examples of a folder: what the model sees, and what it should say."""

    inputs: Arrays
    labels: Arrays

    def __len__(self) -> int:
        return len(next(iter(self.inputs.values())))

    def __getitem__(self, picked: NDArray[Any]) -> Folder:
        return Folder(
            {name: values[picked] for name, values in self.inputs.items()},
            {name: values[picked] for name, values in self.labels.items()},
        )


def read_folder(folder: Path) -> Folder:
    """Inputs and labels of a folder.

    Raises
    ------
    BadExamples : a file is missing or damaged, or tensors count different numbers of examples.
    """
    try:
        inputs, labels = tensors_of(folder / INPUTS_FILE), tensors_of(folder / LABELS_FILE)
    except DamagedTensors as error:
        raise BadExamples(folder, f"{error.path.name}: {error.reason}") from None
    lengths = {len(values) if values.ndim else 0 for values in (inputs | labels).values()}
    if not inputs or len(lengths) != 1 or 0 in lengths:
        counts = ", ".join(map(str, sorted(lengths)))
        raise BadExamples(folder, f"its tensors hold {counts or 'no'} examples")
    return Folder(inputs, labels)


def learn(
    lesson: Lesson,
    model: nn.Module,
    examples: Folder,
    settings: TrainingSettings,
    on_epoch: Callable[[int, float], None] | None = None,
) -> Spent | None:
    """Train ``model`` in place; ``on_epoch`` is told each epoch's number and mean loss.

    The result depends on the arguments, and on the number of threads and PyTorch's version only;
    with ``settings.privacy`` on chance, too.

    Returns
    -------
    What was spent of the examples' privacy; None where nothing was asked for.

    Raises
    ------
    PrivacyNotInstalled, NotPrivatelyTrainable, BadPrivacy
    """
    prepared = lesson.prepare(examples.inputs | examples.labels)
    if settings.privacy is not None:
        return _privately(lesson, model, prepared, settings, settings.privacy, on_epoch)
    start = [p.detach().clone() for p in model.parameters()] if settings.proximal else []
    optimizer = _optimizer(model, settings)
    single = settings.method == Local.FEDSGD
    model.train()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        for epoch in range(1, (1 if single else settings.epochs) + 1):
            losses = []
            for batch in batches(prepared, len(examples) if single else settings.batch):
                optimizer.zero_grad()
                loss = lesson.loss(model, batch)
                objective = loss
                for now, origin in zip(model.parameters(), start, strict=bool(start)):
                    objective = objective + settings.proximal / 2 * (now - origin).square().sum()
                objective.backward()  # type: ignore[no-untyped-call]
                optimizer.step()
                losses.append(loss.item())
            if on_epoch:
                on_epoch(epoch, sum(losses) / max(len(losses), 1))
    model.eval()
    return None


def _privately(
    lesson: Lesson,
    model: nn.Module,
    prepared: Tensors,
    settings: TrainingSettings,
    privacy: ExamplePrivacy,
    on_epoch: Callable[[int, float], None] | None,
) -> Spent:
    """By DP-SGD, with the lesson's own optimizer."""
    from decentralml.learning.privacy.sample_level import SampleLevel, descend

    names = list(prepared)

    def loss(trained: nn.Module, picked: Sequence[Tensor]) -> Tensor:
        return lesson.loss(trained, dict(zip(names, picked, strict=True)))

    level = SampleLevel(**asdict(privacy))
    optimizer = _optimizer(model, settings)
    return descend(model, list(prepared.values()), loss, optimizer, settings, level, on_epoch)


def batches(prepared: Tensors, size: int) -> Iterator[Tensors]:
    """Batches in random order; a last one of one example is left out, as batch norm needs two."""
    order = torch.randperm(len(next(iter(prepared.values()))))
    for picked in torch.split(order, size):
        if len(picked) > 1:
            yield {name: values[picked] for name, values in prepared.items()}


def predictions(lesson: Lesson, model: nn.Module, inputs: Arrays, batch: int = 256) -> Arrays:
    """What the model says of stored inputs, by name; it is left in evaluation mode."""
    model.eval()
    prepared = lesson.prepare(inputs)
    count = len(next(iter(prepared.values())))
    parts = []
    with torch.inference_mode():
        for start in range(0, count, batch):
            piece = {name: values[start : start + batch] for name, values in prepared.items()}
            parts.append(lesson.predict(model, piece))
    return {name: joined([part[name] for part in parts]).numpy() for name in parts[0]}


def joined(parts: Sequence[Tensor]) -> Tensor:
    """Parts one after the other; rows of integers of different lengths are filled up with -1."""
    if parts[0].ndim == 2 and not parts[0].is_floating_point():
        longest = max(part.shape[1] for part in parts)
        parts = [nn.functional.pad(p, (0, longest - p.shape[1]), value=-1) for p in parts]
    return torch.cat(list(parts))


def evaluate(lesson: Lesson, model: nn.Module, examples: Folder) -> Metrics:
    """Metrics of the model, as the aggregators measure them; counts of examples are left out."""
    found = lesson.measure(predictions(lesson, model, examples.inputs), examples.labels)
    return {name: value for name, value in found.items() if isinstance(value, float)}


def _optimizer(model: nn.Module, settings: TrainingSettings) -> torch.optim.Optimizer:
    if settings.method == Local.FEDSGD:
        return torch.optim.SGD(model.parameters(), lr=settings.learning_rate)
    return torch.optim.Adam(
        model.parameters(), lr=settings.learning_rate, betas=(settings.momentum, 0.999)
    )
