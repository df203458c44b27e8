"""Rounds of federated meta-learning: draw clients, average what they send, let the server step."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from decentralml.errors import BadSettings, NoUpdates
from decentralml.learning.meta.gradient import assess, meta_gradient
from decentralml.learning.meta.learners import Learner, State
from decentralml.learning.meta.tasks import Task
from decentralml.learning.optimizers import Array, Method, ServerOptimizer
from decentralml.learning.settings import Loss
from decentralml.learning.simulation.federation import as_array
from decentralml.learning.stacked.cost import MEMORY, Engine
from decentralml.learning.stacked.model import Tensors
from decentralml.learning.stacked.traits import traits


@dataclass(frozen=True, slots=True)
class MetaSettings:
    """How a federated meta-learning runs.

    Attributes
    ----------
    rounds : at least one.
    drawn : clients for each round; all of them, if there are fewer.
    server : steps against the mean meta-gradient.
    by_examples : weigh clients by their examples rather than alike.
    every : rounds between two measurements of the test clients; the last round is measured too.
    seed, engine, memory : as in :class:`~decentralml.learning.simulation.federation.Settings`.
    """

    rounds: int = 50
    drawn: int = 10
    server: ServerOptimizer = field(default_factory=lambda: ServerOptimizer(Method.FEDAVG))
    by_examples: bool = False
    every: int = 1
    seed: int = 0
    engine: Engine = Engine.AUTO
    memory: int = MEMORY

    def __post_init__(self) -> None:
        for name in ("rounds", "drawn", "every", "memory"):
            if getattr(self, name) < 1:
                raise BadSettings(name, getattr(self, name), "at least 1")


@dataclass(frozen=True, slots=True)
class MetaRound:
    """A measured round.

    Attributes
    ----------
    number : from one.
    loss : the drawn clients' mean loss, before the server's step.
    accuracies : of each test client's adapted model on its query set.
    bytes : sent in both directions in all rounds so far, uncompressed.
    flops : of all drawn clients in all rounds so far, reckoned from one client's.
    """

    number: int
    loss: float
    accuracies: list[float]
    bytes: int
    flops: int

    @property
    def accuracy(self) -> float:
        """Mean over test clients."""
        return float(torch.tensor(self.accuracies).mean())

    @property
    def spread(self) -> float:
        """Standard deviation over test clients; 0 of one."""
        return float(torch.tensor(self.accuracies).std(correction=0))


@dataclass(frozen=True, slots=True)
class MetaHistory:
    """What a federated meta-learning ended with, and its measured rounds."""

    state: Tensors
    rounds: list[MetaRound]

    def reached(self, accuracy: float) -> MetaRound | None:
        """The first measured round with at least this mean accuracy."""
        return next((r for r in self.rounds if r.accuracy >= accuracy), None)


def meta_learn(
    learner: Learner,
    module: nn.Module,
    tasks: Sequence[Task],
    settings: MetaSettings,
    *,
    tests: Sequence[Task] = (),
    loss: Loss | None = None,
    device: torch.device | str | None = None,
    on_round: Callable[[MetaRound], None] | None = None,
) -> MetaHistory:
    """Train a learner's state on ``tasks``; ``module`` gives its start and gets its buffers.

    Parameters
    ----------
    tests : clients that are never drawn, to measure on.
    loss : of each example; default: cross entropy.
    device : default: where the module is.

    Raises
    ------
    NoUpdates, Diverged, NotStackable, BadSettings
    """
    if not tasks:
        raise NoUpdates
    if device is not None:
        module.to(device)
    state = learner.start({n: p.detach().clone() for n, p in module.named_parameters()})
    known = traits(module, tasks[0].support.inputs)
    memory: dict[str, dict[str, Array]] = {}
    size = state_bytes(module, state)
    each = client_flops(learner, module, state, tasks[0], loss)
    sent = spent = 0
    rounds: list[MetaRound] = []
    for number in range(1, settings.rounds + 1):
        source = random.Random(f"{settings.seed} {number} draw")
        places = sorted(source.sample(range(len(tasks)), min(settings.drawn, len(tasks))))
        drawn = [tasks[place] for place in places]
        found = meta_gradient(
            learner,
            module,
            state,
            drawn,
            weights=[len(t.support) + len(t.query) for t in drawn]
            if settings.by_examples
            else None,
            seeds=[(settings.seed * 1_000_003 + number) * 1_000_003 + place for place in places],
            loss=loss,
            engine=settings.engine,
            memory=settings.memory,
            known=known,
        )
        state = server_step(state, found.gradient, settings.server, memory)
        named = dict(module.named_buffers())
        for name, value in found.buffers.items():
            named[name].copy_(value)
        sent += size * len(drawn) * 2
        spent += each * len(drawn)
        if number % settings.every and number != settings.rounds:
            continue
        accuracies: list[float] = []
        if tests:
            accuracies = assess(
                learner, module, state, tests,
                loss=loss, engine=settings.engine, memory=settings.memory, known=known,
            ).accuracies.tolist()  # fmt: skip
        done = MetaRound(number, float(found.losses.mean()), accuracies, sent, spent)
        rounds.append(done)
        if on_round:
            on_round(done)
    return MetaHistory(state, rounds)


def server_step(
    state: State,
    gradient: State,
    server: ServerOptimizer,
    memory: dict[str, dict[str, Array]],
) -> Tensors:
    """The server's next state: its optimizer takes the negative gradient as direction.

    ``memory`` is the optimizer's, by the state's names; it is changed.
    """
    after: Tensors = {}
    for name, value in state.items():
        base = as_array(value)
        merged = base - as_array(gradient[name])
        stepped, memory[name] = server.step(base, merged, memory.get(name, {}))
        after[name] = torch.from_numpy(stepped).to(value)
    return after


def state_bytes(module: nn.Module, state: State) -> int:
    """Bytes that travel one way: the learner's state and the model's buffers."""
    values = [*state.values(), *module.buffers()]
    return sum(v.numel() * v.element_size() for v in values)


def client_flops(
    learner: Learner, module: nn.Module, state: State, task: Task, loss: Loss | None = None
) -> int:
    """Floating point operations (a multiply-add is two) of one client's part in a round.

    Counted by PyTorch in matrix products and convolutions, for a client that works alone.
    """
    with FlopCounterMode(display=False) as counter:
        meta_gradient(learner, module, state, [task], loss=loss, engine=Engine.LOOP)
    return int(counter.get_total_flops())
