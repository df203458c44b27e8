"""The next character of English prose: how the model learns it."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from decentralml.learning.lesson import Arrays, Lesson, Tensors
from decentralml.learning.models import ProseNet
from decentralml.learning.train import TrainingSettings
from decentralml.validation.scores.measures.text import text_metrics

CONTINUATION = 24
"""Characters that the model writes where a piece is to be continued."""


def prepare(stored: Arrays) -> Tensors:
    return {name: torch.from_numpy(values).long() for name, values in stored.items()}


def loss(model: nn.Module, batch: Tensors) -> Tensor:
    """Of every character of a piece but the first, and of the one that follows it."""
    scores = model(batch["inputs"])
    targets = torch.cat([batch["inputs"][:, 1:], batch["labels"][:, None]], 1)
    return functional.cross_entropy(scores.flatten(0, 1), targets.flatten())


def predict(model: nn.Module, inputs: Tensors) -> Tensors:
    found = {"predictions": model(inputs["inputs"])[:, -1]}
    if "continued" in inputs:
        found["text"] = torch.full((len(inputs["inputs"]), CONTINUATION), -1)
        wanted = inputs["continued"] > 0
        if wanted.any():
            found["text"][wanted] = continued(model, inputs["inputs"][wanted])
    return found


def continued(model: nn.Module, text: Tensor) -> Tensor:
    """What the model would write next, always the likeliest character: ``[N, CONTINUATION]``."""
    length = text.shape[1]
    for _ in range(CONTINUATION):
        next_one = model(text[:, -length:])[:, -1].argmax(1, keepdim=True)
        text = torch.cat([text, next_one], 1)
    return text[:, length:]


LESSON = Lesson(
    name="prose",
    model=ProseNet,
    prepare=prepare,
    loss=loss,
    predict=predict,
    measure=text_metrics,
    first=TrainingSettings(epochs=10, learning_rate=0.004, batch=16),
    own=TrainingSettings(epochs=4, learning_rate=0.002, batch=16),
)
