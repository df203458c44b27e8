"""A simulated federation is the plain loop of FedAvg, whatever engine, server and participation."""

from __future__ import annotations

import copy
import json
import math
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from torch import nn

from decentralml.errors import BadSettings, NoUpdates
from decentralml.learning.examples import Examples, write_examples
from decentralml.learning.optimizers import Method, ServerOptimizer
from decentralml.learning.simulation.federation import (
    Round,
    Settings,
    client_seed,
    delivering,
    draw,
    simulate,
)
from decentralml.learning.simulation.partition import alike, by_class, dirichlet
from decentralml.learning.stacked.clients import Client
from decentralml.learning.stacked.cost import Engine
from decentralml.learning.train import Local, TrainingSettings, train

torch.set_num_threads(1)

TRAINING = TrainingSettings(epochs=1, learning_rate=0.1, momentum=0.5, batch=4)


def network() -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 2))


def points(count: int = 200) -> tuple[torch.Tensor, torch.Tensor]:
    rng = torch.Generator().manual_seed(0)
    inputs = torch.randn(count, 4, generator=rng)
    return inputs, (inputs.sum(1) > 0).long()


def plain(model: nn.Module, clients: list[Client], settings: Settings) -> None:
    """FedAvg as one would write it: no stack, no shared code but ``train``."""
    for number in range(1, settings.rounds + 1):
        places = draw(len(clients), settings, number)
        total, count = {}, sum(len(clients[p]) for p in places)
        for place in places:
            local = copy.deepcopy(model)
            seeded = TrainingSettings(1, 0.1, 0.5, 4, client_seed(settings.seed, number, place))
            train(local, clients[place].inputs, clients[place].labels, seeded)
            for name, value in local.state_dict().items():
                part = value.double() * (len(clients[place]) / count)
                total[name] = total.get(name, 0) + part
        state = {n: v.round() if "tracked" in n else v for n, v in total.items()}
        model.load_state_dict({n: v.to(model.state_dict()[n].dtype) for n, v in state.items()})


