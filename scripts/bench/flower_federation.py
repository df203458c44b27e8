#!/usr/bin/env python3
"""The same federation in Flower's simulation engine (Ray); ``simulation.py``, ``meta.py`` run it.

    python scripts/bench/flower_federation.py DATA.npz ROUNDS OUT.npz

It runs in a Python that has ``flwr[simulation]``, torch and numpy; nothing of this project is
imported. A client trains as :func:`decentralml.learning.train.train` does, and the model, the
data and the order of the examples are the same; where the data name inner ``steps``, it takes one
step against its meta-gradient (second-order MAML) instead, half of its examples being support.
Time is taken from the first round's end, so that Flower's start-up does not count; each round's
time goes to standard output.
"""

from __future__ import annotations

import os
import sys
import time

os.environ["FLWR_TELEMETRY_ENABLED"] = "0"
os.environ["RAY_DEDUP_LOGS"] = "0"

import numpy as np
import torch
from flwr.app import ArrayRecord, Context, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp
from flwr.serverapp import Grid, ServerApp
from flwr.serverapp.strategy import FedAvg
from flwr.simulation import run_simulation
from torch import nn
from torch.func import functional_call

DATA, ROUNDS, OUT = sys.argv[1], int(sys.argv[2]), sys.argv[3]

client_app = ClientApp()
server_app = ServerApp()
_data: dict[str, np.ndarray] = {}


def data() -> dict[str, np.ndarray]:
    """Loaded once for each of Ray's workers: reading is not what is compared."""
    if not _data:
        with np.load(DATA) as file:
            _data.update(file)
    return _data


def network() -> nn.Module:
    sizes = data()["sizes"].tolist()
    model = nn.Sequential(nn.Linear(sizes[0], sizes[1]), nn.ReLU(), nn.Linear(sizes[1], sizes[2]))
    model.load_state_dict({n: torch.from_numpy(data()[f"model {n}"]) for n in model.state_dict()})
    return model


@client_app.train()
def train(message: Message, context: Context) -> Message:
    torch.set_num_threads(1)
    place = int(context.node_config["partition-id"])
    bounds = data()["bounds"]
    start, end = int(bounds[place]), int(bounds[place + 1])
    inputs = torch.from_numpy(data()["inputs"][start:end])
    labels = torch.from_numpy(data()["labels"][start:end])
    model = network()
    model.load_state_dict(message.content["arrays"].to_torch_state_dict())
    if "steps" in data():
        meta_step(model, inputs, labels)
    else:
        train_locally(model, inputs, labels, int(message.content["config"]["server-round"]), start)
    content = RecordDict(
        {
            "arrays": ArrayRecord(model.state_dict()),
            "metrics": MetricRecord({"num-examples": end - start}),
        }
    )
    return Message(content=content, reply_to=message)


def train_locally(
    model: nn.Module, inputs: torch.Tensor, labels: torch.Tensor, number: int, start: int
) -> None:
    rate, batch = float(data()["rate"]), int(data()["batch"])
    descent = torch.optim.SGD(model.parameters(), lr=rate, momentum=0.9)
    picked = torch.from_numpy(data()["order"][number - 1, start : start + len(inputs)])
    for part in torch.split(picked, batch):
        if len(part) > 1:
            descent.zero_grad()
            nn.functional.cross_entropy(model(inputs[part]), labels[part]).backward()
            descent.step()


def meta_step(model: nn.Module, inputs: torch.Tensor, labels: torch.Tensor) -> None:
    half = len(inputs) // 2
    start = dict(model.named_parameters())
    adapted = start
    for _ in range(int(data()["steps"])):
        scores = functional_call(model, adapted, inputs[:half])
        loss = nn.functional.cross_entropy(scores, labels[:half])
        gradients = torch.autograd.grad(loss, tuple(adapted.values()), create_graph=True)
        adapted = {
            name: value - float(data()["rate"]) * gradient
            for (name, value), gradient in zip(adapted.items(), gradients, strict=True)
        }
    loss = nn.functional.cross_entropy(
        functional_call(model, adapted, inputs[half:]), labels[half:]
    )
    with torch.no_grad():
        for value, gradient in zip(
            start.values(), torch.autograd.grad(loss, tuple(start.values())), strict=True
        ):
            value -= float(data()["outer_rate"]) * gradient


def counted(replies: list[RecordDict], _: str) -> MetricRecord:
    """Nobody may be missing: else the mean is another, and the time too."""
    print(f"{len(replies)} replies", flush=True)
    if len(replies) != len(data()["bounds"]) - 1:
        os._exit(3)
    return MetricRecord({"replies": len(replies)})


@server_app.main()
def main(grid: Grid, context: Context) -> None:
    times: list[float] = []

    def measured(number: int, arrays: ArrayRecord) -> MetricRecord:
        times.append(time.perf_counter())
        return MetricRecord({"round": number})

    clients = len(data()["bounds"]) - 1
    strategy = FedAvg(
        fraction_train=1.0,
        fraction_evaluate=0.0,
        min_train_nodes=clients,
        min_available_nodes=clients,
        train_metrics_aggr_fn=counted,
    )
    result = strategy.start(
        grid, ArrayRecord(network().state_dict()), num_rounds=ROUNDS, evaluate_fn=measured
    )
    spent = np.diff(np.array(times))
    final = {n: v.numpy() for n, v in result.arrays.to_torch_state_dict().items()}
    np.savez(OUT, seconds=spent, **final)


if __name__ == "__main__":
    run_simulation(
        server_app,
        client_app,
        num_supernodes=len(data()["bounds"]) - 1,
        backend_config={"client_resources": {"num_cpus": 1, "num_gpus": 0.0}},
    )
