"""``create-task``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from decentralml.cli.options import (
    EXISTING_FILE,
    EXISTING_FOLDER,
    Settings,
    choice,
    common,
    examples,
    pass_settings,
)
from decentralml.cli.output import document
from decentralml.cli.units import (
    AMOUNT,
    DURATION,
    PROPORTION,
    TIME,
    When,
    format_amount,
    parse_amount,
)
from decentralml.cli.wording import asset_amount
from decentralml.errors import AlreadyPosted
from decentralml.types import ModelType, StorageType, TaskId, TaskType, ValidationStrategy

if TYPE_CHECKING:
    from decentralml.market.session import Session


@click.command(
    epilog=examples(
        "decentralml create-task assets/model_contributor --base-model first-model \\",
        "    --reward 40 --fee 2 --results 3 --policy AutoAccept --min-gain 0.01 \\",
        "    --validation-path data/validation --expires 2h --as hospital",
        "decentralml create-task assets/data_annotator --type DataAnnotators --reward 5 --fee 1",
        "decentralml create-task scans --reward 400 --fee 5 --challenge-time 1d --invite bob",
    )
)
@click.argument("bundle", type=EXISTING_FOLDER, metavar="BUNDLE_PATH")
@click.option("--reward", metavar="TOKENS", required=True, help="For each accepted result.")
@click.option("--asset", type=click.IntRange(0), help="Asset of the reward; else native tokens.")
@click.option(
    "--fee", type=AMOUNT, required=True, help="For each aggregator that finds as the committee."
)
@click.option(
    "--bond",
    type=AMOUNT,
    help="Of a contributor  [default: all fees, or a tenth of the reward if that is more]",
)
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
@click.option(
    "--challenge-time",
    type=DURATION,
    default="0s",
    show_default=True,
    help="In which an outcome can be appealed against.",
)
@click.option("--base-model", type=EXISTING_FOLDER, help="Model to begin from: bundle's model/.")
@click.option(
    "--validation-path",
    type=EXISTING_FOLDER,
    help="Held-out data: sealed, its key given to the aggregators in office.",
)
@click.option("--validator", metavar="SCRIPT", help="The bundle's own judge (CustomAccept).")
@click.option("--min-score", type=PROPORTION, help="Least score of an acceptable result.")
@click.option("--min-gain", type=PROPORTION, help="Least gain over the base model.")
@click.option(
    "--tolerance",
    type=PROPORTION,
    default="1%",
    show_default=True,
    help="Scores this near to the committee's agree with it.",
)
@click.option(
    "--invite", "invite", multiple=True, metavar="ACCOUNT", help="Only who is invited may work."
)
@click.option("--invited-only", is_flag=True, help="The same, inviting later (`invite`).")
@click.option(
    "--min-standing",
    "minimum_reputation",
    type=PROPORTION,
    default="0",
    help="Least standing of a contributor.",
)
@click.option(
    "--gold",
    "gold_files",
    type=EXISTING_FILE,
    multiple=True,
    help="What you know of a result that you will plant (`gold`).",
)
@click.option(
    "--replay-segments",
    type=click.IntRange(1, 16),
    help="Parts of a replayable training that a committee does again  [default: 4]",
)
@click.option(
    "--merger",
    metavar="AGGREGATOR",
    help="Merges and publishes instead of you; results are released to it.",
)
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
@click.option(
    "--again",
    is_flag=True,
    help="Post another task, though the same was posted in the last ten minutes.",
)
@common
@pass_settings
def create_task(
    settings: Settings,
    /,
    bundle: Path,
    reward: str,
    asset: int | None,
    invite: tuple[str, ...],
    gold_files: tuple[Path, ...],
    expires: When | None,
    validation_path: Path | None,
    min_score: int | None,
    min_gain: int | None,
    parent: int | None,
    task_type: str | None,
    strategy: str | None,
    model_type: str | None,
    storage: str,
    merger: str | None,
    again: bool,
    **terms: Any,
) -> None:
    """Pack BUNDLE_PATH, store it, and post the task with its reward in escrow.

    The escrow holds results x (reward + fee x committee), the reward in its own asset. The same
    command, run again after an interruption, goes on where it stopped and posts no second task;
    run again within ten minutes after it has posted one, or twice at once, it asks first.
    """
    from decentralml.market.creating.creator import create_task as create
    from decentralml.market.creating.golds import read_gold
    from decentralml.market.creating.offer import Offer

    with settings.session() as session:
        offer = Offer(
            reward=reward_of(session, reward, asset),
            asset=asset,
            invited=tuple(session.resolve(name) for name in invite),
            golds=tuple(read_gold(file) for file in gold_files),
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
            merger=None if merger is None else session.resolve(merger),
            **terms,
        )
        try:
            created = create(session, bundle, offer, again=again or settings.yes)
        except AlreadyPosted as error:
            asked = f"The same task was posted {error.seconds} s ago (task {error.task}). Another?"
            if not settings.interactive or not settings.confirm(asked):
                raise
            created = create(session, bundle, offer)
        rewards = created.terms.slots * created.terms.reward
        more = "" if asset is None else f" and {asset_amount(session, asset, rewards)}"
    if settings.json:
        document(created)
        return
    state = "was posted before" if created.resumed else "is posted"
    click.echo(
        f"task {created.task} {state}: {format_amount(created.escrow)}{more} in escrow, "
        f"bundle {created.bundle}"
    )


def reward_of(session: Session, text: str, asset: int | None) -> int:
    """A reward as typed, in the smallest units of its asset."""
    from decentralml.market.assets import find_asset

    try:
        if asset is None:
            return parse_amount(text)
        return parse_amount(text, find_asset(session, asset).decimals)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--reward") from None
