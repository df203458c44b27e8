"""Meta-gradients are exact, in a stack as alone; learners learn to learn; bad tasks are named."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor, nn

from decentralml.bundles.meta import RATE
from decentralml.errors import (
    BadSettings,
    Diverged,
    NoClientExamples,
    NoUpdates,
    UnseenClass,
)
from decentralml.learning.meta.adapt import Adapted, Batch, Body
from decentralml.learning.meta.federation import (
    MetaSettings,
    client_flops,
    meta_learn,
    server_step,
    state_bytes,
)
from decentralml.learning.meta.gradient import adapted_model, assess, meta_gradient
from decentralml.learning.meta.learners import (
    MAML,
    FedAvg,
    Learner,
    MetaSGD,
    Reptile,
    State,
)
from decentralml.learning.meta.tasks import Task, own_heads, split
from decentralml.learning.optimizers import Method, ServerOptimizer
from decentralml.learning.stacked.clients import Client
from decentralml.learning.stacked.cost import Engine
from decentralml.learning.stacked.traits import traits
from decentralml.learning.train import TrainingSettings, train

torch.set_num_threads(1)


def small() -> nn.Module:
    return nn.Sequential(nn.Linear(5, 6), nn.Tanh(), nn.Linear(6, 3))


def wide() -> nn.Module:
    """Two layers that are shared: the first with the same inputs in each step, the second not."""
    return nn.Sequential(
        nn.Flatten(), nn.Linear(225, 80), nn.Tanh(), nn.Linear(80, 90), nn.Tanh(), nn.Linear(90, 3)
    )


def convolved() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.Tanh(), nn.Flatten(), nn.Linear(3 * 169, 3)
    )


MODELS = {"small": (small, (5,)), "wide": (wide, (15, 15)), "convolved": (convolved, (1, 15, 15))}
LEARNERS: dict[str, Learner] = {
    "MAML": MAML(0.1, steps=3),
    "FOMAML": MAML(0.1, steps=3, first_order=True),
    "Meta-SGD": MetaSGD(0.1, steps=2),
}


def made(model: object) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(2)
        return model().double()  # type: ignore[operator,no-any-return]


def tasks(shape: tuple[int, ...], sizes: tuple[int, ...] = (6, 4, 7, 4)) -> list[Task]:
    rng = torch.Generator().manual_seed(0)

    def client(name: str, size: int) -> Client:
        inputs = torch.randn(size, *shape, generator=rng, dtype=torch.float64)
        return Client(name, inputs, torch.arange(size) % 3)

    return [Task(client(f"c{i}", n), client(f"c{i}", n - i % 2)) for i, n in enumerate(sizes)]


def start(learner: Learner, model: nn.Module) -> dict[str, Tensor]:
    return learner.start({n: p.detach() for n, p in model.named_parameters()})


@pytest.mark.parametrize("which", LEARNERS)
@pytest.mark.parametrize("name", MODELS)
def test_a_stack_of_ragged_clients_gives_what_each_gives_alone(name: str, which: str) -> None:
    build, shape = MODELS[name]
    model, learner, clients = made(build), LEARNERS[which], tasks(shape)
    state = start(learner, model)
    alone = meta_gradient(learner, model, state, clients, engine=Engine.LOOP)
    together = meta_gradient(learner, model, state, clients, engine=Engine.STACKED)
    in_chunks = meta_gradient(learner, model, state, clients, engine=Engine.STACKED, memory=1)
    assert together.choice.chunk > 1 == in_chunks.choice.chunk
    if name == "wide" and which != "Meta-SGD":
        assert together.choice.shared == ("1", "3")
    for found in (together, in_chunks):
        torch.testing.assert_close(found.gradient, alone.gradient)
        torch.testing.assert_close(found.buffers, alone.buffers)
        torch.testing.assert_close(found.losses, alone.losses)


@pytest.mark.parametrize("which", ["MAML", "Meta-SGD"])
@pytest.mark.parametrize("name", MODELS)
def test_the_gradient_is_that_of_finite_differences(name: str, which: str) -> None:
    build, shape = MODELS[name]
    model, learner, clients = made(build), LEARNERS[which], tasks(shape)
    state = start(learner, model)
    known = traits(model, clients[0].support.inputs)
    found = meta_gradient(learner, model, state, clients, engine=Engine.STACKED, known=known)
    rng = torch.Generator().manual_seed(1)
    for key, value in state.items():
        way = torch.randn(value.shape, generator=rng, dtype=torch.float64)
        way /= way.norm()
        ends = []
        for sign in (1, -1):
            moved = {**state, key: value + sign * 1e-5 * way}
            found_there = meta_gradient(learner, model, moved, clients, known=known)
            ends.append(float(found_there.losses.mean()))
        slope = (ends[0] - ends[1]) / 2e-5
        assert float((found.gradient[key] * way).sum()) == pytest.approx(slope, abs=1e-8), key


@pytest.mark.parametrize("name", MODELS)
def test_the_gradient_is_that_of_higher(name: str) -> None:
    higher = pytest.importorskip("higher", reason="higher is not installed")
    build, shape = MODELS[name]
    model, clients = made(build).train(), tasks(shape)
    learner = LEARNERS["MAML"]
    found = meta_gradient(learner, model, start(learner, model), clients)
    descent = torch.optim.SGD(model.parameters(), 0.1)
    for task in clients:
        with higher.innerloop_ctx(model, descent, copy_initial_weights=False) as (inner, steps):
            for _ in range(3):
                scores = inner(task.support.inputs)
                steps.step(nn.functional.cross_entropy(scores, task.support.labels))
            loss = nn.functional.cross_entropy(inner(task.query.inputs), task.query.labels)
            (loss / len(clients)).backward()
    for key, parameter in model.named_parameters():
        torch.testing.assert_close(found.gradient[key], parameter.grad)


def test_first_order_is_another_gradient() -> None:
    model, clients = made(small), tasks((5,))
    first, second = (
        meta_gradient(LEARNERS[n], model, start(LEARNERS[n], model), clients).gradient["0.weight"]
        for n in ("FOMAML", "MAML")
    )
    assert not torch.allclose(first, second)


def test_weights_weigh_and_one_task_is_one_clients_result() -> None:
    model, clients, learner = made(small), tasks((5,)), LEARNERS["MAML"]
    state = start(learner, model)
    mean = meta_gradient(learner, model, state, clients[:2], weights=[1, 3]).gradient
    each = [meta_gradient(learner, model, state, [task]).gradient for task in clients[:2]]
    for key in mean:
        torch.testing.assert_close(mean[key], 0.25 * each[0][key] + 0.75 * each[1][key])


def test_local_learners_send_start_minus_outcome() -> None:
    model, clients = made(small), tasks((5,))
    how = TrainingSettings(momentum=0, epochs=2, batch=3, learning_rate=0.1)
    for learner in (FedAvg(how), Reptile(how)):
        found = meta_gradient(learner, model, start(learner, model), clients[:1], seeds=[9])
        trained, whole = made(small), clients[0].whole()
        train(trained, whole.inputs, whole.labels, TrainingSettings(2, 0.1, 0, 3, 9))
        for key, value in trained.named_parameters():
            expected = dict(model.named_parameters())[key] - value
            torch.testing.assert_close(found.gradient[key], expected.detach())


@dataclass(frozen=True)
class HeadOnly(Learner):
    """A user's learner: only the last layer adapts, and a term keeps the start small."""

    name: str = "head only"

    def adapt(self, body: Body, state: State, support: Batch) -> Adapted:
        rates = {n: torch.zeros_like(v) for n, v in state.items()}
        rates |= {n: torch.full_like(v, 0.5) for n, v in state.items() if n.startswith("2.")}
        return body.adapt(state, support, rate=rates, steps=1)

    def objective(
        self, body: Body, state: State, support: Batch, query: Batch
    ) -> tuple[Tensor, Adapted]:
        adapted = self.adapt(body, state, support)
        size = sum(v.square().sum() for v in state.values())
        return body.loss(adapted, query) + 0.01 * size, adapted

    element_rates = True


