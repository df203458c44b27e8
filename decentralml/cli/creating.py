"""``create-task``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from decentralml.cli.options import EXISTING_FOLDER, Settings, common, examples, pass_settings
from decentralml.cli.output import document
from decentralml.cli.units import AMOUNT, DURATION, PROPORTION, TIME, When, format_amount
from decentralml.types import ModelType, StorageType, TaskId, TaskType, ValidationStrategy


def choice(kind: type[Any]) -> click.Choice[Any]:
    """A choice among an enumeration's values, whatever their case."""
    return click.Choice([member.value for member in kind], case_sensitive=False)


@click.command(
    epilog=examples(
        "decentralml create-task assets/model_contributor --base-model first-model \\",
        "    --reward 40 --fee 2 --results 3 --policy AutoAccept --min-gain 0.01 \\",
        "    --validation-path data/validation --expires 2h --as hospital",
        "decentralml create-task assets/data_annotator --type DataAnnotators --reward 5 --fee 1",
    )
)
@click.argument("bundle", type=EXISTING_FOLDER, metavar="BUNDLE_PATH")
@click.option("--reward", type=AMOUNT, required=True, help="For each accepted result.")
@click.option("--fee", type=AMOUNT, required=True, help="For each validating aggregator.")
@click.option(
    "--results",
    type=click.IntRange(1, 10_000),
    default=1,
    show_default=True,
    help="How many results are wanted.",
)
@click.option(
    "--committee",
    type=click.IntRange(1, 9),
    default=3,
    show_default=True,
    help="Aggregators that validate a result (odd).",
)
@click.option(
    "--policy",
    "strategy",
    type=choice(ValidationStrategy),
    help="Who decides; task.toml, else AutoAccept.",
)
@click.option("--type", "task_type", type=choice(TaskType), help="Work wanted; else task.toml's.")
@click.option("--model-type", type=choice(ModelType), help="Else task.toml's, else Vision.")
@click.option("--expires", type=TIME, help="When nobody can accept any more  [default: 7d]")
@click.option(
    "--expiration-block", type=click.IntRange(1, 2**32 - 1), help="The same as a block number."
)
@click.option(
    "--working-time",
    type=DURATION,
    default="1d",
    show_default=True,
    help="From acceptance to the result.",
)
@click.option(
    "--review-time",
    type=DURATION,
    default="1d",
    show_default=True,
    help="For your decision (ManualAccept).",
)
@click.option("--base-model", type=EXISTING_FOLDER, help="Model to begin from: bundle's model/.")
@click.option(
    "--validation-path",
    type=EXISTING_FOLDER,
    help="Held-out data, sealed to the aggregators in office.",
)
@click.option("--validator", metavar="SCRIPT", help="The bundle's own judge (CustomAccept).")
@click.option("--min-score", type=PROPORTION, help="Least score of an acceptable result.")
@click.option("--min-gain", type=PROPORTION, help="Least gain over the base model.")
@click.option("--parent", type=click.IntRange(0), help="Task whose published model this continues.")
@click.option("--name", help="Name of the task; else task.toml's, else the folder's.")
@click.option(
    "--storage-type",
    "storage",
    type=choice(StorageType),
    default="IPFS",
    show_default=True,
    help="What the chain says about where the bundle lies.",
)
@common
@pass_settings
def create_task(
    settings: Settings,
    /,
    bundle: Path,
    expires: When | None,
    validation_path: Path | None,
    min_score: int | None,
    min_gain: int | None,
    parent: int | None,
    task_type: str | None,
    strategy: str | None,
    model_type: str | None,
    storage: str,
    **terms: Any,
) -> None:
    """Pack BUNDLE_PATH, store it, and post the task with its reward in escrow.

    The escrow holds results x (reward + fee x committee). If the command is interrupted, the same
    command goes on where it stopped and never posts the task twice.
    """
    from decentralml.market.creator import create_task as create
    from decentralml.market.offer import Offer

    offer = Offer(
        expires_in=None if expires is None or expires.at is not None else expires.after,
        expires_at=None if expires is None else expires.at,
        validation_set=validation_path,
        minimum_score=min_score,
        minimum_gain=min_gain,
        parent=None if parent is None else TaskId(parent),
        task_type=None if task_type is None else TaskType(task_type),
        strategy=None if strategy is None else ValidationStrategy(strategy),
        model_type=None if model_type is None else ModelType(model_type),
        storage=StorageType(storage),
        **terms,
    )
    with settings.session() as session:
        created = create(session, bundle, offer)
    if settings.json:
        document(created)
        return
    state = "was posted before" if created.resumed else "is posted"
    click.echo(
        f"task {created.task} {state}: {format_amount(created.escrow)} in escrow, "
        f"bundle {created.bundle}"
    )
