"""``federate``."""

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
from decentralml.cli.output import document, table, to_plain
from decentralml.cli.units import format_metric, format_proportion
from decentralml.types import PPM, TaskId


@click.command(
    epilog=examples(
        "decentralml federate 3 --out next-model --as hospital",
        "decentralml federate 3 --out next-model --validation-path data/validation --no-publish",
    )
)
@click.argument("task", type=click.IntRange(0))
@click.option("--out", type=FOLDER, required=True, help="Folder for the next model.")
@click.option(
    "--only",
    type=click.IntRange(0),
    multiple=True,
    metavar="INDEX",
    help="Merge this accepted result; may be repeated  [default: all]",
)
@click.option(
    "--weights",
    type=click.Choice(("examples", "equal")),
    default="examples",
    show_default=True,
    help="How much each model counts.",
)
@click.option(
    "--publish/--no-publish",
    default=True,
    show_default=True,
    help="Store the model and record it on the chain.",
)
@click.option("--validation-path", type=EXISTING_FOLDER, help="Measure the next model on this.")
@common
@pass_settings
def federate(
    settings: Settings,
    task: int,
    out: Path,
    only: tuple[int, ...],
    weights: str,
    publish: bool,
    validation_path: Path | None,
) -> None:
    """Merge the accepted models of a task into the next model, and publish it."""
    from decentralml.market.federation import Weighting
    from decentralml.market.federation import federate as merge
    from decentralml.market.models import evaluate_merged

    with settings.session() as session:
        merged = merge(
            session,
            TaskId(task),
            out,
            weighting=Weighting(weights),
            only=only,
            publish=publish,
        )
        names = session.names
        measured = (
            None if validation_path is None else evaluate_merged(session, merged, validation_path)
        )
    if settings.json:
        document(to_plain(merged) | {"metrics": measured and measured.metrics})
        return
    table(
        ("index", "contributor", "examples", "share"),
        [
            (
                part.index,
                names.get(part.contributor, part.contributor),
                part.examples,
                format_proportion(int(part.share * PPM)),
            )
            for part in merged.parts
        ],
        right="index examples share",
    )
    click.echo(f"next model: {merged.model}")
    click.echo(f"{'published' if merged.published else 'not published'}: {merged.cid}")
    if measured is not None:
        for name, value in measured.metrics.items():
            click.echo(f"{name}: {format_metric(value)}")
