"""``appeal``, ``gold``, ``open-gold``, ``claim``: what a party does that was treated wrongly."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from decentralml.cli.options import (
    EXISTING_FILE,
    FILE,
    Settings,
    common,
    examples,
    pass_settings,
)
from decentralml.cli.output import document
from decentralml.cli.units import PROPORTION, format_amount
from decentralml.cli.wording import people, waiting
from decentralml.types import Address, TaskId, Verdict

if TYPE_CHECKING:
    from decentralml.market.creating.deciding import Appealing


@click.command(epilog=examples("decentralml appeal 3 1 --as bob"))
@click.argument("task", type=click.IntRange(0))
@click.argument("index", type=click.IntRange(0))
@common
@pass_settings
def appeal(settings: Settings, task: int, index: int) -> None:
    """Have all aggregators in office judge a result again, with a bond.

    The contributor can, of a result that was not accepted; the creator, of one that was; both while
    it may be challenged. The bond returns if the jury finds otherwise, else it pays the jury.
    """
    from decentralml.market.creating.deciding import appeal as judge_again

    with settings.session() as session:
        made = judge_again(session, TaskId(task), index)
        names, now = session.names, session.chain.now()
    _say_appeal(settings, made, names, now)


@click.command(epilog=examples("decentralml open-gold 3 1 gold.toml --as hospital"))
@click.argument("task", type=click.IntRange(0))
@click.argument("index", type=click.IntRange(0))
@click.argument("file", type=EXISTING_FILE)
@common
@pass_settings
def open_gold(settings: Settings, task: int, index: int, file: Path) -> None:
    """Appeal with the proof that you planted a result, and that the committee misjudged it.

    FILE is what `gold` wrote before the task was posted.
    """
    from decentralml.market.creating.deciding import appeal as judge_again
    from decentralml.market.creating.golds import read_gold

    gold = read_gold(file)
    with settings.session() as session:
        made = judge_again(session, TaskId(task), index, gold)
        names, now = session.names, session.chain.now()
    _say_appeal(settings, made, names, now)


def _say_appeal(
    settings: Settings, made: Appealing, names: Mapping[Address, str], now: int
) -> None:
    if settings.json:
        document(made)
        return
    click.echo(
        f"result {made.index} of task {made.task} is judged again by {people(made.jury, names)}; "
        f"bond {format_amount(made.bond)}"
    )
    if made.awaited is not None:
        click.echo(waiting(made.awaited, names, now))


@click.command(
    epilog=examples(
        "decentralml gold gold.toml --contributor decoy --verdict Fail --high 0.3",
        "decentralml gold good.toml --contributor decoy --verdict Pass --low 85% --high 95%",
    )
)
@click.argument("file", type=FILE)
@click.option("--contributor", required=True, help="The account of yours that will send it.")
@click.option(
    "--verdict",
    type=click.Choice([Verdict.PASS.value, Verdict.FAIL.value], case_sensitive=False),
    required=True,
    help="What an honest committee will find.",
)
@click.option("--low", type=PROPORTION, default="0", help="Least score that agrees with it.")
@click.option("--high", type=PROPORTION, default="1", help="Highest score that agrees with it.")
@common
@pass_settings
def gold(
    settings: Settings, file: Path, contributor: str, verdict: str, low: int, high: int
) -> None:
    """Write down what you know of a result that you will plant, in FILE, for `create-task --gold`.

    The task shows a commitment to it among decoys. If a committee finds otherwise, `open-gold`
    proves it, and whoever judged wrongly is slashed.
    """
    from decentralml.market.creating.golds import write_gold

    with settings.session() as session:
        made = write_gold(file, session.resolve(contributor), Verdict(verdict), low, high)
    if settings.json:
        document({"file": file, "gold": made})
    else:
        click.echo(f"{file}: keep it to yourself until you open it")


@click.command(epilog=examples("decentralml claim 3 0", "decentralml claim 3"))
@click.argument("task", type=click.IntRange(0))
@click.argument("index", type=click.IntRange(0), required=False)
@common
@pass_settings
def claim(settings: Settings, task: int, index: int | None) -> None:
    """Have paid what its asset (frozen, say) did not let be paid before. Anyone may.

    That is the reward of a result or, without INDEX, what is due back to the task's creator.
    """
    from decentralml.market.creating.deciding import claim as pay

    with settings.session() as session:
        receipt = pay(session, TaskId(task), index)
    if settings.json:
        document({"task": task, "index": index, "block": receipt.block})
    elif index is None:
        click.echo(f"what was due to the creator of task {task} is paid")
    else:
        click.echo(f"the reward of result {index} of task {task} is paid")
