"""Clients of the tests' federations: an old-style one, and two of the message API.

Run by Flower's engines in processes of their own, so that they live in a module.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from flwr.app import Array, ArrayRecord, ConfigRecord, Context, Message, MetricRecord, RecordDict
from flwr.client import NumPyClient
from flwr.clientapp import ClientApp

VISION = {"object_detection_accuracy": 0.5, "accuracy": 0.5, "loss": 1.0}
LOAD = {"cpu_usage": 20.0, "memory_usage": 40.0}


class Old(NumPyClient):
    """Adds one to the model."""

    def get_parameters(self, config: Any) -> list[np.ndarray]:
        return [np.zeros((2, 2), "f4"), np.zeros(2, "f4")]

    def fit(self, parameters: Any, config: Any) -> Any:
        metrics = {**VISION, **LOAD, "llm_type": "SpikingEvoVisionEncoder", "client_id": "old"}
        return [values + 1 for values in parameters], 10, metrics

    def evaluate(self, parameters: Any, config: Any) -> Any:
        return float(parameters[1][0]), 10, {"accuracy": 0.5}


def client_fn(context: Context) -> Any:
    return Old().to_client()


def of_messages(name: str, kind: str, step: float, metrics: dict[str, float]) -> ClientApp:
    """A client of the message API that adds ``step`` to the model."""
    app = ClientApp()

    @app.train()
    def train(message: Message, context: Context) -> Message:
        arrays = {key: Array(a.numpy() + step) for key, a in message.content["arrays"].items()}
        content = RecordDict(
            {
                "arrays": ArrayRecord(
                    {key: Array(a.numpy().astype("f4")) for key, a in arrays.items()}
                ),
                "metrics": MetricRecord({"num-examples": 30, **metrics}),
                "words": ConfigRecord({"llm_type": kind, "client_id": name}),
            }
        )
        return Message(content, reply_to=message)

    @app.evaluate()
    def evaluate(message: Message, context: Context) -> Message:
        loss = float(next(iter(message.content["arrays"].values())).numpy().max())
        metrics = MetricRecord({"num-examples": 30, "loss": loss, "accuracy": 0.5})
        return Message(RecordDict({"metrics": metrics}), reply_to=message)

    return app


new = of_messages("new", "Vision", 5.0, VISION | {"cpu_usage": 90.0, "memory_usage": 90.0})
text = of_messages("text", "Text", 100.0, {"perplexity": 2.0, "loss": 0.5})


class ByPartition(ClientApp):
    """The first node is of the old style, the second of the new, the third of another type."""

    def __call__(self, message: Message, context: Context) -> Message:
        apps = (ClientApp(client_fn), new, text)
        return apps[int(context.node_config["partition-id"])](message, context)


app = ByPartition()
