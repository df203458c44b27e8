"""Predictions of an engineer's result, for the aggregators that evaluate it.

Gets DML_MODEL (a result's folder, with ``model.py``) and DML_DATA (``inputs.safetensors`` without
labels); writes ``predictions.safetensors`` with the scores ``[N, 10]`` to DML_OUTPUT. The
engineer's code runs here, so here is nothing worth stealing: no labels, no network.
"""

import importlib.util
import os
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn

from decentralml.learning.examples import images, read_inputs
from decentralml.learning.models import MODELS, load_model
from decentralml.learning.scripts import ready
from decentralml.learning.train import predict


def classes_of(file: Path) -> dict[str, type[nn.Module]]:
    """The networks that a ``model.py`` defines, by name; running it is the price."""
    spec = importlib.util.spec_from_file_location("engineered", file)
    if spec is None or spec.loader is None:
        raise SystemExit(f"{file} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return {
        name: found
        for name, found in vars(module).items()
        if isinstance(found, type) and issubclass(found, nn.Module)
    }


def main() -> None:
    folder = Path(os.environ["DML_MODEL"])
    # The base model, which the result is compared with, is of one of the library's own classes.
    code = folder / "model.py"
    classes = classes_of(code) if code.exists() else MODELS
    with ready():
        model = load_model(folder, classes)
        inputs = torch.from_numpy(images(read_inputs(Path(os.environ["DML_DATA"]))))
        scores = predict(model, inputs)
    save_file({"predictions": scores}, Path(os.environ["DML_OUTPUT"]) / "predictions.safetensors")


if __name__ == "__main__":
    main()
