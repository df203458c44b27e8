"""``models list``, ``models show``, ``models get``, ``models lineage``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from decentralml.cli.options import FOLDER, Settings, common, examples, pass_settings
from decentralml.cli.output import details, document, printable, table
from decentralml.cli.units import format_amount, format_proportion, format_time
from decentralml.cli.wording import asset_amount
from decentralml.types import LLM_TYPES, ModelType

if TYPE_CHECKING:
    from decentralml.db.lineage import Ancestor
    from decentralml.market.session import Session


@click.group()
def models() -> None:
    """Models that tasks led to, and those that runs on this machine made.

    A model goes by its CID (or the beginning of it), by the number of the task that published it,
    or by the UUID of a run's artifact.
    """


@models.command("list", epilog=examples("decentralml models list --type Vision"))
@click.option(
    "--type", "model_type", type=click.Choice([*ModelType, *LLM_TYPES], case_sensitive=False)
)
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True)
@common
@pass_settings
def list_(settings: Settings, /, model_type: str | None, limit: int) -> None:
    """List models, newest first."""
    from decentralml.market.merging.lineage import list_models

    wanted = None if model_type is None else ModelType(model_type)
    with settings.session() as session:
        found = list_models(session, wanted, limit)
        if settings.json:
            document(found)
            return
        rows: list[tuple[int, Sequence[object]]] = [
            (
                each.published_at,
                (each.cid, each.model_type, f"task {each.task}", session.called(each.creator)),
            )
            for each in found.published
        ]
        rows += [
            (
                round(each.created_at.timestamp() * 1000),
                (each.artifact_id, each.llm_type or "", f"run {str(each.session_id)[:8]}", ""),
            )
            for each in found.made
        ]
    rows = sorted(rows, key=lambda row: row[0], reverse=True)[:limit]
    if rows:
        shown = [(*row, format_time(at)) for at, row in rows]
        table(("model", "type", "from", "creator", "since"), shown)
    else:
        click.echo("no models")


@models.command(epilog=examples("decentralml models show bafybeih"))
@click.argument("model")
@common
@pass_settings
def show(settings: Settings, /, model: str) -> None:
    """Show one MODEL."""
    from decentralml.db.lineage import PublishedModel
    from decentralml.market.merging.lineage import find_model

    with settings.session() as session:
        found = find_model(session, model)
        if settings.json:
            document(found)
            return
        if isinstance(found, PublishedModel):
            details(
                [
                    ("model", found.cid),
                    ("type", found.model_type),
                    ("published", format_time(found.published_at)),
                    ("task", f"{found.task}, of {session.called(found.creator)}"),
                    ("merged from", f"{found.accepted} accepted results"),
                    ("lineage", f"decentralml models lineage {found.task}"),
                ]
            )
            return
    details(
        [
            ("model", found.artifact_id),
            ("name", found.name),
            ("type", found.llm_type),
            ("made", format_time(round(found.created_at.timestamp() * 1000))),
            ("run", found.session_id),
            ("bytes", found.size),
            ("content", found.cid),
            ("file", found.file_path),
        ]
    )


@models.command(epilog=examples("decentralml models get 3 --out next-model"))
@click.argument("model")
@click.option("--out", type=FOLDER, required=True, help="Where it goes; nothing may be there.")
@common
@pass_settings
def get(settings: Settings, /, model: str, out: Path) -> None:
    """Fetch a MODEL and verify it against its CID."""
    from decentralml.market.merging.lineage import get_model

    with settings.session() as session:
        place = get_model(session, model, out)
    if settings.json:
        document({"model": model, "path": place})
    else:
        click.echo(f"model: {place}")


@models.command(epilog=examples("decentralml models lineage 3"))
@click.argument("model")
@common
@pass_settings
def lineage(settings: Settings, /, model: str) -> None:
    """Show where a published MODEL comes from: tasks, contributors, payments, back to the first."""
    from decentralml.market.merging.lineage import model_lineage

    with settings.session() as session:
        found = model_lineage(session, model)
        if settings.json:
            document(found)
            return
        for line in _tree(session, found):
            click.echo(printable(line))


def _tree(session: Session, found: Sequence[Ancestor]) -> Iterator[str]:
    """The newest model at the root, what it was made from below it."""
    indent = ""
    for place, each in enumerate(found):
        last = place == len(found) - 1
        branch = "" if place == 0 else "└─ "
        called = each.model or "no model yet"
        yield f"{indent}{branch}{called} ({each.model_type}), task {each.task}"
        indent += "" if place == 0 else "   "
        leaves = list(_leaves(session, each, last))
        for number, leaf in enumerate(leaves):
            end = last and number == len(leaves) - 1
            yield f"{indent}{'└─' if end else '├─'} {leaf}"


def _leaves(session: Session, each: Ancestor, last: bool) -> Iterator[str]:
    yield f"posted by {session.called(each.creator)} ({each.task_type})"
    for part in each.contributions:
        score = "" if part.score is None else f", score {format_proportion(part.score)}"
        paid = asset_amount(session, part.asset, part.reward)
        who = session.called(part.contributor)
        where = "" if part.task == each.task else f" (task {part.task})"
        yield f"result {part.index} of {who}{where}{score}, paid {paid}: {part.result}"
    if each.fees:
        fees = ", ".join(
            f"{session.called(fee.member)} {format_amount(fee.amount)}" for fee in each.fees
        )
        yield f"aggregators' fees: {fees}"
    if last:
        yield f"began from bundle {each.bundle}"
