"""``merge-labels``."""

from __future__ import annotations

from pathlib import Path

import click

from decentralml.cli.options import FOLDER, Settings, common, examples, pass_settings
from decentralml.cli.output import document, table, to_plain
from decentralml.types import TaskId


@click.command(
    epilog=examples(
        "decentralml merge-labels 3 --out labels --as hospital",
        "decentralml merge-labels 3 --out labels --gold gold.json --teach",
        "decentralml merge-labels 3 --out labels --method majority",
    )
)
@click.argument("task", type=click.IntRange(0))
@click.option("--out", type=FOLDER, required=True, help="New folder: labels.json, agreement.json.")
@click.option(
    "--method",
    type=click.Choice(("dawid-skene", "majority")),
    help="Weigh annotators by their estimated errors, or count heads  [default: dawid-skene; "
    "of free text majority]",
)
@click.option(
    "--gold",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="gold.json to hold annotators and the merged labels against.",
)
@click.option("--teach", is_flag=True, help="Let the gold say how reliable each annotator is.")
@click.option(
    "--only",
    type=click.IntRange(0),
    multiple=True,
    metavar="INDEX",
    help="Merge this accepted result; may be repeated  [default: all]",
)
@common
@pass_settings
def merge_labels(
    settings: Settings,
    task: int,
    out: Path,
    method: str | None,
    gold: Path | None,
    teach: bool,
    only: tuple[int, ...],
) -> None:
    """Merge the accepted label sets of a task into one, and show how annotators agree."""
    from decentralml.market.merging.labels import LabelMethod
    from decentralml.market.merging.labels import merge_labels as merge

    if teach and (gold is None or method == "majority"):
        raise click.UsageError("--teach needs --gold and the method dawid-skene")
    with settings.session() as session:
        merged = merge(
            session,
            TaskId(task),
            out,
            method=None if method is None else LabelMethod(method),
            gold=gold,
            teach=teach,
            only=only,
        )
        names = session.names
    if settings.json:
        document(to_plain(merged))
        return
    table(
        ("result", "annotator", "items", "agreement", "kappa", "reliability", "gold"),
        [
            (
                one.index,
                names.get(one.contributor, one.contributor),
                one.items,
                _share(one.agreement),
                _kappa(one.kappa),
                _share(one.reliability),
                _share(one.gold),
            )
            for one in merged.annotators
        ],
        right="result items agreement kappa reliability gold",
    )
    click.echo(f"Fleiss' kappa: {_kappa(merged.kappa) or 'no item has two labels'}")
    click.echo(f"{merged.items} items, {merged.disputed} of them disputed")
    if merged.gold is not None:
        click.echo(f"merged labels agree with the gold: {_share(merged.gold)}")
    click.echo(f"wrote {merged.folder}")


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.1%}"


def _kappa(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
