"""An engineer's work: change the structure of the creator's model, then train it.

    python model_engineer.py [--model DIR] [--data DIR] [--output DIR] [--contributor ID]

The folders come from the environment: DML_TASK (this bundle, with the creator's model in
``model``), DML_DATA (``inputs.safetensors`` and ``labels.safetensors``), DML_OUTPUT. Writes the
folder ``digits_CONTRIBUTOR`` there: ``model.py`` (the new structure), ``model.safetensors``,
``structure.json``, ``result.json``.
"""

import argparse
import json
import os
import shutil
from pathlib import Path

import settings
import torch
from model import DeepDigitNet
from torch import Tensor, nn

from decentralml.learning.examples import images, read_examples
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


def redefine_model(base: nn.Module) -> nn.Module:
    """The new structure; what it has in common with the base model goes on from there."""
    torch.manual_seed(settings.SEED)
    model = DeepDigitNet()
    known, wanted = base.state_dict(), model.state_dict()
    kept = {n: v for n, v in known.items() if n in wanted and v.shape == wanted[n].shape}
    model.load_state_dict(wanted | kept)
    print(f"kept {len(kept)} of the base model's {len(known)} tensors")
    return model


def train_model(model: nn.Module, data: Examples) -> None:
    """Train the model in place, for a few epochs."""
    chosen = TrainingSettings(
        epochs=settings.EPOCHS,
        learning_rate=settings.LEARNING_RATE,
        momentum=settings.MOMENTUM,
        batch=settings.BATCH,
        seed=settings.SEED,
    )
    train(
        model, *data, chosen, lambda n, loss: print(f"epoch {n}/{chosen.epochs}: loss {loss:.4f}")
    )


def save(model: nn.Module, folder: Path, examples: int, metrics: dict[str, float]) -> None:
    """Structure and its code, weights, and what is to be said of them."""
    save_model(model, folder)
    shutil.copyfile(Path(__file__).with_name("model.py"), folder / "model.py")
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
        base = load_model(options.model)
        before = evaluate(base, *held_out)
        model = redefine_model(base)
        train_model(model, own)
        after = evaluate(model, *held_out)
        print(f"accuracy on held-out examples: {before['accuracy']:.3f} -> {after['accuracy']:.3f}")
        folder = options.output / f"{settings.NAME}_{options.contributor}"
        save(model, folder, len(own[1]), after)


if __name__ == "__main__":
    main()
