"""Spoken numbers: how the model learns to write down their digits."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from decentralml.learning.lesson import Arrays, Lesson, Tensors
from decentralml.learning.models import SpeechNet
from decentralml.learning.models.speech import BLANK, from_mu_law, log_mel, words_heard
from decentralml.learning.train import TrainingSettings
from decentralml.validation.scores.measures.audio import audio_metrics


def prepare(stored: Arrays) -> Tensors:
    features = log_mel(from_mu_law(torch.from_numpy(stored["inputs"])))
    words = {"words": torch.from_numpy(stored["words"])} if "words" in stored else {}
    return {"features": features} | words


def loss(model: nn.Module, batch: Tensors) -> Tensor:
    """CTC's: however the words are spread over the steps."""
    steps = model(batch["features"]).log_softmax(2).transpose(0, 1)
    spoken = batch["words"] >= 0
    return functional.ctc_loss(
        steps,
        batch["words"].clamp(min=0) + 1,
        torch.full((steps.shape[1],), steps.shape[0]),
        spoken.sum(1),
        blank=BLANK,
    )


def predict(model: nn.Module, inputs: Tensors) -> Tensors:
    return {"words": words_heard(model(inputs["features"]))}


LESSON = Lesson(
    name="numbers",
    model=SpeechNet,
    prepare=prepare,
    loss=loss,
    predict=predict,
    measure=audio_metrics,
    first=TrainingSettings(epochs=36, learning_rate=0.006, batch=8),
    own=TrainingSettings(epochs=8, learning_rate=0.002, batch=16),
)
