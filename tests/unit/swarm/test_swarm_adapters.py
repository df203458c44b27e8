"""The adapters with the real libraries, over a swarm in memory; skipped where they are missing."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
from callback_support import MemorySwarm, at_once
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from decentralml.chain.swarm.words import Presence
from decentralml.errors import BadSyncFrequency, SeveralProcesses

torch.set_num_threads(1)
ROOT = Path(__file__).parents[3]
NODES, STEPS = 2, 6
needs = {
    library: pytest.mark.skipif(
        find_spec(library) is None,
        reason=f"{library} is not installed: pip install 'decentralml[{library}]'",
    )
    for library in ("lightning", "transformers")
}


def examples(number: int) -> tuple[torch.Tensor, torch.Tensor]:
    inputs = torch.randn(8 * STEPS, 4, generator=torch.Generator().manual_seed(number))
    return inputs, (inputs[:, 0] > 0).long()


def same(models: list[nn.Module]) -> bool:
    first, *others = (list(model.state_dict().values()) for model in models)
    return all(torch.equal(a, b) for other in others for a, b in zip(first, other, strict=True))


@needs["lightning"]
def test_lightning_modules_learn_one_model(tmp_path: Path) -> None:
    from lightning.pytorch import LightningModule, Trainer

    from decentralml.swarm.adapters.lightning import LightningSwarm

    class Module(LightningModule):
        def __init__(self, seed: int) -> None:
            super().__init__()
            torch.manual_seed(seed)
            self.layer = nn.Linear(4, 2)

        def training_step(self, batch: Any, index: int) -> torch.Tensor:
            return nn.functional.cross_entropy(self.layer(batch[0]), batch[1])

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.SGD(self.parameters(), lr=0.1, momentum=0.9)

    swarm = MemorySwarm(tmp_path, seats=NODES)
    links = swarm.links(NODES)
    modules = [Module(number) for number in range(NODES)]
    callbacks = [LightningSwarm(4, link=link) for link in links]

    def work(number: int) -> None:
        Trainer(
            max_epochs=2,
            accelerator="cpu",
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            callbacks=[callbacks[number]],
        ).fit(modules[number], DataLoader(TensorDataset(*examples(number)), batch_size=8))

    at_once(swarm, work, NODES)
    assert same(modules)
    assert swarm.round == 1 + 2 * STEPS // 4
    assert [each.swarm.epochs for each in callbacks] == [2, 2]
    assert {kind for kind, _ in swarm.ended.values()} == {Presence.SNAPSHOT}
    assert callbacks[0].swarm.optimizer is not None


@needs["transformers"]
def test_transformers_models_learn_one_model(tmp_path: Path) -> None:
    from transformers import Trainer, TrainingArguments

    from decentralml.swarm.adapters.transformers import TransformersSwarm

    class Model(nn.Module):
        def __init__(self, seed: int) -> None:
            super().__init__()
            torch.manual_seed(seed)
            self.layer = nn.Linear(4, 2)

        def forward(self, inputs: torch.Tensor, labels: torch.Tensor) -> dict[str, torch.Tensor]:
            scores = self.layer(inputs)
            return {"loss": nn.functional.cross_entropy(scores, labels), "logits": scores}

    swarm = MemorySwarm(tmp_path, seats=NODES)
    models = [Model(number) for number in range(NODES)]
    callbacks = [TransformersSwarm(4, link=link) for link in swarm.links(NODES)]
    trainers = []
    for number in range(NODES):
        inputs, labels = examples(number)
        rows = [{"inputs": x, "labels": y} for x, y in zip(inputs, labels, strict=True)]
        settings = TrainingArguments(
            output_dir=str(tmp_path / f"out-{number}"),
            num_train_epochs=2,
            per_device_train_batch_size=8,
            report_to=[],
            save_strategy="no",
            disable_tqdm=True,
            use_cpu=True,
        )
        trainers.append(
            Trainer(models[number], settings, train_dataset=rows, callbacks=[callbacks[number]])
        )
    at_once(swarm, lambda number: trainers[number].train(), NODES)
    assert same(models)
    assert swarm.round == 1 + 2 * STEPS // 4
    assert [each.swarm.epochs for each in callbacks] == [2, 2]
    optimizer = callbacks[0].swarm.optimizer
    assert isinstance(optimizer, torch.optim.Optimizer) and optimizer.state_dict()["param_groups"]


@pytest.mark.parametrize("library", list(needs))
def test_bad_arguments_and_several_processes_are_named(library: str) -> None:
    pytest.importorskip(library, reason=f"pip install 'decentralml[{library}]'")
    if library == "lightning":
        from decentralml.swarm.adapters.lightning import LightningSwarm as Adapter
    else:
        from decentralml.swarm.adapters.transformers import TransformersSwarm as Adapter

    class Many:
        world_size = 4

    with pytest.raises(BadSyncFrequency):
        Adapter(0)
    with pytest.raises(SeveralProcesses, match="4 processes"):
        if library == "lightning":
            Adapter(1).on_train_start(Many(), nn.Identity())
        else:
            Adapter(1).on_train_begin(Many(), None, None, model=None, optimizer=None)


def test_a_missing_library_is_named_with_the_command_that_installs_it() -> None:
    program = """
import importlib, sys
from decentralml.errors import SwarmExtraMissing
for library in ("lightning", "transformers"):
    sys.modules[library] = None
    try:
        importlib.import_module(f"decentralml.swarm.adapters.{library}")
    except SwarmExtraMissing as error:
        print(error)
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout == (
        "Lightning is not installed; run: pip install 'decentralml[lightning]'\n"
        "Transformers is not installed; run: pip install 'decentralml[transformers]'\n"
    ), done.stderr
