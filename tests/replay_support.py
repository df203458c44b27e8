"""A replayable task on real digits, and its script run in this process: quick, and no sandbox."""

from __future__ import annotations

import hashlib
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import torch

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "scripts" / "lib"))

from replay_cheats import CHEATS, Lab, Run, apart, farthest, write_run  # noqa: E402

from decentralml.bundles.manifest import TaskManifest  # noqa: E402
from decentralml.bundles.pack import pack_task  # noqa: E402
from decentralml.bundles.replay import Environment, Optimizer, Recipe, Trace, trace_of  # noqa: E402
from decentralml.bundles.settings import read_settings  # noqa: E402
from decentralml.learning.examples import images, read_examples  # noqa: E402
from decentralml.learning.models import load_model, save_model  # noqa: E402
from decentralml.learning.replay.trainer import ReplayableTrainer  # noqa: E402
from decentralml.sandbox import Limits, Outcome, PythonEnvironment, Reason  # noqa: E402

__all__ = ["CHEATS", "apart", "farthest"]

BUNDLE = ROOT / "assets" / "examples" / "replay_digits"
SEED = bytes(range(32))
RECIPE = Recipe(
    data="data",
    optimizer=Optimizer.MOMENTUM,
    learning_rate=0.02,
    batch_size=20,
    steps=24,
    interval=4,
    seed=0,
    tolerance_ppm=1000,
    time_limit=60,
    environment=Environment.here(),
)
"""Six segments: enough for the point, and quick."""


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Tests that import this compute as their trainers do, bit for bit."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def packed(
    folder: Path, source: Path = BUNDLE, *, recipe: bool = True, **environment: str
) -> tuple[Path, TaskManifest]:
    """The example bundle with :data:`RECIPE`, and nothing that needs a validation set."""
    settings = replace(read_settings(source), evaluation=None)
    chosen = replace(RECIPE, environment=replace(RECIPE.environment, **environment))
    settings = replace(settings, replay=chosen if recipe else None)
    return folder / "bundle", pack_task(source, folder / "bundle", settings)


def lab(manifest: TaskManifest | None = None) -> Lab:
    """The same task for those who make runs of it, honest or not."""
    recipe = RECIPE if manifest is None or manifest.replay is None else manifest.replay
    examples = read_examples(BUNDLE / "data")
    inputs, labels = torch.from_numpy(images(examples.inputs)), torch.from_numpy(examples.labels)
    return Lab(load_model(BUNDLE / "model"), inputs, labels, recipe, SEED)


def write_result(of: Lab, run: Run, folder: Path) -> Path:
    """The files of a result whose run this is, and whose model is that of its end."""
    training = of.training()
    training.load(run[-1], "the end")
    save_model(training.model, folder)
    write_run(run, folder)
    return folder


def trace(folder: Path) -> Trace:
    """What a contributor commits to."""
    found = trace_of(
        {
            f"checkpoints/{file.name}": hashlib.sha256(file.read_bytes()).hexdigest()
            for file in (folder / "checkpoints").iterdir()
        }
    )
    assert found is not None
    return found


def in_process(
    bundle: Path,
    output: Path,
    environment: Mapping[str, str],
    checkpoints: Path | None = None,
    *,
    catch: bool = True,
) -> Outcome:
    """What the bundle's script does, in this process."""
    variables = dict(environment) | {"DML_TASK": str(bundle), "DML_OUTPUT": str(output)}
    if checkpoints is not None:
        variables["DML_CHECKPOINTS"] = str(checkpoints)
    try:
        ReplayableTrainer.from_bundle(prepare=images, environment=variables).run()
    except (Exception, SystemExit):
        if not catch:
            raise
        return Outcome(1, Reason.EXITED, 0.0, traceback.format_exc())
    return Outcome(0, Reason.EXITED, 0.0, "")


@dataclass
class InProcess:
    """Stands in for the sandbox: a :class:`~decentralml.sandbox.Runner`.

    Attributes
    ----------
    after : what becomes of the output of each run, which is called with its number, from one.
    runs : the variables of each run.
    """

    after: Callable[[int, Path], None] | None = None
    runs: list[Mapping[str, str]] = field(default_factory=list)

    def __call__(
        self,
        command: list[str],
        *,
        mounts: Mapping[str, Path],
        output: Path,
        limits: Limits | None = None,
        environment: Mapping[str, str] | None = None,
        log: Path | None = None,
        on_line: Any = None,
        python: PythonEnvironment | None = None,
    ) -> Outcome:
        self.runs.append(environment or {})
        outcome = in_process(mounts["task"], output, environment or {}, mounts["checkpoints"])
        if self.after:
            self.after(len(self.runs), output)
        return outcome