@pytest.mark.parametrize("engine", [Engine.LOOP, Engine.STACKED])
@pytest.mark.parametrize("participation", [1.0, 0.4])
def test_a_simulation_is_the_plain_loop_of_fedavg(engine: Engine, participation: float) -> None:
    clients = dirichlet(*points(), 10, 0.5)
    settings = Settings(3, participation, training=TRAINING, engine=engine, seed=5)
    model, expected = network(), network()
    simulate(model, clients, settings)
    plain(expected, clients, settings)
    for name, value in expected.state_dict().items():
        torch.testing.assert_close(model.state_dict()[name], value, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("server", list(Method))
def test_every_server_optimizer_and_method_learns(server: Method) -> None:
    rate = 1.0 if server in (Method.FEDAVG, Method.FEDAVGM) else 0.05
    seen: list[Round] = []
    inputs, labels = points()
    clients = alike(inputs, labels, 20)
    settings = Settings(
        8, 0.5, 0.1, TRAINING, ServerOptimizer(server, rate, 0.3), engine=Engine.STACKED
    )
    history = simulate(
        network(), clients, settings, test=Client("t", inputs, labels), on_round=seen.append
    )
    assert seen == history.rounds and [r.number for r in seen] == list(range(1, 9))
    assert seen[-1].test_loss < seen[0].test_loss and seen[-1].loss < seen[0].loss
    assert seen[-1].accuracy > 0.75


def test_fedsgd_over_all_clients_is_gradient_descent_on_all_examples() -> None:
    inputs, labels = points(60)
    one = TrainingSettings(learning_rate=0.2, method=Local.FEDSGD)
    model = nn.Linear(4, 2)
    central = copy.deepcopy(model)
    simulate(model, dirichlet(inputs, labels, 7, 0.4), Settings(4, training=one))
    for _ in range(4):
        train(central, inputs, labels, one)
    torch.testing.assert_close(model.weight, central.weight)


def test_draws_repeat_with_the_seed_and_name_each_client_once() -> None:
    settings = Settings(participation=0.3, drop_out=0.5, seed=1)
    first = draw(100, settings, 4)
    assert first == draw(100, settings, 4) != draw(100, settings, 5)
    assert len(set(first)) == 30 and len(draw(3, Settings(participation=0.01), 1)) == 1
    kept = delivering(first, settings, 4)
    assert set(kept) < set(first) and kept == delivering(first, settings, 4)


def test_a_round_in_which_nobody_delivers_keeps_the_model() -> None:
    settings = Settings(3, drop_out=0.999999, training=TRAINING)
    model = network()
    history = simulate(model, alike(*points(), 3), settings)
    for name, value in network().state_dict().items():
        assert torch.equal(model.state_dict()[name], value)
    assert all(r.delivered == 0 and math.isnan(r.loss) and r.up == 0 for r in history.rounds)


def test_bytes_are_those_of_the_models_that_travel() -> None:
    done = simulate(network(), alike(*points(), 5), Settings(1, training=TRAINING)).rounds[0]
    size = sum(v.numel() * v.element_size() for v in network().state_dict().values())
    assert (done.down, done.up, done.examples) == (5 * size, 5 * size, 200)


@pytest.mark.parametrize("split", ["alike", "by class", "dirichlet"])
def test_partitions_give_away_each_example_once(split: str) -> None:
    inputs = torch.arange(120.0)[:, None]
    labels = torch.arange(120) % 6
    clients = {
        "alike": lambda: alike(inputs, labels, 9, 3),
        "by class": lambda: by_class(inputs, labels, 9, 2, 3),
        "dirichlet": lambda: dirichlet(inputs, labels, 9, 0.05, 3),
    }[split]()
    given = torch.cat([c.inputs for c in clients]).flatten().tolist()
    assert sorted(given) == list(range(120)) and all(len(c) for c in clients)
    assert all(torch.equal(c.inputs.flatten().long() % 6, c.labels) for c in clients)
    if split == "by class":
        assert all(len(set(c.labels.tolist())) == 2 for c in clients)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"rounds": 0}, "rounds is 0"),
        ({"participation": 0.0}, "participation is 0"),
        ({"participation": 1.5}, "participation is 1"),
        ({"drop_out": 1.0}, "drop_out is 1"),
        ({"training": TrainingSettings(epochs=0)}, "epochs is 0"),
        ({"training": TrainingSettings(batch=0)}, "batch is 0"),
        ({"training": TrainingSettings(learning_rate=math.nan)}, "learning_rate is nan"),
        ({"training": TrainingSettings(proximal=-1)}, "proximal is -1"),
        ({"memory": 0}, "memory is 0"),
    ],
)
def test_settings_that_make_no_sense_are_named(settings: dict[str, object], said: str) -> None:
    with pytest.raises(BadSettings, match=said):
        Settings(**settings)  # type: ignore[arg-type]


def test_bad_partitions_and_no_clients_are_named() -> None:
    inputs, labels = points(10)
    with pytest.raises(BadSettings, match="clients is 11 and must be 1 to 10"):
        alike(inputs, labels, 11)
    with pytest.raises(BadSettings, match="classes of a client is 3"):
        by_class(inputs, labels, 2, 3)
    with pytest.raises(BadSettings, match="concentration is 0"):
        dirichlet(inputs, labels, 2, 0)
    with pytest.raises(NoUpdates):
        simulate(network(), [], Settings())


def test_the_command_prints_a_table_or_json_and_saves_the_model(tmp_path: Path) -> None:
    from decentralml.cli.main import cli as root

    rng = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (24, 28, 28), generator=rng, dtype=torch.uint8).numpy()
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        write_examples(Examples(images, (torch.arange(24) % 10).numpy()), tmp_path / name)
    words = ["simulate", "--data", str(tmp_path / "a"), "--data", str(tmp_path / "b")]
    words += ["--rounds", "2", "--test", str(tmp_path / "a")]
    shown = CliRunner().invoke(root, words)
    assert shown.exit_code == 0, shown.output
    assert "2/2" in shown.output and "2 clients, loop" in shown.output
    more = ["--json", "--clients", "6", "--split", "dirichlet", "--out", str(tmp_path / "out")]
    told = json.loads(CliRunner().invoke(root, [*words, *more]).stdout)
    assert told["clients"] == 6 and [r["number"] for r in told["rounds"]] == [1, 2]
    assert (tmp_path / "out" / "model.safetensors").exists()
