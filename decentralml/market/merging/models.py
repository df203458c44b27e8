"""Models without a chain: making the creator's first one, and measuring any."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from decentralml.bundles.fields import Fields, parse_json, parse_metrics
from decentralml.bundles.manifest import (
    MANIFEST_FILE,
    MAX_MANIFEST_BYTES,
    MODEL_FILE,
    STRUCTURE_FILE,
    TaskManifest,
)
from decentralml.bundles.pack import OUTCOME_FILE, find_result, open_task, pack_task
from decentralml.bundles.settings import DEFAULT_RUN, read_settings
from decentralml.config import Config
from decentralml.errors import FolderInUse, NotAModel, NothingToRun, TaskScriptFailed
from decentralml.market.creating.creator import with_model
from decentralml.market.exchange.fetch import fetch_task
from decentralml.market.merging.federation import Merged
from decentralml.market.session import Session
from decentralml.market.work import scratch
from decentralml.sandbox import Limits, command_for, run, run_unsandboxed
from decentralml.service.reporting import Reporter, Silent
from decentralml.types import TaskId, TaskType, ValidationStrategy
from decentralml.validation.evaluate import Bench, evaluate
from decentralml.validation.scores import Score

MODEL_BYTES = 16 << 30


@dataclass(frozen=True, slots=True)
class Trained:
    """A model that a bundle's script has made; metrics are the script's own words."""

    model: Path
    metrics: Mapping[str, float]
    seconds: float
    log: Path


def train_model(
    config: Config,
    bundle: Path,
    data: Path | None,
    out: Path,
    *,
    model: Path | None = None,
    sandboxed: bool = True,
    seconds: float = 3600.0,
    reporter: Reporter | None = None,
) -> Trained:
    """Run a creator's own bundle in the sandbox; the model that it saves becomes ``out``.

    Raises
    ------
    FolderInUse, NothingToRun, NotAModel, TaskScriptFailed, SandboxError
    """
    report = reporter or Silent()
    if out.exists():
        raise FolderInUse(out)
    script = DEFAULT_RUN
    if not (bundle / script).is_file():
        raise NothingToRun(str(bundle), script)
    lent = {"task": bundle}
    lent |= {} if data is None else {"data": data}
    lent |= {} if model is None else {"model": model}
    log = config.home / "logs" / f"{out.name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    report.step(f"running {script} {'in the sandbox' if sandboxed else 'WITHOUT a sandbox'}")
    with scratch(out.absolute().parent) as space:
        outcome = (run if sandboxed else run_unsandboxed)(
            command_for(script),
            mounts=lent,
            output=space / "output",
            limits=Limits(seconds=seconds, output_bytes=MODEL_BYTES),
            environment={"DML_CONTRIBUTOR": "creator"},
            log=log,
            on_line=report.line,
        )
        if not outcome.ok:
            raise TaskScriptFailed(script, outcome.describe(), outcome.exit_code, log)
        made = find_result(space / "output")
        require_model(made)
        metrics = read_metrics(made)
        made.rename(out)
    return Trained(out, metrics, outcome.seconds, log)


def evaluate_model(
    config: Config, model: Path, bundle: Path, data: Path, *, reporter: Reporter | None = None
) -> Score:
    """Score of a model on labelled data, by a bundle's prediction script, in the sandbox.

    Parameters
    ----------
    bundle : an author's folder, or a bundle that was packed.
    data : folder with ``inputs.safetensors`` and ``labels.safetensors``.

    Raises
    ------
    NotAModel, NothingToRun, ManifestError, ValidationError, SandboxError
    """
    require_model(model)
    with scratch(config.work) as space:
        if (bundle / MANIFEST_FILE).is_file():
            folder, manifest = bundle, open_task(bundle)
        else:
            # Packed around the model itself, whatever kind of task the bundle is for.
            settings = replace(
                read_settings(with_model(bundle, model, space / "source")),
                task_type=TaskType.MODEL_CONTRIBUTOR,
                strategy=ValidationStrategy.AUTO_ACCEPT,
                validator=None,
            )
            folder = space / "bundle"
            manifest = pack_task(space / "source", folder, settings)
        return _measure(config, folder, manifest, model, data, reporter or Silent())


def evaluate_merged(session: Session, merged: Merged, data: Path) -> Score:
    """Score of a task's next model on labelled data, by the task's own prediction script."""
    return evaluate_next(session, merged.task, merged.model, data)


def evaluate_next(session: Session, task: TaskId, model: Path, data: Path) -> Score:
    """The same, of a model that may have come from elsewhere.

    Raises
    ------
    NothingToRun, ValidationError, SandboxError
    """
    require_model(model)
    bundle = fetch_task(session, session.chain.task(task))
    return _measure(session.config, bundle.folder, bundle.manifest, model, data, session.report)


def require_model(folder: Path) -> None:
    """Raise NotAModel unless a folder holds a saved model."""
    if not all((folder / name).is_file() for name in (MODEL_FILE, STRUCTURE_FILE)):
        raise NotAModel(folder)


def read_metrics(folder: Path) -> Mapping[str, float]:
    """What a script says it measured, in the folder that it left; empty where it says nothing."""
    file = folder / OUTCOME_FILE
    if not file.is_file():
        return {}
    with file.open("rb") as stream:
        data = stream.read(MAX_MANIFEST_BYTES + 1)
    document = parse_json(data, OUTCOME_FILE, MAX_MANIFEST_BYTES)
    return parse_metrics(Fields(OUTCOME_FILE, "", document).section("metrics"))


def _measure(
    config: Config,
    bundle: Path,
    manifest: TaskManifest,
    model: Path,
    data: Path,
    report: Reporter,
) -> Score:
    if manifest.evaluation is None or manifest.evaluation.predict is None:
        raise NothingToRun(str(bundle), "prediction script (predict.py)")
    report.step(f"measuring {model.name} on {data.name}")
    return evaluate(bundle, manifest, model, data, Bench(scratch=config.work))
