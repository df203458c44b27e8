"""Finding, outlining and naming the one digit of a scene: how the model learns it."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from decentralml.learning.lesson import Arrays, Lesson, Tensors
from decentralml.learning.models import SceneNet
from decentralml.learning.train import TrainingSettings
from decentralml.validation.scores.measures.vision import vision_metrics

PIXELS = 40
EDGE_WEIGHT = 3.0
"""Of a pixel on an edge: most pixels are none."""


def prepare(stored: Arrays) -> Tensors:
    scenes = torch.from_numpy(stored["inputs"]).float()[:, None] / 255
    labels = {name: torch.from_numpy(stored[name]) for name in stored if name != "inputs"}
    return {"scenes": scenes} | labels


def loss(model: nn.Module, batch: Tensors) -> Tensor:
    """How far off the box is (as a share of the scene), the outline, and the name."""
    found = model(batch["scenes"])
    top_left_first = batch["objects"][:, 0, 1:]
    boxes = functional.smooth_l1_loss(found["boxes"] / PIXELS, top_left_first / PIXELS, beta=0.02)
    edges = functional.binary_cross_entropy_with_logits(
        found["edges"], batch["edges"].float(), pos_weight=torch.tensor(EDGE_WEIGHT)
    )
    return 10 * boxes + edges + functional.cross_entropy(found["classes"], batch["labels"])


def predict(model: nn.Module, inputs: Tensors) -> Tensors:
    found = model(inputs["scenes"])
    names = found["classes"].argmax(1, keepdim=True)
    return {
        "objects": torch.cat([names, found["boxes"]], 1)[:, None],
        "edges": found["edges"].sigmoid(),
        "predictions": found["classes"],
    }


LESSON = Lesson(
    name="scenes",
    model=SceneNet,
    prepare=prepare,
    loss=loss,
    predict=predict,
    measure=vision_metrics,
    first=TrainingSettings(epochs=20, learning_rate=0.003, batch=16),
    own=TrainingSettings(epochs=6, learning_rate=0.002),
)
