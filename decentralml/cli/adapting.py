"""``adapt``: a meta-learner and a user's few examples."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from decentralml.cli.options import (
    EXISTING_FOLDER,
    FOLDER,
    Settings,
    common,
    examples,
    pass_settings,
)
from decentralml.cli.output import document, table

if TYPE_CHECKING:
    from decentralml.learning.meta.finetune import Change, FineTuned


@click.command(
    epilog=examples(
        "decentralml adapt 7 --support mine/labelled --query mine/more --out my-model",
        "decentralml adapt next-model --support mine/labelled --steps 5 --rate 0.1",
    )
)
@click.argument("model")
@click.option(
    "--support", type=EXISTING_FOLDER, required=True, help="Your labelled examples, to adapt on."
)
@click.option("--query", type=EXISTING_FOLDER, help="More of them, to measure on.")
@click.option("--steps", type=click.IntRange(1), help="Else the model's own.")
@click.option("--rate", type=float, help="Of the steps; else the model's own.")
@click.option("--out", type=FOLDER, help="New folder for the adapted model.")
@common
@pass_settings
def adapt(
    settings: Settings,
    /,
    model: str,
    support: Path,
    query: Path | None,
    steps: int | None,
    rate: float | None,
    out: Path | None,
) -> None:
    """Fine-tune a meta-learned MODEL on your own examples: a few steps of gradient descent.

    MODEL is a folder, a CID (or the beginning of a published one's), or the number of the task
    that published it. How many steps and at what rate is in the model; rates that it has learned
    for each of its elements (Meta-SGD) are used as they are.
    """
    from decentralml.errors import FolderInUse
    from decentralml.learning.meta.finetune import fine_tune
    from decentralml.market.merging.adapting import model_named

    if out is not None and out.exists():
        raise FolderInUse(out)
    with model_named(model, settings.session) as folder:
        found = fine_tune(folder, support, query=query, steps=steps, rate=rate, out=out)
    if settings.json:
        document(found)
        return
    _print(found)


def _print(found: FineTuned) -> None:
    at = "learned rates" if found.rate is None else f"rate {found.rate:g}"
    click.echo(f"{found.learner}, {found.steps} steps, {at}")
    if found.classes is not None:
        heads = ", ".join(f"{place} is class {label}" for place, label in enumerate(found.classes))
        click.echo(f"outputs: {heads}")
    sets = [("support", found.support)] + ([] if found.query is None else [("query", found.query)])
    table(
        ("set", "examples", "before", "after"),
        [_row(name, change) for name, change in sets],
        right="examples before after",
    )
    if found.model is not None:
        click.echo(f"model: {found.model}")


def _row(name: str, change: Change) -> tuple[object, ...]:
    return name, change.examples, f"{change.before:.2%}", f"{change.after:.2%}"
