"""The creator's side: a first model for the contributors, and the next one from theirs.

    python model_creator.py make --data DIR --output DIR [--validation DIR]
    python model_creator.py federate --models DIR DIR … --output DIR [--validation DIR]

``make`` writes the folder ``digits_creator`` into the output folder, ``federate`` the folder
``digits_federated``: ``model.safetensors``, ``structure.json`` and ``result.json``. In the
sandbox, DML_DATA and DML_OUTPUT name the folders.
"""

import argparse
import json
import os
from pathlib import Path

import settings
import torch
from torch import nn

from decentralml.learning.examples import images, read_examples
from decentralml.learning.federate import federate as merge
from decentralml.learning.models import DigitNet, load_model, save_model
from decentralml.learning.scripts import ready
from decentralml.learning.train import TrainingSettings, evaluate, train
from decentralml.learning.update import Update


def make_model() -> nn.Module:
    """A new network, the same at every run."""
    torch.manual_seed(settings.SEED)
    return DigitNet()


def compile_model() -> TrainingSettings:
    """How it is trained: stochastic gradient descent on the cross entropy."""
    return TrainingSettings(
        epochs=settings.FIRST_EPOCHS,
        learning_rate=settings.LEARNING_RATE,
        momentum=settings.MOMENTUM,
        batch=settings.FIRST_BATCH,
        seed=settings.SEED,
    )


def train_model(model: nn.Module, data: Path) -> int:
    """Train on the few examples that the creator has; how many they are."""
    inputs, labels = load(data)
    train(
        model, inputs, labels, compile_model(), lambda n, loss: print(f"epoch {n} loss {loss:.4f}")
    )
    return len(labels)


def evaluate_model(model: nn.Module, data: Path) -> dict[str, float]:
    """Accuracy and loss on the examples of a folder."""
    return evaluate(model, *load(data))


def federate(models: list[Path], validation: Path | None, output: Path) -> Path:
    """Merge the contributors' models, each weighted by the examples it was trained on."""
    updates = [Update(path, examples_of(path)) for path in models]
    folder = merge(updates, output / f"{settings.NAME}_federated").path
    metrics = evaluate_model(load_model(folder), validation) if validation else {}
    write_result(folder, sum(update.examples for update in updates), metrics)
    return folder


def make(data: Path, validation: Path | None, output: Path) -> Path:
    model = make_model()
    examples = train_model(model, data)
    # Without examples held back, all that can be measured is how well it learned these.
    measured = evaluate_model(model, validation or data)
    prefix = "" if validation else "training_"
    metrics = {prefix + name: value for name, value in measured.items()}
    folder = save_model(model, output / f"{settings.NAME}_creator")
    write_result(folder, examples, metrics)
    return folder


def load(data: Path) -> tuple[torch.Tensor, torch.Tensor]:
    examples = read_examples(data)
    return torch.from_numpy(images(examples.inputs)), torch.from_numpy(examples.labels)


def examples_of(folder: Path) -> int:
    """How many examples a result says it was trained on: in its manifest once it was sent."""
    sent = folder / "manifest.json"
    document = json.loads((sent if sent.exists() else folder / "result.json").read_text())
    return int(document["examples"])


def write_result(folder: Path, examples: int, metrics: dict[str, float]) -> None:
    document = {"examples": examples, "metrics": metrics}
    (folder / "result.json").write_text(json.dumps(document, indent=2) + "\n")
    told = "".join(f", {name} {value:.4g}" for name, value in metrics.items())
    print(f"{folder.name}: {examples} examples{told}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    first = commands.add_parser("make", help="make, train, evaluate and save the first model")
    first.add_argument("--data", type=Path, default=os.environ.get("DML_DATA"))
    merged = commands.add_parser("federate", help="merge the contributors' models")
    merged.add_argument("--models", type=Path, nargs="+", required=True)
    for command in (first, merged):
        command.add_argument("--validation", type=Path, help="examples to evaluate it on")
        command.add_argument("--output", type=Path, default=os.environ.get("DML_OUTPUT"))
    options = parser.parse_args()
    if options.output is None or (options.command == "make" and options.data is None):
        parser.error("name the folders: --data and --output, or DML_DATA and DML_OUTPUT")
    with ready():
        if options.command == "make":
            make(options.data, options.validation, options.output)
        else:
            federate(options.models, options.validation, options.output)


if __name__ == "__main__":
    main()
