"""``example-data``: data sets to try the marketplace with."""

from __future__ import annotations

from pathlib import Path

import click

from decentralml.cli.options import FOLDER, Settings, common, examples, pass_settings
from decentralml.cli.output import document, table


@click.command(epilog=examples("decentralml example-data mnist --out data --parts 3"))
@click.argument("name", type=click.Choice(("mnist",)))
@click.option("--out", type=FOLDER, required=True, help="New folder to write.")
@click.option(
    "--parts",
    type=click.IntRange(1, 100),
    default=3,
    show_default=True,
    help="Contributors' disjoint, non-IID shards.",
)
@click.option("--seed", type=int, default=0, show_default=True)
@common
@pass_settings
def example_data(settings: Settings, name: str, out: Path, parts: int, seed: int) -> None:
    """Write a data set NAME, split for a creator, its contributors, validation and test.

    mnist: 5,000 real handwritten digits; also 'poisoned', a shard with wrong labels.
    """
    from decentralml.market.example_data import write_example_data

    counts = write_example_data(name, out, parts, seed)
    if settings.json:
        document({"folder": out, "images": counts})
        return
    digits = [str(digit) for digit in range(10)]
    table(
        ("folder", *digits, "total"),
        [(folder, *numbers, sum(numbers)) for folder, numbers in counts.items()],
        right=" ".join([*digits, "total"]),
    )
    click.echo(f"wrote {out}")
