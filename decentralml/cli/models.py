"""``train-model`` and ``evaluate-model``: models without a chain."""

from __future__ import annotations

from pathlib import Path

import click

from decentralml.cli.options import (
    EXISTING_FOLDER,
    FOLDER,
    Settings,
    common,
    examples,
    pass_settings,
)
from decentralml.cli.output import document
from decentralml.cli.units import DURATION, format_metric


@click.command(
    epilog=examples(
        "decentralml train-model assets/model_creator --data data/creator --out first-model"
    )
)
@click.argument("bundle", type=EXISTING_FOLDER)
@click.option("--data", type=EXISTING_FOLDER, help="Examples to train on, mounted read-only.")
@click.option("--out", type=FOLDER, required=True, help="New folder for the model.")
@click.option("--model", type=EXISTING_FOLDER, help="Model to go on from.")
@click.option("--no-sandbox", is_flag=True, help="Run the bundle's script with all your rights.")
@click.option("--time-limit", type=DURATION, default="1h", show_default=True)
@common
@pass_settings
def train_model(
    settings: Settings,
    bundle: Path,
    data: Path | None,
    out: Path,
    model: Path | None,
    no_sandbox: bool,
    time_limit: int,
) -> None:
    """Run a creator's own BUNDLE in the sandbox to make a first model."""
    from decentralml.market.merging.models import train_model as train

    settings.anew = True
    trained = train(
        settings.config(),
        bundle,
        data,
        out,
        model=model,
        sandboxed=not no_sandbox,
        seconds=time_limit / 1000,
        reporter=settings.terminal,
    )
    if settings.json:
        document(trained)
    else:
        for name, value in trained.metrics.items():
            click.echo(f"{name}: {format_metric(value)}")
        click.echo(f"model: {trained.model} ({trained.seconds:.1f} s)")


@click.command(
    epilog=examples(
        "decentralml evaluate-model next-model --bundle assets/model_contributor --data data/test"
    )
)
@click.argument("model", type=EXISTING_FOLDER)
@click.option(
    "--bundle",
    type=EXISTING_FOLDER,
    required=True,
    help="Bundle whose predict script makes the predictions.",
)
@click.option(
    "--data", type=EXISTING_FOLDER, required=True, help="inputs.safetensors and labels.safetensors."
)
@common
@pass_settings
def evaluate_model(settings: Settings, model: Path, bundle: Path, data: Path) -> None:
    """Measure a MODEL on labelled data: the bundle predicts in the sandbox, without the labels."""
    from decentralml.market.merging.models import evaluate_model as evaluate

    found = evaluate(settings.config(), model, bundle, data, reporter=settings.terminal)
    if settings.json:
        document({"model": model, "metrics": found.metrics, "score": found.ppm})
    else:
        for name, value in found.metrics.items():
            click.echo(f"{name}: {format_metric(value)}")
