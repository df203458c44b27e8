"""The creator's own judge, for tasks with the policy CustomAccept.

Gets DML_TASK (this bundle, with the base model in ``model``), DML_MODEL (a result's folder) and
DML_DATA (the held-out examples with their labels); writes ``verdict.json`` to DML_OUTPUT. A model
that became much worse than the base, or that no longer knows a digit that the base knew, was
poisoned or broken; one that specialised somewhat in its contributor's digits was not.
"""

import json
import os
from pathlib import Path

import torch
from torch import Tensor, nn

from decentralml.learning.examples import images, read_examples
from decentralml.learning.models import load_model
from decentralml.learning.scripts import ready
from decentralml.learning.train import predict

LARGEST_DROP = 0.15
"""Of accuracy, from the base model's."""
COLLAPSE = 0.25
"""Recall of a digit below which it counts as lost, unless the base model's is below it too."""


def recalls(model: nn.Module, inputs: Tensor, labels: Tensor) -> dict[int, float]:
    """The share of each digit's examples that the model names rightly."""
    found = predict(model, inputs).argmax(1)
    return {
        digit: (found[labels == digit] == digit).double().mean().item()
        for digit in sorted(set(labels.tolist()))
    }


def judge(base: dict[int, float], result: dict[int, float], counts: dict[int, int]) -> str | None:
    """Why a result is to be rejected; None if it is not."""
    drop = accuracy(base, counts) - accuracy(result, counts)
    if drop > LARGEST_DROP:
        return f"accuracy is {drop:.3f} below the base model's"
    lost = [d for d in result if result[d] < COLLAPSE <= base[d]]
    if lost:
        return f"it no longer recognises {', '.join(map(str, lost))}"
    return None


def accuracy(recall: dict[int, float], counts: dict[int, int]) -> float:
    return sum(recall[d] * counts[d] for d in recall) / sum(counts.values())


def validate() -> dict[str, object]:
    examples = read_examples(Path(os.environ["DML_DATA"]))
    inputs, labels = torch.from_numpy(images(examples.inputs)), torch.from_numpy(examples.labels)
    counts = {d: int((labels == d).sum()) for d in sorted(set(labels.tolist()))}
    base = recalls(load_model(Path(os.environ["DML_TASK"]) / "model"), inputs, labels)
    result = recalls(load_model(Path(os.environ["DML_MODEL"])), inputs, labels)
    score = accuracy(result, counts)
    fault = judge(base, result, counts)
    return {
        "verdict": "fail" if fault else "pass",
        "score": score,
        "reason": fault or f"accuracy {score:.3f}, base model {accuracy(base, counts):.3f}",
    }


def main() -> None:
    with ready():
        verdict = validate()
    print(verdict)
    (Path(os.environ["DML_OUTPUT"]) / "verdict.json").write_text(json.dumps(verdict) + "\n")


if __name__ == "__main__":
    main()
