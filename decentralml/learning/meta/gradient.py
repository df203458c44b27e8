"""Meta-gradients of many clients, and how their adapted models do: stacked, in chunks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.func import vmap

from decentralml.errors import BadSettings, Diverged, NoClientExamples, NoUpdates, ZeroWeight
from decentralml.learning.meta.adapt import Adapted, Batch, Body
from decentralml.learning.meta.learners import Learner, State
from decentralml.learning.meta.saved import with_values
from decentralml.learning.meta.tasks import Task
from decentralml.learning.settings import Loss
from decentralml.learning.stacked.clients import Client, Padded, padded
from decentralml.learning.stacked.cost import MEMORY, Choice, Engine, choose
from decentralml.learning.stacked.local import train_clients
from decentralml.learning.stacked.merged import Mean
from decentralml.learning.stacked.model import StackedModel, Tensors
from decentralml.learning.stacked.steps import cross_entropy
from decentralml.learning.stacked.traits import Traits, traits


@dataclass(frozen=True, slots=True)
class MetaGradient:
    """What a round's clients tell the server.

    Attributes
    ----------
    gradient : the weighted mean of their gradients (or of start minus outcome), by the state's
        names.
    buffers : the weighted mean of the model's buffers after their adaptation.
    losses : each client's query loss (training loss, where learning is local), ``[C]``.
    choice : how it was run.
    """

    gradient: Tensors
    buffers: Tensors
    losses: Tensor
    choice: Choice


@dataclass(frozen=True, slots=True)
class Scores:
    """Each client's adapted model on its query set: accuracies and losses ``[C]``."""

    accuracies: Tensor
    losses: Tensor


def meta_gradient(
    learner: Learner,
    module: nn.Module,
    state: State,
    tasks: Sequence[Task],
    *,
    weights: Sequence[float] | None = None,
    seeds: Sequence[int] | None = None,
    loss: Loss | None = None,
    engine: Engine = Engine.AUTO,
    memory: int = MEMORY,
    known: Traits | None = None,
) -> MetaGradient:
    """The mean of the clients' meta-gradients: exact, of second order where the learner says so.

    A single client's, as it would send it over the marketplace, is that of one task.

    Parameters
    ----------
    module : for its structure and buffers; it is not changed.
    state : what the server holds, as :meth:`Learner.start` gives it.
    weights : default: each client alike.
    seeds : of local training's order of examples.

    Raises
    ------
    NoUpdates, ZeroWeight, NotStackable, BadSettings
    Diverged
        A client's loss is not finite, in an inner step or in the end.
    """
    if not tasks:
        raise NoUpdates
    shares = _shares(weights, len(tasks))
    local = learner.local()
    if local is not None:
        whole = [task.whole() for task in tasks]
        kept = dict(module.named_parameters())
        start = with_values(module, {n: v for n, v in state.items() if n in kept})
        done = train_clients(
            start, whole, local, seeds=seeds, weights=shares.tolist(), loss=loss,
            engine=engine, memory=memory, known=known,
        )  # fmt: skip
        names = dict(module.named_buffers())
        moved = {n: v - done.mean[n] if n in kept else v * 0 for n, v in state.items()}
        return MetaGradient(moved, {n: done.mean[n] for n in names}, done.losses, done.choice)
    known = known or traits(module, tasks[0].support.inputs)
    choice = _choice(learner, known, tasks, engine, memory, differentiated=True)
    leaves = {n: v.detach().requires_grad_(v.is_floating_point()) for n, v in state.items()}
    body, model = _body(module, state, choice, known, loss)
    total = {n: torch.zeros_like(v) for n, v in state.items()}
    buffers = Mean(model.buffers)
    losses = torch.zeros(len(tasks), dtype=torch.float64)

    def objective(support: Batch, query: Batch) -> tuple[Tensor, Adapted]:
        return learner.objective(body, leaves, support, query)

    wanted = [v for v in leaves.values() if v.requires_grad]
    for picked in _chunks(tasks, choice):
        query_losses, inner, after = _mapped(
            objective, [tasks[p] for p in picked], choice, _device(state)
        )
        if query_losses.shape != (len(picked),) or not query_losses.requires_grad:
            raise BadSettings(
                f"what the objective of {learner.name} gives for a client",
                f"of shape {list(query_losses.shape[1:])}",
                "a single number, which depends on the state",
            )
        _check(query_losses, inner, [tasks[p].name for p in picked])
        part = shares[picked].to(query_losses)
        found = torch.autograd.grad(part @ query_losses, wanted, allow_unused=True)
        for name, gradient in zip(
            (n for n, v in leaves.items() if v.requires_grad), found, strict=True
        ):
            if gradient is not None:
                total[name] += gradient
        for name, values in after.items():
            buffers.add(name, values.detach(), part)
        losses[picked] = query_losses.detach().double().cpu()
    for name, gradient in total.items():
        if not gradient.isfinite().all():
            raise Diverged("(one of the round)", f"the meta-gradient of {name!r}")
    return MetaGradient(total, buffers.result(), losses, choice)