def test_a_users_learner_is_one_small_class() -> None:
    model, clients, learner = made(small), tasks((5,)), HeadOnly()
    found = meta_gradient(learner, model, start(learner, model), clients)
    alone = meta_gradient(learner, model, start(learner, model), clients, engine=Engine.LOOP)
    torch.testing.assert_close(found.gradient, alone.gradient)
    task = clients[0]
    adapted = adapted_model(learner, model, start(learner, model), task.support)
    assert torch.equal(adapted[0].weight, model[0].weight)  # type: ignore[index]
    assert not torch.equal(adapted[2].weight, model[2].weight)  # type: ignore[index]


@pytest.mark.parametrize("name", MODELS)
def test_an_adapted_model_scores_what_assessing_says(name: str) -> None:
    build, shape = MODELS[name]
    model, clients, learner = made(build), tasks(shape), LEARNERS["MAML"]
    state = start(learner, model)
    scores = assess(learner, model, state, clients, engine=Engine.STACKED)
    for place, task in enumerate(clients):
        adapted = adapted_model(learner, model, state, task.support)
        given = adapted(task.query.inputs)
        right = (given.argmax(1) == task.query.labels).float().mean()
        assert float(scores.accuracies[place]) == pytest.approx(float(right))
        loss = nn.functional.cross_entropy(given, task.query.labels)
        assert float(scores.losses[place]) == pytest.approx(float(loss), rel=1e-5)


def fields(clients: int, seed: int) -> list[Task]:
    """Each client divides the plane by a line of its own: no single model suits all."""
    rng = torch.Generator().manual_seed(seed)
    made = []
    for number in range(clients):
        line = torch.randn(2, generator=rng)
        inputs = torch.randn(40, 2, generator=rng)
        made.append(split(Client(f"f{number}", inputs, (inputs @ line > 0).long()), 0.5))
    return made


