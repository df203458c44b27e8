"""A contributor's work: train the creator's model on examples that never leave this machine.

    python model_contributor.py [--model DIR] [--data DIR] [--output DIR] [--contributor ID]

The folders come from the environment: DML_TASK (this bundle, with the creator's model in
``model``), DML_DATA (``inputs.safetensors`` and ``labels.safetensors``), DML_OUTPUT. Writes the
folder ``digits_CONTRIBUTOR`` there: ``model.safetensors``, ``structure.json``, ``result.json``.
"""

import argparse
import json
import os
from pathlib import Path

import settings
import torch
from torch import Tensor, nn

from decentralml.learning.examples import images, read_examples
from decentralml.learning.local import local_settings
from decentralml.learning.models import load_model, save_model
from decentralml.learning.scripts import ready
from decentralml.learning.train import TrainingSettings, evaluate, train

Examples = tuple[Tensor, Tensor]


def load_data(folder: Path) -> tuple[Examples, Examples]:
    """Images ``[N, 1, 28, 28]`` and labels ``[N]``: those to train on, and those held out."""
    examples = read_examples(folder)
    inputs, labels = torch.from_numpy(images(examples.inputs)), torch.from_numpy(examples.labels)
    held_out = torch.arange(len(labels)) % settings.HELD_OUT == 0
    return (inputs[~held_out], labels[~held_out]), (inputs[held_out], labels[held_out])


def train_model(model: nn.Module, data: Examples, task: Path) -> dict[str, float]:
    """Train the model in place, for a few epochs, or as the task's bundle asks for.

    Returns what is to be said of that besides: the epsilon of a private training.
    """
    usual = TrainingSettings(
        epochs=settings.EPOCHS,
        learning_rate=settings.LEARNING_RATE,
        momentum=settings.MOMENTUM,
        batch=settings.BATCH,
        seed=settings.SEED,
    )
    chosen = local_settings(task, usual)
    spent = train(
        model, *data, chosen, lambda n, loss: print(f"epoch {n}/{chosen.epochs}: loss {loss:.4f}")
    )
    if spent is None:
        return {}
    print(f"privacy of each example: epsilon {spent.epsilon:.3g} at delta {spent.delta:g}")
    return {"epsilon": spent.epsilon}


def save(model: nn.Module, folder: Path, examples: int, metrics: dict[str, float]) -> None:
    """Structure, weights, and what is to be said of them."""
    save_model(model, folder)
    document = {"examples": examples, "metrics": metrics}
    (folder / "result.json").write_text(json.dumps(document, indent=2) + "\n")


def main() -> None:
    env = os.environ
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    task = Path(env.get("DML_TASK", Path(__file__).parent))
    parser.add_argument("--model", type=Path, default=task / "model")
    parser.add_argument("--data", type=Path, default=env.get("DML_DATA"))
    parser.add_argument("--output", type=Path, default=env.get("DML_OUTPUT"))
    parser.add_argument("--contributor", default=env.get("DML_CONTRIBUTOR", "me"))
    options = parser.parse_args()
    if options.data is None or options.output is None:
        parser.error("name the folders: --data and --output, or DML_DATA and DML_OUTPUT")
    with ready():
        own, held_out = load_data(options.data)
        model = load_model(options.model)
        before = evaluate(model, *held_out)
        said = train_model(model, own, task)
        after = evaluate(model, *held_out)
        print(f"accuracy on held-out examples: {before['accuracy']:.3f} -> {after['accuracy']:.3f}")
        folder = options.output / f"{settings.NAME}_{options.contributor}"
        save(model, folder, len(own[1]), after | said)


if __name__ == "__main__":
    main()
