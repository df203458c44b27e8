"""A federation of any number of simulated clients on one machine.

Each round draws some clients, trains them from the same model (:mod:`..stacked`), merges what they
got by FedAvg's weighted mean, and lets the server's optimizer step. Nothing depends on the engine
but rounding: the same clients, orders of examples and drop-outs are drawn.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from decentralml.errors import BadSettings, NoUpdates
from decentralml.learning.optimizers import Array, Method, ServerOptimizer
from decentralml.learning.stacked.clients import Client
from decentralml.learning.stacked.cost import MEMORY, Choice, Engine
from decentralml.learning.stacked.local import train_clients
from decentralml.learning.stacked.model import Tensors
from decentralml.learning.stacked.traits import traits
from decentralml.learning.train import Loss, TrainingSettings, evaluate


@dataclass(frozen=True, slots=True)
class Settings:
    """How a simulated federation runs.

    Attributes
    ----------
    rounds : at least one.
    participation : part of all clients that are drawn for each round, in (0, 1]; at least one is.
    drop_out : probability that a drawn client does not deliver, in [0, 1). A round in which nobody
        does keeps the model as it was.
    training : local training: epochs, FedProx, FedSGD.
    server : the server's optimizer.
    seed : of all draws, and of the order of each client's examples.
    engine, memory : see :func:`~decentralml.learning.stacked.cost.choose`.
    """

    rounds: int = 10
    participation: float = 1.0
    drop_out: float = 0.0
    training: TrainingSettings = field(default_factory=TrainingSettings)
    server: ServerOptimizer = field(default_factory=lambda: ServerOptimizer(Method.FEDAVG))
    seed: int = 0
    engine: Engine = Engine.AUTO
    memory: int = MEMORY

    def __post_init__(self) -> None:
        training = self.training
        for name, value, sound, allowed in (
            ("rounds", self.rounds, self.rounds >= 1, "at least 1"),
            ("participation", self.participation, 0 < self.participation <= 1, "in (0, 1]"),
            ("drop_out", self.drop_out, 0 <= self.drop_out < 1, "in [0, 1)"),
            ("epochs", training.epochs, training.epochs >= 1, "at least 1"),
            ("batch", training.batch, training.batch >= 1, "at least 1"),
            ("learning_rate", training.learning_rate, training.learning_rate > 0, "above zero"),
            ("proximal", training.proximal, training.proximal >= 0, "zero or more"),
            ("memory", self.memory, self.memory > 0, "above zero"),
        ):
            if not sound:
                raise BadSettings(name, value, allowed)


@dataclass(frozen=True, slots=True)
class Round:
    """What happened in a round.

    Attributes
    ----------
    number : from one.
    drawn, delivered : clients.
    examples : of those that delivered.
    loss : their mean training loss, weighted by examples; NaN if nobody delivered.
    accuracy, test_loss : of the model after the round, on the test set; NaN without one.
    down, up : bytes sent to the drawn and by those that delivered, models uncompressed.
    seconds : for training and merging.
    """

    number: int
    drawn: int
    delivered: int
    examples: int
    loss: float
    accuracy: float
    test_loss: float
    down: int
    up: int
    seconds: float


@dataclass(frozen=True, slots=True)
class History:
    """A finished simulation: its rounds, and how the clients were run."""

    rounds: list[Round]
    choice: Choice | None


def simulate(
    model: nn.Module,
    clients: Sequence[Client],
    settings: Settings,
    *,
    test: Client | None = None,
    loss: Loss | None = None,
    device: torch.device | str | None = None,
    on_round: Callable[[Round], None] | None = None,
) -> History:
    """Train ``model`` in place by a federation of ``clients``.

    Parameters
    ----------
    test : what the model is measured on after each round.
    loss : of each example; default: cross entropy.
    device : default: where the model is.

    Raises
    ------
    NoUpdates, NoClientExamples, Diverged, NotStackable, BadSettings
    """
    if not clients:
        raise NoUpdates
    if device is not None:
        model.to(device)
    where = next((p.device for p in model.parameters()), torch.device("cpu"))
    known = traits(model, clients[0].inputs) if len(clients[0]) else None
    size = sum(v.numel() * v.element_size() for v in _values(model).values())
    state: dict[str, dict[str, Array]] = {}
    rounds: list[Round] = []
    choice = None
    for number in range(1, settings.rounds + 1):
        started = time.perf_counter()
        drawn = draw(len(clients), settings, number)
        delivered = delivering(drawn, settings, number)
        mean_loss, examples = float("nan"), 0
        if delivered:
            picked = [clients[place] for place in delivered]
            trained = train_clients(
                model,
                picked,
                settings.training,
                seeds=[client_seed(settings.seed, number, place) for place in delivered],
                loss=loss,
                engine=settings.engine,
                memory=settings.memory,
                known=known,
            )
            choice = trained.choice
            step(model, trained.mean, settings.server, state)
            counts = torch.tensor([len(c) for c in picked], dtype=torch.float64)
            mean_loss = float((trained.losses * counts).sum() / counts.sum())
            examples = int(counts.sum())
        seconds = time.perf_counter() - started
        measured = {"accuracy": float("nan"), "loss": float("nan")}
        if test is not None and len(test):
            measured = evaluate(model, test.inputs.to(where), test.labels.to(where))
        done = Round(
            number,
            len(drawn),
            len(delivered),
            examples,
            mean_loss,
            measured["accuracy"],
            measured["loss"],
            size * len(drawn),
            size * len(delivered),
            seconds,
        )
        rounds.append(done)
        if on_round:
            on_round(done)
    return History(rounds, choice)


def draw(clients: int, settings: Settings, number: int) -> list[int]:
    """Places of the clients that take part in round ``number``, in ascending order."""
    wanted = max(1, round(settings.participation * clients))
    if wanted >= clients:
        return list(range(clients))
    return sorted(_random(settings.seed, number, "draw").sample(range(clients), wanted))


def delivering(drawn: Sequence[int], settings: Settings, number: int) -> list[int]:
    """Those of the drawn that do not drop out."""
    source = _random(settings.seed, number, "drop-out")
    return [place for place in drawn if source.random() >= settings.drop_out]


def client_seed(seed: int, number: int, place: int) -> int:
    """Of the order of a client's examples in a round."""
    return (seed * 1_000_003 + number) * 1_000_003 + place & (1 << 62) - 1


def step(
    model: nn.Module, mean: Tensors, server: ServerOptimizer, state: dict[str, dict[str, Array]]
) -> None:
    """Let the server's optimizer go from the model towards the clients' mean, in place.

    Parameters are stepped; buffers take the mean, as they are measured and not learned.
    """
    learned = {name for name, _ in model.named_parameters()}
    with torch.no_grad():
        for name, value in _values(model).items():
            if name not in learned:
                value.copy_(mean[name])
                continue
            base, merged = as_array(value), as_array(mean[name])
            after, state[name] = server.step(base, merged, state.get(name, {}))
            value.copy_(torch.from_numpy(after))


def as_array(value: Tensor) -> Array:
    """A tensor for NumPy, which has no bfloat16."""
    array: Array = (value.float() if value.dtype is torch.bfloat16 else value).cpu().numpy()
    return array


def _values(model: nn.Module) -> Tensors:
    named = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    return {name: value.detach() for name, value in named.items()}


def _random(seed: int, number: int, purpose: str) -> random.Random:
    return random.Random(f"{seed} {number} {purpose}")
