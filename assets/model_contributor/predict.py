"""Predictions of a result, for the aggregators that evaluate it.

Gets DML_MODEL (a result's folder) and DML_DATA (``inputs.safetensors`` without labels); writes
``predictions.safetensors`` with the scores ``[N, 10]`` to DML_OUTPUT. The metric is computed
outside, where the labels are.
"""

import os
from pathlib import Path

import torch
from safetensors.torch import save_file

from decentralml.learning.examples import images, read_inputs
from decentralml.learning.models import load_model
from decentralml.learning.scripts import ready
from decentralml.learning.train import predict


def main() -> None:
    with ready():
        model = load_model(Path(os.environ["DML_MODEL"]))
        inputs = torch.from_numpy(images(read_inputs(Path(os.environ["DML_DATA"]))))
        scores = predict(model, inputs)
    save_file({"predictions": scores}, Path(os.environ["DML_OUTPUT"]) / "predictions.safetensors")


if __name__ == "__main__":
    main()
