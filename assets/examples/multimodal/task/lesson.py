"""A digit that is seen, heard and written: how one model learns to name it from any of these."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from decentralml.learning.lesson import Arrays, Lesson, Tensors
from decentralml.learning.models import JointNet
from decentralml.learning.models.joint import SENSES
from decentralml.learning.models.speech import from_mu_law, log_mel
from decentralml.learning.train import TrainingSettings
from decentralml.validation.scores.measures.multimodal import multimodal_metrics


def prepare(stored: Arrays) -> Tensors:
    prepared = {
        "image": torch.from_numpy(stored["image"]).float()[:, None] / 255,
        "audio": log_mel(from_mu_law(torch.from_numpy(stored["audio"]))),
        "text": torch.from_numpy(stored["text"]).long(),
    }
    return prepared | ({"labels": torch.from_numpy(stored["labels"])} if "labels" in stored else {})


def loss(model: nn.Module, batch: Tensors) -> Tensor:
    """From each sense alone, and from all three together."""
    alone = [{sense: batch[sense]} for sense in SENSES]
    together = {sense: batch[sense] for sense in SENSES}
    losses = [functional.cross_entropy(model(s), batch["labels"]) for s in (*alone, together)]
    return torch.stack(losses).mean()


def predict(model: nn.Module, inputs: Tensors) -> Tensors:
    together = {sense: inputs[sense] for sense in SENSES}
    return {sense: model({sense: inputs[sense]}) for sense in SENSES} | {
        "predictions": model(together)
    }


LESSON = Lesson(
    name="digits",
    model=JointNet,
    prepare=prepare,
    loss=loss,
    predict=predict,
    measure=multimodal_metrics,
    first=TrainingSettings(epochs=8, learning_rate=0.003, batch=8),
    own=TrainingSettings(epochs=5, learning_rate=0.002),
)