def assess(
    learner: Learner,
    module: nn.Module,
    state: State,
    tasks: Sequence[Task],
    *,
    loss: Loss | None = None,
    engine: Engine = Engine.AUTO,
    memory: int = MEMORY,
    known: Traits | None = None,
) -> Scores:
    """Adapt the state to each client's support set; measure the result on its query set.

    What is not finite is right for nobody: a client that diverges has no accuracy by chance.
    """
    if not tasks:
        raise NoUpdates
    known = known or traits(module, tasks[0].support.inputs)
    choice = _choice(learner, known, tasks, engine, memory, differentiated=False)
    body, _ = _body(module, state, choice, known, loss)
    accuracies, losses = torch.zeros(len(tasks)), torch.zeros(len(tasks))

    def score(support: Batch, query: Batch) -> tuple[Tensor, Adapted]:
        adapted = learner.adapt(body, state, support)
        given = body.scores(adapted, query)
        sound = given.isfinite().all(-1)
        right = ((given.argmax(-1) == query.labels) & sound).float()
        mean = right.mean() if query.mask is None else (right * query.mask).sum() / query.mask.sum()
        both = torch.stack([mean, body.loss(adapted, query, training=False)])
        return both, adapted

    with torch.no_grad():
        for picked in _chunks(tasks, choice):
            values, _, _ = _mapped(score, [tasks[p] for p in picked], choice, _device(state))
            accuracies[picked], losses[picked] = values.float().cpu().T
    return Scores(accuracies, losses)


def adapted_model(
    learner: Learner,
    module: nn.Module,
    state: State,
    support: Client,
    loss: Loss | None = None,
    known: Traits | None = None,
) -> nn.Module:
    """A copy of ``module`` with the state adapted to a client's support set, to be used.

    Raises
    ------
    NoClientExamples, Diverged
    """
    if not len(support):
        raise NoClientExamples(support.name, "support")
    known = known or traits(module, support.inputs)
    choice = Choice(Engine.LOOP, (), 1, "one client")
    body, _ = _body(module, state, choice, known, loss)
    where = _device(state)
    with torch.no_grad():
        adapted = learner.adapt(
            body, state, Batch(support.inputs.to(where), support.labels.to(where))
        )
    _check(torch.zeros(1), adapted.losses[None], [support.name])
    for name, value in adapted.parameters.items():
        if not value.isfinite().all():
            raise Diverged(support.name, f"{name!r} after its inner steps")
    return with_values(module, {**adapted.parameters, **adapted.buffers}).eval()


def _choice(
    learner: Learner,
    known: Traits,
    tasks: Sequence[Task],
    engine: Engine,
    memory: int,
    *,
    differentiated: bool,
) -> Choice:
    supports, queries = [len(t.support) for t in tasks], [len(t.query) for t in tasks]
    return choose(
        known,
        batch=max(supports + queries),
        steps=learner.steps,
        ragged=len(set(supports)) > 1 or len(set(queries)) > 1,
        differentiated=differentiated,
        engine=engine,
        memory=memory,
        scalar_rates=not learner.element_rates,
    )


def _body(
    module: nn.Module, state: State, choice: Choice, known: Traits, loss: Loss | None
) -> tuple[Body, StackedModel]:
    model = StackedModel(module, {n: known.linear[n].rows for n in choice.shared})
    leading = frozenset(n for n in choice.shared if known.linear[n].leading)
    return Body(model, loss or cross_entropy, leading), model


def _chunks(tasks: Sequence[Task], choice: Choice) -> Iterator[list[int]]:
    """Places of the tasks, those of like size together."""
    order = sorted(range(len(tasks)), key=lambda p: (len(tasks[p].support), len(tasks[p].query)))
    for start in range(0, len(order), choice.chunk):
        yield order[start : start + choice.chunk]


def _mapped(
    function: Callable[[Batch, Batch], tuple[Tensor, Adapted]],
    tasks: Sequence[Task],
    choice: Choice,
    device: torch.device,
) -> tuple[Tensor, Tensor, Tensors]:
    """Of each task: what the function gives, inner losses ``[C, steps]`` and buffers."""
    support = padded([t.support for t in tasks], "support").to(device)
    query = padded([t.query for t in tasks], "query").to(device)

    def one(
        support: tuple[Tensor, ...], query: tuple[Tensor, ...]
    ) -> tuple[Tensor, Tensor, Tensors]:
        value, adapted = function(Batch(*support), Batch(*query))
        return value, adapted.losses, adapted.buffers

    if choice.engine is Engine.LOOP:
        alone = one(_only(support), _only(query))
        return alone[0][None], alone[1][None], {n: b[None] for n, b in alone[2].items()}
    mapped = vmap(one, randomness="different")
    found: tuple[Tensor, Tensor, Tensors] = mapped(_parts(support), _parts(query))
    return found


def _parts(data: Padded) -> tuple[Tensor, ...]:
    parts = (data.inputs, data.labels)
    return parts if data.mask is None else (*parts, data.mask)


def _only(data: Padded) -> tuple[Tensor, ...]:
    return tuple(part[0] for part in _parts(data))


def _check(losses: Tensor, inner: Tensor, clients: Sequence[str]) -> None:
    """Raise :class:`Diverged` for the first client whose loss is not finite, saying where."""
    if inner.isfinite().all() and losses.isfinite().all():
        return
    for place, name in enumerate(clients):
        bad = (~inner[place].isfinite()).nonzero().flatten().tolist()
        if bad:
            raise Diverged(name, f"its support loss in inner step {bad[0] + 1}")
        if not losses[place].isfinite():
            raise Diverged(name, "its query loss after adaptation")


def _shares(weights: Sequence[float] | None, count: int) -> Tensor:
    given = torch.ones(count) if weights is None else torch.tensor(list(map(float, weights)))
    if not given.sum() > 0:
        raise ZeroWeight(float(given.sum()))
    return given.double() / given.double().sum()


def _device(state: State) -> torch.device:
    return next((v.device for v in state.values()), torch.device("cpu"))