@pytest.mark.parametrize("learner", [MAML(0.5, 2), MAML(0.5, 2, first_order=True), MetaSGD(0.5, 2)])
def test_meta_learning_learns_what_averaging_cannot(learner: Learner) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 2))
    settings = MetaSettings(60, 10, ServerOptimizer(Method.FEDAVGM, 0.3), every=20)
    done = meta_learn(learner, model, fields(30, 1), settings, tests=fields(20, 2))
    plain = meta_learn(
        FedAvg(TrainingSettings(momentum=0, learning_rate=0.1)),
        model, fields(30, 1), MetaSettings(60, 10, every=60), tests=fields(20, 2),
    )  # fmt: skip
    assert [r.number for r in done.rounds] == [20, 40, 60]
    assert done.rounds[-1].accuracy > 0.85 > 0.7 > plain.rounds[-1].accuracy
    assert done.rounds[-1].spread < 0.2
    assert done.reached(0.8) is not None and done.reached(1.1) is None
    assert done.rounds[-1].bytes == 60 * 10 * 2 * state_bytes(model, done.state)


def test_flops_are_counted_and_the_second_order_costs_more() -> None:
    model, task = made(small), tasks((5,))[0]
    state = start(MAML(), model)
    first = client_flops(MAML(steps=3, first_order=True), model, state, task)
    assert 0 < first < client_flops(MAML(steps=3), model, state, task)


def test_the_servers_step_goes_against_the_gradient() -> None:
    state, gradient = {"w": torch.tensor([1.0, 2.0])}, {"w": torch.tensor([0.5, -1.0])}
    after = server_step(state, gradient, ServerOptimizer(Method.FEDAVG, 0.2), {})
    torch.testing.assert_close(after["w"], torch.tensor([0.9, 2.2]))


@pytest.mark.parametrize(("fraction", "kept"), [(0.2, 2), (0.5, 5), (0.9, 9)])
def test_a_split_keeps_each_class_in_its_fraction(fraction: float, kept: int) -> None:
    client = Client("a", torch.arange(20.0)[:, None], torch.arange(20) % 2)
    task = split(client, fraction)
    assert torch.bincount(task.support.labels).tolist() == [kept, kept]
    both = torch.cat([task.support.inputs, task.query.inputs]).flatten()
    assert sorted(both.tolist()) == list(range(20))


def test_heads_of_a_clients_own_count_its_classes_from_zero() -> None:
    client = Client("a", torch.zeros(8, 1), torch.tensor([7, 3, 7, 3, 9, 9, 3, 7]))
    task = own_heads(split(client, 0.5))
    assert set(task.support.labels.tolist()) == {0, 1, 2}
    assert set(task.query.labels.tolist()) <= {0, 1, 2}


def test_bad_tasks_are_named() -> None:
    some, none = Client("a", torch.zeros(2, 1), torch.tensor([0, 1])), torch.zeros(0, dtype=int)
    with pytest.raises(NoClientExamples, match="client a has an empty support set"):
        Task(some[none], some)
    with pytest.raises(NoClientExamples, match="client a has an empty query set"):
        Task(some, some[none])
    with pytest.raises(NoClientExamples, match="empty query"):
        split(some, 0.5)
    with pytest.raises(UnseenClass, match="client a has class 1 in its query set only"):
        Task(some[:1], some)
    with pytest.raises(BadSettings, match=r"support fraction is 1\.5"):
        split(some, 1.5)
    with pytest.raises(BadSettings, match="inner steps is 0"):
        MAML(steps=0)
    with pytest.raises(BadSettings, match="inner learning rate is -1"):
        MetaSGD(rate=-1)
    with pytest.raises(BadSettings, match="rounds is 0"):
        MetaSettings(rounds=0)
    with pytest.raises(NoUpdates):
        meta_learn(MAML(), made(small), [], MetaSettings())


@pytest.mark.parametrize("engine", [Engine.LOOP, Engine.STACKED])
def test_a_loss_that_turns_nan_in_the_inner_loop_names_client_and_step(engine: Engine) -> None:
    model, clients = made(small), tasks((5,))
    learner = MAML(0.1, 3)
    clients[2].support.inputs[1] = math.nan
    with pytest.raises(Diverged, match=r"client c2 diverged: its support loss in inner step 1"):
        meta_gradient(learner, model, start(learner, model), clients, engine=engine)
    clients = tasks((5,))
    clients[1].query.inputs[0] = math.inf
    with pytest.raises(Diverged, match="client c1 diverged: its query loss"):
        meta_gradient(learner, model, start(learner, model), clients, engine=engine)


def test_rates_of_meta_sgd_are_learned() -> None:
    model, clients, learner = made(small), tasks((5,)), MetaSGD(0.1)
    found = meta_gradient(learner, model, start(learner, model), clients).gradient
    rates = [key for key in found if key.startswith(RATE)]
    assert len(rates) * 2 == len(found) and all(found[key].any() for key in rates)
